#include "library/launch.hpp"

#include "kvm/launch/program_page.hpp"
#include "kvm/launch/report.hpp"
#include "observe/recording.hpp"
#include "os/mapping_calls.hpp"

#include <algorithm>
#include <new>
#include <span>

namespace gmem::library {
namespace {

using platform::Kind;
using platform::snp::Firmware;
using platform::snp::PageType;
using platform::tdx::Seam;

Status answer(Firmware f) noexcept
{
    switch (f) {
    case Firmware::success:        return Ok {};
    case Firmware::resource_limit: return Error::with_errno(ENOMEM, "launch.hash");
    default:                       return Error::with_errno(EIO, name_of(f));
    }
}

Status answer(Seam s) noexcept { return s == Seam::success ? Status { Ok {} } : Error::with_errno(EIO, name_of(s)); }
Status answer(platform::cca::RmiResult r) noexcept { return r ? Status { Ok {} } : Error::with_errno(kvm::launch::errno_of(r), "launch.rmm"); }
Status answer(long zero_or_negative) noexcept { return zero_or_negative == 0 ? Status { Ok {} } : Error::with_errno(static_cast<int>(-zero_or_negative), "launch.begin"); }

constexpr Error invalid { Error::with_errno(EINVAL, "launch") };

std::optional<PageType> snp_type_of(gmem_launch_page type) noexcept
{
    switch (type) {
    case GMEM_LAUNCH_MEASURED:   return PageType::normal;
    case GMEM_LAUNCH_UNMEASURED: return PageType::unmeasured;
    case GMEM_LAUNCH_ZERO:       return PageType::zero;
    case GMEM_LAUNCH_SECRETS:    return PageType::secrets;
    case GMEM_LAUNCH_CPUID:      return PageType::cpuid;
    }
    return std::nullopt;
}

using Step = observe::LaunchStep;

// Makes `call(event)`, a step of the launch of `file`. The file of a step that adds pages is said by who adds them.
template <typename Call>
Status recorded(memory::GuestMemory const &file, Step step, Call &&call) noexcept
{
    observe::Recording event { observe::Kind::launch, observe::Asks::who_called };
    if (event) [[unlikely]] {
        event->detail = static_cast<std::uint8_t>(step);
        event->file = file.facts().inode;
    }
    auto const result { call(event) };
    event.done(result);
    return result;
}

// A step in the words of the three platforms' ioctls.
Step step_of(Kind kind, Step snp, Step tdx, Step cca) noexcept { return kind == Kind::snp ? snp : kind == Kind::tdx ? tdx : cca; }

} // namespace

void note_finished(memory::GuestMemory &file) noexcept
{
    auto const &vm { file.header().vm };
    auto const kind { vm.kind };
    if (vm.phase.load(std::memory_order_acquire) == platform::Phase::launching && (kind == Kind::snp || kind == Kind::tdx || kind == Kind::cca))
        (void)observe::note(observe::Kind::launch, { .detail = static_cast<std::uint8_t>(step_of(kind, Step::snp_finish, Step::tdx_finalize, Step::realm_activate)), .file = file.facts().inode }, observe::Asks::who_called);
}

Result<Launch *> Launch::begin(memory::GuestMemory &file, gmem_realm_parameters const *realm) noexcept
{
    GMEM_TRY(at, os::map_anonymous(sizeof(Launch), MAP_PRIVATE));
    auto *const launch { new (reinterpret_cast<void *>(at)) Launch { file } };
    file.acquire();
    auto const started { recorded(file, step_of(file.header().vm.kind, Step::snp_start, Step::tdx_init_vm, Step::other), [&](observe::Recording &) noexcept { return launch->start(realm); }) };
    if (started)
        return launch;
    launch->end();
    return started.error();
}

void Launch::end() noexcept
{
    auto &file { file_ };
    this->~Launch();
    os::unmap({ reinterpret_cast<std::uintptr_t>(this), reinterpret_cast<std::uintptr_t>(this) + sizeof *this });
    file.release();
}

Status Launch::start(gmem_realm_parameters const *realm) noexcept
{
    os::SignalsBlocked const signals;
    os::Locked guard { lock_ };
    if (ended() || (realm && vm().kind != Kind::cca))
        return invalid;
    switch (vm().kind) {
    case Kind::snp: return answer(kvm::launch::begin(snp_.emplace(), {}, vm().id, vm().key));
    case Kind::tdx: return answer(kvm::launch::begin(td_, vm().id));
    case Kind::cca: return answer(kvm::launch::begin(realm_.emplace(), realm));
    default: return invalid;
    }
}

Result<std::uint64_t> Launch::add_some(gmem_launch_page type, kvm::launch::Stretch const &pages, std::uintptr_t source, os::SignalsBlocked const &signals) noexcept
{
    auto const measured { type == GMEM_LAUNCH_MEASURED };
    if (snp_) {
        auto const t { snp_type_of(type) };
        if (!t)
            return invalid;
        kvm::launch::SnpPages to { *snp_, { .type = *t, .frame = pages.frame, .source = source, .in_place = true } };
        auto const added { kvm::launch::populate(pages, source, nullptr, signals, to) };
        if (auto &event { *pages.event }) [[unlikely]] {
            event->more[2] = static_cast<std::uint64_t>(*t);
            event->value = added ? std::uint16_t { 0 } : static_cast<std::uint16_t>(to.answer());
        }
        return added;
    }
    if (!measured && type != GMEM_LAUNCH_UNMEASURED)
        return invalid;
    if (realm_) {
        kvm::launch::RealmPages to { *realm_, measured };
        return kvm::launch::populate(pages, source, nullptr, signals, to);
    }
    kvm::launch::TdxPages to { *td_, measured ? platform::tdx::Measure::yes : platform::tdx::Measure::no, true, never_written_ };
    return kvm::launch::populate(pages, source, nullptr, signals, to);
}

Status Launch::add(gmem_launch_page type, PageRange r, std::uintptr_t source, std::uint64_t &done) noexcept
{
    done = 0;
    return recorded(file_, step_of(vm().kind, Step::snp_update, Step::tdx_init_mem_region, Step::realm_populate), [&](observe::Recording &event) noexcept {
        if (event) [[unlikely]]
            event->more[0] = raw(r.offset());
        return add(type, r, source, done, event);
    });
}

// A signal gets its turn, and then it goes on.
Status Launch::add(gmem_launch_page type, PageRange r, std::uintptr_t source, std::uint64_t &done, observe::Recording &event) noexcept
{
    while (done < r.pages()) {
        os::SignalsBlocked const signals;
        os::Locked guard { lock_ };
        if (ended())
            return invalid;
        auto const first { r.first().plus(done) };
        auto const some { add_some(type, { file_, first, first.index(), r.pages() - done, &event }, source ? source + done * page_size : 0, signals) };
        if (!some && some.error().err != EINTR) {
            kvm::launch::warn(never_written_, type == GMEM_LAUNCH_MEASURED ? platform::tdx::Measure::yes : platform::tdx::Measure::no);
            return some.error();
        }
        done += some ? some.value() : 0;
        pages_ += some ? some.value() : 0;
        if (done == r.pages())
            kvm::launch::warn(never_written_, type == GMEM_LAUNCH_MEASURED ? platform::tdx::Measure::yes : platform::tdx::Measure::no);
    }
    return Ok {};
}

Status Launch::add_vmsa(void const *state) noexcept
{
    kvm::launch::VmsaPages vmsas { vm().id, vm().key };
    if (!vmsas)
        return Error::of(Why::no_memory, "launch.vmsa");
    if (!kvm::launch::take(vmsas.page(), reinterpret_cast<std::uintptr_t>(state), page_size))
        return Error::with_errno(EFAULT, "launch.vmsa");
    GMEM_CHECK(answer(vmsas.add(*snp_, vcpus_)));
    ++vcpus_;
    ++pages_;
    return Ok {};
}

Status Launch::add_vcpu(void const *state, std::size_t size) noexcept
{
    return recorded(file_, step_of(vm().kind, Step::other, Step::tdx_init_vcpu, Step::other), [&](observe::Recording &) noexcept { return add_vcpu_unnoted(state, size); });
}

Status Launch::add_vcpu_unnoted(void const *state, std::size_t size) noexcept
{
    os::SignalsBlocked const signals;
    os::Locked guard { lock_ };
    if (ended() || (state == nullptr) != (size == 0))
        return invalid;
    if (snp_)
        return size == page_size ? add_vmsa(state) : invalid;
    if (td_)
        return size == 0 ? answer(td_->create_vcpu()) : invalid;
    gmem_realm_rec rec;
    if (size != sizeof rec)
        return invalid;
    if (!kvm::launch::take(&rec, reinterpret_cast<std::uintptr_t>(state), sizeof rec))
        return Error::with_errno(EFAULT, "launch.rec");
    return answer(kvm::launch::add_rec(*realm_, rec));
}

Status Launch::finish() noexcept
{
    return recorded(file_, step_of(vm().kind, Step::snp_finish, Step::tdx_finalize, Step::realm_activate), [&](observe::Recording &event) noexcept { return finish(event); });
}

Status Launch::finish(observe::Recording &event) noexcept
{
    os::SignalsBlocked const signals;
    os::Locked guard { lock_ };
    if (ended())
        return invalid;
    GMEM_CHECK(snp_ ? answer(snp_->finish({})) : td_ ? answer(td_->finalize()) : answer(realm_->activate()));
    event.write(0);
    file_.set_phase(platform::Phase::running);
    auto const m { measured() };
    kvm::launch::report(vm().kind, std::span { m.bytes }.first(m.size), pages_);
    return Ok {};
}

platform::measure::Measurement Launch::measurement() noexcept
{
    os::SignalsBlocked const signals;
    os::Locked guard { lock_ };
    return measured();
}

platform::measure::Measurement Launch::measured() const noexcept
{
    platform::measure::Measurement m { .size = 48 };
    if (realm_)
        return realm_->rim();
    if (td_) {
        std::byte mrtd[platform::tdx::mrtd_bytes];
        td_->mrtd().read(mrtd);
        std::ranges::copy(mrtd, m.bytes);
    } else {
        std::ranges::copy(snp_->digest(), m.bytes);
    }
    return m;
}

} // namespace gmem::library
