#include "kvm/scripted/page.hpp"

#include "memory/trusted_side.hpp"

#include <cstring>

namespace gmem::kvm::scripted {
namespace {

using platform::Access;
using platform::GuestVerdict;

// Which exception a platform's guest takes where the verdict says that it takes one.
constexpr std::uint64_t exception_of(platform::Kind k) noexcept
{
    switch (k) {
    case platform::Kind::snp:          return GMEM_GUEST_EXCEPTION + GMEM_GUEST_VC;
    case platform::Kind::tdx:          return GMEM_GUEST_EXCEPTION + GMEM_GUEST_VE;
    case platform::Kind::pkvm:
    case platform::Kind::cca:
    case platform::Kind::sw_protected: return GMEM_GUEST_EXCEPTION + GMEM_GUEST_ABORT;
    }
    __builtin_unreachable();
}

Met met_by(GuestVerdict const &verdict, platform::Kind kind, platform::Side side) noexcept
{
    switch (verdict.what) {
    case GuestVerdict::What::plain:
    case GuestVerdict::What::ciphertext:
    case GuestVerdict::What::zeros:           return {};
    case GuestVerdict::What::guest_exception: return { Met::What::exception, side, exception_of(kind) };
    case GuestVerdict::What::memory_fault:    return Met::fault(side);
    case GuestVerdict::What::vm_dead:         return { Met::What::vm_dead, side, 0 };
    case GuestVerdict::What::retry:           return { Met::What::retry, side, 0 };
    }
    __builtin_unreachable();
}

void copy_ciphertext(memory::TrustedSide const &trusted, PageNo p, std::size_t offset, void *bytes, std::size_t size) noexcept
{
    std::byte page[page_size];
    trusted.platform().read_ciphertext(trusted.pages(), p, page);
    std::memcpy(bytes, page + offset, size);
}

// One access for other vCPUs as well, where a processor's would be.
template <typename Word>
bool one_word(std::uintptr_t guest, Access access, void *bytes, std::size_t size) noexcept
{
    if (size != sizeof(Word) || guest % sizeof(Word) != 0)
        return false;
    auto *const at { reinterpret_cast<Word *>(guest) };
    Word word;
    if (access == Access::read) {
        word = __atomic_load_n(at, __ATOMIC_ACQUIRE);
        std::memcpy(bytes, &word, sizeof word);
    } else {
        std::memcpy(&word, bytes, sizeof word);
        __atomic_store_n(at, word, __ATOMIC_RELEASE);
    }
    return true;
}

void copy_view(std::uintptr_t guest, Access access, void *bytes, std::size_t size) noexcept
{
    if (one_word<std::uint64_t>(guest, access, bytes, size) || one_word<std::uint32_t>(guest, access, bytes, size) || one_word<std::uint16_t>(guest, access, bytes, size))
        return;
    auto *const at { reinterpret_cast<void *>(guest) };
    std::memcpy(access == Access::read ? bytes : at, access == Access::read ? at : bytes, size);
}

} // namespace

Met access_page(memory::GuestMemory &file, PageNo p, std::uint64_t gpa, platform::Side side, Access access, void *bytes, std::size_t size) noexcept
{
    memory::TrustedSide trusted { file };
    auto const address { file.view() + raw(p.to_bytes()) + gpa % page_size };
    if (trusted.platform().keeps_records()) {
        if (side == platform::Side::private_)
            if (auto const made { trusted.make_private(p, gpa >> page_bits, memory::GuestMemory::Accepts::guest) }; !made)
                return Met::fault(side, made.error().err);
        auto const verdict { trusted.platform().guest_access(trusted.pages(), p, gpa >> page_bits, side, access) };
        if (verdict.what == GuestVerdict::What::ciphertext && access == Access::read)
            copy_ciphertext(trusted, p, gpa % page_size, bytes, size);
        if (verdict.what == GuestVerdict::What::zeros && access == Access::read)
            std::memset(bytes, 0, size);
        if (verdict.what != GuestVerdict::What::plain)
            return met_by(verdict, trusted.platform().kind(), side);
    }
    copy_view(address, access, bytes, size);
    return {};
}

Answered instruct_page(memory::GuestMemory &file, PageNo p, Operation const &operation) noexcept
{
    auto const frame { operation.gpa >> page_bits };
    memory::TrustedSide trusted { file };
    auto const give { [&trusted, p, frame]() noexcept { return trusted.make_private(p, frame, memory::GuestMemory::Accepts::guest); } };
    if (is_access(operation.opcode))
        if (auto const made { give() }; !made)
            return { .met = Met::fault(platform::Side::private_, made.error().err) };
    if (auto const staged { trusted.stage(PageRange::one(p)) }; !staged)
        return { .met = Met::fault(platform::Side::private_, staged.error().err) };
    auto pages { trusted.pages() };
    auto const answered { instruct(trusted.platform().kind(), pages, p, frame, operation) };
    trusted.settle(PageRange::one(p));
    if (answered.met.what == Met::What::retry && !is_access(operation.opcode))
        if (auto const made { give() }; !made)
            return { .met = Met::fault(platform::Side::private_, made.error().err) };
    return answered;
}

} // namespace gmem::kvm::scripted
