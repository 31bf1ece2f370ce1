#include "platform/cca/rec.hpp"

namespace gmem::platform::cca {
namespace {

constexpr EntryCommand command_for(RipasChange const &c) noexcept
{
    if (c.ripas == Ripas::ram)
        return c.destroyed_too ? EntryCommand::set_ram_destroyed_too : EntryCommand::set_ram;
    return c.destroyed_too ? EntryCommand::set_empty_destroyed_too : EntryCommand::set_empty;
}

}

Rsi Rec::ipa_state_set(RipasChange const &c) noexcept
{
    if (c.base >= c.top || !space_.is_protected(c.top - 1) || c.ripas == Ripas::destroyed)
        return Rsi::error_input;
    change_ = c;
    progress_ = c.base;
    changing_ = true;
    return Rsi::success;
}

RmiResult Rec::set_ripas(Pages &pages, PageNo first, std::uint64_t base, std::uint64_t top) noexcept
{
    if (!changing_ || base != progress_ || top <= base || top > change_.top)
        return rmi_error_input;
    if (pages.count.index() < first.index() || pages.count.index() - first.index() < top - base)
        return rmi_error_input;
    auto const c { command_for(change_) };
    while (progress_ < top) {
        auto &record { pages.record(first.plus(progress_ - base)) };
        auto page { record_as<PageState>(record) };
        if (!step(page, progress_, c))
            break;
        store_record(record, page);
        ++progress_;
    }
    return progress_ == base ? rmi_error_rtt : rmi_success;
}

RipasAnswer Rec::enter(bool reject) noexcept
{
    RipasAnswer const answer { progress_, reject && change_.ripas == Ripas::ram && progress_ < change_.top };
    changing_ = false;
    return answer;
}

} // namespace gmem::platform::cca
