// The table of transitions against the calls themselves: each state, each event.

#include "launch_world.hpp"
#include "platform/snp/firmware_pages.hpp"
#include "platform/snp/transitions.hpp"

namespace gmem::platform::snp {
namespace {

// Did the call do what was asked?
bool happens(World &w, Event event)
{
    constexpr PageNo page { 0 };
    auto const update { [&](NewState const &to) { return rmpupdate(w.rmp(), page, to) == Eax::success; } };
    auto const validate { [&](Validate to) { auto const e { pvalidate(w.rmp(), page, { our_asid, 0x100 }, PageSize::small, to) }; return e.fault == Fault {} && e.eax == Eax::success; } };
    switch (event) {
    case Event::to_hypervisor: return update(NewState::shared());
    case Event::to_reclaim:    return update({ .assigned = true });
    case Event::to_firmware:   return update({ .assigned = true, .immutable = true });
    case Event::to_pre_guest:  return update(NewState::guests(our_asid, 0x100, true));
    case Event::to_guest:      return update(NewState::guests(our_asid, 0x100, false));
    case Event::validate:      return validate(Validate::validate);
    case Event::rescind:       return validate(Validate::rescind);
    case Event::launch_update: { auto l { launching(w) }; return l.update(w.pages, { .page = page }) == Firmware::success; }
    case Event::page_reclaim:  return page_reclaim(w.rmp(), page, PageSize::small) == Firmware::success;
    }
    __builtin_unreachable();
}

TEST(Transitions, EachCallInEachStateDoesWhatTheTableSays)
{
    for (auto const state : all_states)
        for (std::size_t e { 0 }; e < events; ++e) {
            World w { 1 };
            w.set(0, example_of(state));
            auto const before { w.records[0] };
            auto const wanted { next(state, static_cast<Event>(e)) };
            EXPECT_EQ(happens(w, static_cast<Event>(e)), wanted.has_value()) << row_of(state).name << ", event " << e;
            EXPECT_EQ(w.state(0), row_of(wanted.value_or(state)).name) << row_of(state).name << ", event " << e;
            if (!wanted)
                EXPECT_EQ(w.records[0], before);
            EXPECT_TRUE(w.healthy());
        }
}

} // namespace
} // namespace gmem::platform::snp
