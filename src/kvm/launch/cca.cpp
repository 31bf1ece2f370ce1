#include "kvm/launch/cca.hpp"

#include "kvm/launch/pages.hpp"
#include "kvm/launch/program_page.hpp"
#include "kvm/launch/report.hpp"

#include "gmem/realm.h"

namespace gmem::kvm::launch {
namespace {

static_assert(sizeof(gmem_realm_populate) == 32 && sizeof(gmem_realm_parameters) == 16 && sizeof(gmem_realm_rec) == 80);

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

} // namespace

// A VMM that does not choose gets a realm when it first needs one.
long Cca::create() noexcept { return realm_.state() == platform::cca::Realm::State::none ? begin(realm_, nullptr) : 0; }

long Cca::create(std::uintptr_t argument) noexcept
{
    gmem_realm_parameters wished;
    return take(&wished, argument, sizeof wished) ? begin(realm_, &wished) : -EFAULT;
}

long Cca::create_rec(std::uintptr_t argument, VcpuState &vcpu) noexcept
{
    gmem_realm_rec rec;
    if (!take(&rec, argument, sizeof rec))
        return -EFAULT;
    if (vcpu.rec_created)
        return -EINVAL;
    if (auto const created { create() }; created != 0)
        return created;
    auto const added { add_rec(realm_, rec) };
    vcpu.rec_created = added == 0;
    return added;
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
    RealmPages callback { realm_, what.measure };
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
        return -errno_of(active);
    auto const rim { realm_.rim() };
    report(platform::Kind::cca, { rim.bytes, rim.size }, pages_);
    return 0;
}

} // namespace gmem::kvm::launch
