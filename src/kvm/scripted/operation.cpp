#include "kvm/scripted/operation.hpp"

#include "base/units.hpp"

#include <algorithm>
#include <array>

namespace gmem::kvm::scripted {
namespace {

using platform::Kind;

// What gpa and size have to be.
enum class Shape : std::uint8_t {
    access,    // 1, 2, 4 or 8 bytes inside one page
    words,     // some 64-bit words
    nothing,   // both 0
    port,      // a 16-bit port, 1, 2 or 4 bytes
    operation, // where an operation may lie
    request,   // anything: who answers the request judges it
    address,   // gpa is anything, size 0
};

// Fields beyond gpa and size that the operation has.
enum Fields : std::uint8_t { no_field = 0, with_value = 1, with_extra = 2 };

struct Row final {
    Opcode opcode;
    std::uint32_t flags;
    Shape shape;
    std::uint8_t fields;
    std::optional<Kind> platform;
};

constexpr std::uint32_t either_side { GMEM_GUEST_PRIVATE | GMEM_GUEST_EITHER };
constexpr std::nullopt_t any { std::nullopt };

constexpr std::array rows {
    //    opcode                     flags                                    shape             fields                   platform
    Row { Opcode::load,              either_side,                              Shape::access,    no_field,                any },
    Row { Opcode::store,             either_side,                              Shape::access,    with_value,              any },
    Row { Opcode::fill,              either_side,                              Shape::words,     with_value,              any },
    Row { Opcode::check,             either_side,                              Shape::words,     with_value,              any },
    Row { Opcode::halt,              0,                                       Shape::nothing,   no_field,                any },
    Row { Opcode::io_out,            0,                                       Shape::port,      with_value,              any },
    Row { Opcode::io_in,             0,                                       Shape::port,      no_field,                any },
    Row { Opcode::jump,              0,                                       Shape::operation, no_field,                any },
    Row { Opcode::loop,              0,                                       Shape::operation, with_value,              any },
    Row { Opcode::map_gpa_range,     0,                                       Shape::request,   with_value,              any },
    Row { Opcode::psc_msr,           0,                                       Shape::nothing,   with_value,              Kind::snp },
    Row { Opcode::psc_nae,           0,                                       Shape::address,   no_field,                Kind::snp },
    Row { Opcode::td_mapgpa,         GMEM_GUEST_PRIVATE,                      Shape::request,   no_field,                Kind::tdx },
    Row { Opcode::mem_share,         0,                                       Shape::address,   with_value | with_extra, Kind::pkvm },
    Row { Opcode::mem_unshare,       0,                                       Shape::address,   with_value | with_extra, Kind::pkvm },
    Row { Opcode::mem_relinquish,    0,                                       Shape::address,   with_value | with_extra, Kind::pkvm },
    Row { Opcode::rsi_ipa_state_set, GMEM_GUEST_PRIVATE | GMEM_GUEST_DESTROYED_TOO, Shape::address,   with_value,              Kind::cca },
    Row { Opcode::pvalidate,         GMEM_GUEST_RESCIND | GMEM_GUEST_HUGE,    Shape::address,   no_field,                Kind::snp },
    Row { Opcode::rmpadjust,         GMEM_GUEST_HUGE,                         Shape::address,   with_value,              Kind::snp },
    Row { Opcode::td_accept,         GMEM_GUEST_HUGE,                         Shape::address,   no_field,                Kind::tdx },
};

Row const *row_of(std::uint32_t opcode) noexcept
{
    auto const *const row { std::ranges::find(rows, static_cast<Opcode>(opcode), &Row::opcode) };
    return row == rows.end() ? nullptr : row;
}

bool has_shape(Shape shape, std::uint64_t gpa, std::uint64_t size) noexcept
{
    bool const power_of_two { size != 0 && (size & (size - 1)) == 0 };
    bool const in_memory { gpa < Operation::end_of_memory && size <= Operation::end_of_memory - gpa };
    switch (shape) {
    case Shape::access:    return in_memory && power_of_two && size <= 8 && gpa % page_size + size <= page_size;
    case Shape::words:     return in_memory && size != 0 && gpa % 8 == 0 && size % 8 == 0;
    case Shape::nothing:   return gpa == 0 && size == 0;
    case Shape::port:      return gpa <= 0xffff && power_of_two && size <= 4;
    case Shape::operation: return gpa % Operation::bytes == 0 && in_memory && size == 0;
    case Shape::request:   return true;
    case Shape::address:   return size == 0;
    }
    __builtin_unreachable();
}

} // namespace

std::optional<Operation> Operation::decode(gmem_guest_op const &raw) noexcept
{
    auto const *const row { row_of(raw.opcode) };
    if (!row || (raw.flags & ~row->flags) || (raw.flags & either_side) == either_side || raw.reserved != 0)
        return std::nullopt;
    if (!has_shape(row->shape, raw.gpa, raw.size) || (raw.value && !(row->fields & with_value)) || (raw.extra && !(row->fields & with_extra)))
        return std::nullopt;
    return Operation { row->opcode, raw.flags, raw.gpa, raw.size, raw.value, raw.extra, raw.result };
}

std::optional<Kind> Operation::platform() const noexcept { return row_of(static_cast<std::uint32_t>(opcode))->platform; }

static_assert([] {
    for (std::size_t i { 1 }; i < rows.size(); ++i)
        if (rows[i - 1].opcode >= rows[i].opcode)
            return false;
    return true;
}(), "an opcode has one row");

} // namespace gmem::kvm::scripted
