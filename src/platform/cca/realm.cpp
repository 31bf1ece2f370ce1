#include "platform/cca/realm.hpp"

#include <cstring>

namespace gmem::platform::cca {
namespace {

constexpr RmiResult rmi_no_hash { Rmi::no_hash };

// A source that lies in the same file must be the host's, which the destination is not. Elsewhere it is memory of the host.
bool host_may_give(Pages const &pages, std::byte const *source) noexcept
{
    auto const base { reinterpret_cast<std::uintptr_t>(pages.bytes) };
    auto const at { reinterpret_cast<std::uintptr_t>(source) };
    if (!source)
        return false;
    if (at < base || at >= base + raw(pages.count.to_bytes()))
        return true;
    PageNo const from { (at - base) >> page_bits };
    return (at - base) % page_size == 0 && record_as<PageState>(pages.record(from)).pas == Pas::non_secure;
}

}

RmiResult Realm::create(measure::CcaRealm const &p, crypto::Hash hash) noexcept
{
    if (state_ != State::none)
        return rmi_error_realm;
    if (p.s2sz < 32 || p.s2sz > 52 || hash == crypto::Hash::sha384)
        return rmi_error_input;
    auto const *const primitives { crypto::primitives() };
    if (!primitives)
        return rmi_no_hash;
    measure::CcaDigest rim { *primitives, hash };
    if (!rim.begin(p))
        return rmi_no_hash;
    rim_ = rim;
    space_ = { p.s2sz };
    state_ = State::created;
    return rmi_success;
}

RmiResult Realm::activate() noexcept
{
    if (state_ != State::created)
        return rmi_error_realm;
    state_ = State::active;
    return rmi_success;
}

RmiResult Realm::init_ripas(Pages &pages, PageRange r, std::uint64_t first_frame, std::uint64_t &done) noexcept
{
    done = 0;
    auto const last_frame { first_frame + (r.pages() - 1) };
    if (last_frame < first_frame || !space_.is_protected(last_frame) || pages.count < r.last())
        return rmi_error_input;
    if (state_ != State::created)
        return rmi_error_realm;

    // First how far it goes, then the measurement, which may fail, then the entries.
    auto const set { [&pages, &r, first_frame](std::uint64_t i, bool keep) noexcept {
        auto &record { pages.record(r.first().plus(i)) };
        auto page { record_as<PageState>(record) };
        if (!step(page, first_frame + i, EntryCommand::init_ripas))
            return false;
        if (keep)
            store_record(record, page);
        return true;
    } };
    std::uint64_t n { 0 };
    while (n < r.pages() && set(n, false))
        ++n;
    if (n == 0)
        return rmi_error_rtt;
    if (!rim_->init_ripas(first_frame << page_bits, (first_frame + n) << page_bits))
        return rmi_no_hash;
    for (; done < n; ++done)
        set(done, true);
    return rmi_success;
}

RmiResult Realm::data_create(Pages &pages, PageNo p, std::uint64_t frame, std::byte const *source, bool measure) noexcept
{
    auto page { record_as<PageState>(pages.record(p)) };
    if (!space_.is_protected(frame) || page.granule != Granule::delegated || !host_may_give(pages, source))
        return rmi_error_input;
    if (state_ != State::created)
        return rmi_error_realm;
    if (!step(page, frame, EntryCommand::data_create))
        return rmi_error_rtt;
    if (auto const ipa { frame << page_bits }; !(measure ? rim_->add(ipa, source) : rim_->add_unmeasured(ipa)))
        return rmi_no_hash;
    page.granule = Granule::data;
    std::memcpy(pages.page(p), source, page_size);
    store_record(pages.record(p), page);
    return rmi_success;
}

RmiResult Realm::rec_create(measure::CcaRec const &p) noexcept
{
    if (state_ != State::created)
        return rmi_error_realm;
    return rim_->add_rec(p) ? rmi_success : rmi_no_hash;
}

} // namespace gmem::platform::cca
