#include "kvm/launch/cca.hpp"

#include "kvm/launch/program_page.hpp"
#include "kvm/launch/report.hpp"
#include "platform/cca/populate.hpp"

#include "gmem/realm.h"

namespace gmem::kvm::launch {
namespace {

static_assert(sizeof(gmem_realm_populate) == 32);

constexpr platform::measure::CcaRealm parameters { .s2sz = 48 }; // what a VMM cannot choose here: docs/launch.md

int refused(platform::cca::RmiResult r) noexcept { return r.status == platform::cca::Rmi::no_hash ? -ENOMEM : -ENXIO; }

struct Request final {
    std::uint64_t frame, pages;
    std::uintptr_t source;
    bool measure;
};

Result<Request> parse(gmem_realm_populate const &q) noexcept
{
    if ((q.flags & ~GMEM_REALM_MEASURE) != 0 || q.reserved != 0)
        return Error::of(Why::bad_argument, "realm_populate.flags");
    if (q.size == 0 || (q.base | q.size | q.source_uaddr) % page_size != 0 || q.base + q.size <= q.base)
        return Error::of(Why::bad_argument, "realm_populate.range");
    if (q.source_uaddr == 0)
        return Error::of(Why::not_supported, "realm_populate.source");
    return Request { q.base >> page_bits, q.size >> page_bits, q.source_uaddr, (q.flags & GMEM_REALM_MEASURE) != 0 };
}

// A page that is not the realm's RAM yet becomes it first (RMI_RTT_INIT_RIPAS), which is measured as well.
class Population final : public Populator {
public:
    Population(platform::cca::Realm &realm, bool measure) noexcept : realm_ { realm }, measure_ { measure } {}

    int page(PageOfLaunch const &at) noexcept override
    {
        auto pages { at.trusted.pages() };
        std::uint64_t done { 0 };
        if (auto const ram { realm_.init_ripas(pages, PageRange::one(at.page), at.frame, done) }; !ram && ram.status != platform::cca::Rmi::error_rtt) // rtt: RAM already
            return refused(ram);
        auto const populated { platform::cca::populate(realm_, pages, at.page, at.frame, at.source, measure_) };
        return populated ? 0 : -populated.error().err;
    }

private:
    platform::cca::Realm &realm_;
    bool measure_;
};

} // namespace

long Cca::create() noexcept
{
    if (realm_.state() != platform::cca::Realm::State::none)
        return 0;
    auto const created { realm_.create(parameters, crypto::Hash::sha256) };
    return created ? 0 : refused(created);
}

long Cca::populate(std::uintptr_t argument, Memory const &memory) noexcept
{
    gmem_realm_populate request;
    if (!take(&request, argument, sizeof request))
        return -EFAULT;
    auto const parsed { parse(request) };
    if (!parsed)
        return -parsed.error().err;
    if (finished())
        return -ENXIO; // the RMM's: the realm is no longer NEW
    if (auto const created { create() }; created != 0)
        return created;
    auto const &what { parsed.value() };
    Population callback { realm_, what.measure };
    auto const done { launch::populate(memory, what.frame, what.source, what.pages, callback) };
    if (!done)
        return -done.error().err;
    pages_ += done.value();
    request.base += done.value() * page_size;
    request.size -= done.value() * page_size;
    request.source_uaddr += done.value() * page_size;
    return give(argument, &request, sizeof request) ? 0 : -EFAULT;
}

long Cca::activate() noexcept
{
    if (finished())
        return 0;
    if (auto const created { create() }; created != 0)
        return created;
    if (auto const active { realm_.activate() }; !active)
        return refused(active);
    auto const rim { realm_.rim() };
    report(platform::Kind::cca, { rim.bytes, rim.size }, pages_);
    return 0;
}

} // namespace gmem::kvm::launch
