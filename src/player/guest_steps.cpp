// What the guest does, as operations of its scripted vCPU: include/gmem/guest_script.h says what each field means.

#include "player/perform.hpp"
#include "scenario/operations.hpp"

#include <cstring>

namespace gmem::player {
namespace {

using scenario::Does;

constexpr std::uint64_t page { driver::page_size };
constexpr std::uint64_t encrypted { 1 << 4 };              // KVM_MAP_GPA_RANGE_ENCRYPTED
constexpr std::uint64_t psc_private { 1 }, psc_shared { 2 }; // GHCB: page state change operations
constexpr std::uint64_t psc_request { 0x014 };               // GHCB MSR protocol

std::uint32_t flags_of(std::optional<scenario::Side> side)
{
    switch (side.value_or(scenario::Side::shared)) {
    case scenario::Side::private_: return GMEM_GUEST_PRIVATE;
    case scenario::Side::either: return GMEM_GUEST_EITHER;
    case scenario::Side::shared: return 0;
    }
    __builtin_unreachable();
}

// 8 bytes at a time: `opcode` is LOAD or STORE.
std::vector<gmem_guest_op> words(std::uint32_t opcode, std::uint32_t flags, std::uint64_t gpa, Bytes const &bytes)
{
    std::vector<gmem_guest_op> operations;
    for (std::size_t at { 0 }; at < bytes.size(); at += 8) {
        std::uint64_t word { 0 };
        if (opcode == GMEM_GUEST_STORE)
            std::memcpy(&word, bytes.data() + at, 8);
        operations.push_back(driver::operation(opcode, flags, gpa + at, 8, word));
    }
    return operations;
}

gmem_guest_op state_change_list(Stage &stage, std::vector<scenario::StateChange> const &changes)
{
    auto &list { *reinterpret_cast<gmem_guest_psc *>(stage.list_page()) };
    list = {};
    list.end_entry = static_cast<std::uint16_t>(changes.size() - 1);
    for (std::size_t i { 0 }; i < changes.size(); ++i)
        list.entries[i] = GMEM_GUEST_PSC_ENTRY(stage.gpa(changes[i].at), changes[i].to_private ? psc_private : psc_shared, changes[i].huge);
    return driver::operation(GMEM_GUEST_PSC_NAE, 0, Stage::list_gpa);
}

gmem_guest_op single(Stage &stage, scenario::Step const &step)
{
    auto const &g { step.given };
    auto const gpa { g.at ? stage.gpa(*g.at) : 0 };
    auto const size { g.size.value_or(page) };
    bool const to_private { g.to_private.value_or(false) };
    auto const flag { [](bool set, std::uint32_t which) { return set ? which : 0; } };
    auto const direction { flag(to_private, GMEM_GUEST_PRIVATE) }, huge { flag(g.huge, GMEM_GUEST_HUGE) };
    switch (step.operation->does) {
    case Does::load: return driver::operation(GMEM_GUEST_LOAD, flags_of(g.side), gpa, g.size.value_or(8));
    case Does::store: return driver::operation(GMEM_GUEST_STORE, flags_of(g.side), gpa, g.size.value_or(8), *g.value);
    case Does::map_gpa_range: return driver::operation(GMEM_GUEST_MAP_GPA_RANGE, 0, gpa, size / page, to_private ? encrypted : 0);
    case Does::psc_msr: return driver::operation(GMEM_GUEST_PSC_MSR, 0, 0, 0, gpa | (to_private ? psc_private : psc_shared) << 52 | psc_request);
    case Does::psc_list: return state_change_list(stage, g.entries);
    case Does::map_gpa: return driver::operation(GMEM_GUEST_TD_MAPGPA, direction, gpa, size);
    case Does::mem_share: return driver::operation(GMEM_GUEST_MEM_SHARE, 0, gpa);
    case Does::mem_unshare: return driver::operation(GMEM_GUEST_MEM_UNSHARE, 0, gpa);
    case Does::mem_relinquish: return driver::operation(GMEM_GUEST_MEM_RELINQUISH, 0, gpa);
    case Does::ipa_state_set: return driver::operation(GMEM_GUEST_RSI_IPA_STATE_SET, direction | flag(g.destroyed_too, GMEM_GUEST_DESTROYED_TOO), gpa, 0, gpa + size);
    case Does::pvalidate: return driver::operation(GMEM_GUEST_PVALIDATE, huge | flag(g.rescind, GMEM_GUEST_RESCIND), gpa);
    case Does::accept: return driver::operation(GMEM_GUEST_TD_ACCEPT, huge, gpa);
    default: return driver::operation(GMEM_GUEST_HALT);
    }
}

} // namespace

void do_guest(Stage &stage, scenario::Step const &step, Seen &seen)
{
    auto const &g { step.given };
    auto const size { g.size.value_or(page) };
    switch (step.operation->does) {
    case Does::run:
        stage.go_on(g.answer, seen);
        break;
    case Does::guest_read:
        stage.start(words(GMEM_GUEST_LOAD, flags_of(g.side), stage.gpa(*g.at), Bytes(size)), size, seen);
        break;
    case Does::guest_write:
        stage.start(words(GMEM_GUEST_STORE, flags_of(g.side), stage.gpa(*g.at), filled(*g.text, size)), 0, seen);
        break;
    case Does::halt:
        stage.start({}, 0, seen);
        break;
    default:
        stage.start({ single(stage, step) }, 0, seen);
    }
}

} // namespace gmem::player
