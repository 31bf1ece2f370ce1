// Every call on every Secure-EPT state, at both sizes, against the table of platform-models.md 2.1 as a person would draw it.

#include "world.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

using namespace gmem;
using namespace gmem::platform;
using namespace gmem::platform::tdx;

namespace {

// Columns: AUG, ACCEPT, BLOCK, UNBLOCK, REMOVE when runnable, REMOVE before. A state's name: it goes there. The rest: the refusal.
struct Row {
    Entry from;
    char const *cells[6];
};
constexpr char const *state { "TDX_EPT_ENTRY_STATE_INCORRECT" };
constexpr char const *not_blocked { "TDX_GPA_RANGE_NOT_BLOCKED" };
constexpr char const *already { "TDX_GPA_RANGE_ALREADY_BLOCKED" };
constexpr char const *accepted { "TDX_PAGE_ALREADY_ACCEPTED" };
constexpr char const *size { "TDX_PAGE_SIZE_MISMATCH" };
constexpr char const *violation { "EPT violation" };

Row const drawn[] {
    { Entry::free, { "PENDING", violation, state, state, state, state } },
    { Entry::removed, { "PENDING", violation, state, state, state, state } },
    { Entry::nl_mapped, { state, size, "NL_BLOCKED", not_blocked, state, state } },
    { Entry::nl_blocked, { state, violation, already, "NL_MAPPED", state, state } },
    { Entry::mapped, { state, accepted, "BLOCKED", not_blocked, not_blocked, "FREE" } },
    { Entry::blocked, { state, violation, already, "MAPPED", "FREE", "FREE" } },
    { Entry::blockedw, { state, state, "BLOCKED", state, state, state } },
    { Entry::exported_blockedw, { state, state, state, state, state, state } },
    { Entry::exported_dirty, { state, accepted, state, state, state, state } },
    { Entry::exported_dirty_blockedw, { state, state, state, state, state, state } },
    { Entry::pending, { state, "MAPPED", "PENDING_BLOCKED", not_blocked, not_blocked, "FREE" } },
    { Entry::pending_blocked, { state, violation, already, "PENDING", "FREE", "FREE" } },
    { Entry::pending_blockedw, { state, state, "PENDING_BLOCKED", state, state, state } },
    { Entry::pending_exported_blockedw, { state, state, state, state, state, state } },
    { Entry::pending_exported_dirty, { state, "EXPORTED_DIRTY", state, state, state, state } },
    { Entry::pending_exported_dirty_blockedw, { state, state, state, state, state, state } },
};

constexpr std::uint64_t frame { 512 * 9 };

// The entry at page 0, whatever it is, of either size; the TLBs are clean.
void put(World &w, Upper &upper, Entry e, Level level)
{
    w.vm.epoch = 10;
    upper = { e, 3 };
    std::fill(w.records.begin(), w.records.end(), Record {});
    if (empty(e) || further(e))
        return;
    for (std::uint64_t i { 0 }; i < pages_of(level); ++i) {
        PageRecord r {};
        r.frame = (frame + i) & last_frame;
        r.entry = e;
        r.level = r.size = level;
        r.type = PageType::reg;
        r.owner = World::id;
        r.block_epoch = blocked(e) ? 3 : 0;
        store_record(w.records[i], r);
    }
}

using Function = Seam (*)(TdState const &, Pages &, Place const &) noexcept;
constexpr struct {
    Function call;
    Phase phase;
} columns[6] { { page_aug, Phase::running }, { page_accept, Phase::running }, { range_block, Phase::running }, { range_unblock, Phase::running },
    { page_remove, Phase::running }, { page_remove, Phase::launching } };

// One cell, done for real.
void expect_cell(World &w, Entry from, std::size_t column, Level level, char const *cell)
{
    SCOPED_TRACE(std::string { row_of(from).name } + ", column " + std::to_string(column) + (level == Level::large ? ", 2M" : ", 4K"));
    Upper upper;
    put(w, upper, from, level);
    w.vm.phase = columns[column].phase;
    auto const before { w.records };
    auto const epoch { w.vm.epoch };
    Place const at { PageNo { 0 }, frame, level, level == Level::large ? &upper : nullptr };
    auto const s { columns[column].call(w.td(), w.pages, at) };
    if (s == Seam::success) {
        EXPECT_STREQ(row_of(entry_at(w.pages, at)).name, cell);
        if (level == Level::large && !further(upper.entry)) {
            for (std::uint64_t i { 0 }; i < 512; ++i)
                ASSERT_EQ(w.record(i).entry, upper.entry) << i;
        }
    } else {
        EXPECT_STREQ(name_of(s), cell);
        EXPECT_EQ(before, w.records) << "a refused call changed something";
        if (level == Level::large) {
            EXPECT_EQ(upper.entry, from);
        }
    }
    EXPECT_EQ(w.vm.epoch, epoch);
}

}

TEST(Tables, EveryCallOnEveryEntry)
{
    World w { 512 };
    for (auto const &row : drawn)
        for (std::size_t c { 0 }; c < 6; ++c) {
            expect_cell(w, row.from, c, Level::large, row.cells[c]);
            if (row.from != Entry::removed && !further(row.from)) // of 4 KiB there are no such entries in this model
                expect_cell(w, row.from, c, Level::small, row.cells[c]);
        }
}

TEST(Tables, TheLaunchTakesEmptyEntriesAndMeasuresMappedOnes)
{
    World w { 512 };
    for (auto const &row : entries) {
        if (row.entry == Entry::removed || further(row.entry))
            continue;
        Upper upper;
        Place const at { PageNo { 0 }, frame };
        put(w, upper, row.entry, Level::small);
        EXPECT_EQ(may_extend(w.td(), w.pages, at), row.entry == Entry::mapped ? Seam::success : Seam::ept_entry_state_incorrect) << row.name;
        EXPECT_EQ(page_add(w.td(), w.pages, at, nullptr), row.entry == Entry::free ? Seam::success : Seam::ept_entry_state_incorrect) << row.name;
    }
}

TEST(Tables, SplittingAndJoining)
{
    std::map<Entry, std::pair<Entry, Seam>> const demoted {
        { Entry::mapped, { Entry::mapped, Seam::success } },
        { Entry::blocked, { Entry::mapped, Seam::success } },
        { Entry::pending, { Entry::pending, Seam::success } },
        { Entry::pending_blocked, { Entry::pending, Seam::success } },
    };
    World w { 512 };
    w.run();
    for (auto const &row : entries) {
        SCOPED_TRACE(row.name);
        Upper upper;
        put(w, upper, row.entry, Level::large);
        Place const at { PageNo { 0 }, frame, Level::large, &upper };
        auto const found { demoted.find(row.entry) };
        auto const s { page_demote(w.td(), w.pages, at) };
        if (found == demoted.end()) {
            EXPECT_EQ(s, Seam::ept_entry_state_incorrect);
            EXPECT_EQ(upper.entry, row.entry);
            continue;
        }
        ASSERT_EQ(s, Seam::success);
        EXPECT_EQ(upper.entry, Entry::nl_mapped);
        for (std::uint64_t i { 0 }; i < 512; ++i) {
            EXPECT_EQ(w.record(i).entry, found->second.first);
            EXPECT_EQ(w.record(i).level, Level::small);
            EXPECT_EQ(w.record(i).frame, frame + i);
            EXPECT_EQ(audit_of(w.record(i)), nullptr);
        }
        EXPECT_EQ(page_promote(w.td(), w.pages, at), Seam::success);
        EXPECT_EQ(upper.entry, found->second.first);
        for (std::uint64_t i { 0 }; i < 512; ++i) {
            EXPECT_EQ(w.record(i).level, Level::large);
            EXPECT_EQ(audit_of(w.record(i)), nullptr);
        }
    }
    for (auto const &row : entries) {
        if (further(row.entry))
            continue;
        Upper upper;
        put(w, upper, row.entry, Level::large);
        EXPECT_EQ(page_promote(w.td(), w.pages, { PageNo { 0 }, frame, Level::large, &upper }), Seam::ept_entry_state_incorrect) << row.name;
    }
}

TEST(Tables, SecureEptPagesComeAndGo)
{
    World w { 512 };
    for (auto const &row : entries) {
        SCOPED_TRACE(row.name);
        w.vm.epoch = 10;
        Upper upper { row.entry, 3 };
        auto const added { sept_add(w.td(), upper) };
        EXPECT_EQ(added, row.entry == Entry::free ? Seam::success : Seam::ept_entry_state_incorrect);
        EXPECT_EQ(upper.entry, row.entry == Entry::free ? Entry::nl_mapped : row.entry);

        upper = { row.entry, 3 };
        auto const expected { row.entry == Entry::nl_blocked ? Seam::success : row.entry == Entry::nl_mapped ? Seam::gpa_range_not_blocked : Seam::ept_entry_state_incorrect };
        EXPECT_EQ(sept_remove(w.td(), upper), expected);
    }
    Upper upper { Entry::nl_blocked, 10 };
    EXPECT_EQ(sept_remove(w.td(), upper), Seam::tlb_tracking_not_done);
}

TEST(Tables, TheNumbersArePublic)
{
    // platform-models.md 2.1: what the module keeps, and what it tells the host.
    EXPECT_EQ(row_of(Entry::free).encoding, 0x0e);
    EXPECT_EQ(row_of(Entry::pending_exported_dirty_blockedw).encoding, 0x77);
    char const *const reported[] { "FREE", "BLOCKED", "PENDING", "PENDING_BLOCKED", "MAPPED", "REMOVED" };
    int found { 0 };
    for (auto const &row : entries)
        if (row.reported >= 0) {
            EXPECT_STREQ(row.name, reported[row.reported]);
            ++found;
        }
    EXPECT_EQ(found, 6);
    for (auto const &a : entries)
        for (auto const &b : entries)
            EXPECT_TRUE(&a == &b || (a.encoding != b.encoding && std::string { a.name } != b.name));
    EXPECT_EQ(static_cast<int>(PageType::reg), 3);
    EXPECT_STREQ(name_of(PageType::ept), "PT_EPT");
}

TEST(Tables, EachStatusHasItsName)
{
    std::map<std::string, int> seen;
    for (std::size_t i { 0 }; i < seam_count; ++i)
        ++seen[name_of(static_cast<Seam>(i))];
    EXPECT_EQ(seen.size(), seam_count);
    EXPECT_EQ(errno_of(Seam::success), 0);
    EXPECT_EQ(errno_of(Seam::operand_busy), EBUSY);
    EXPECT_EQ(errno_of(Seam::ept_entry_state_incorrect), EIO);
}

TEST(Tables, EveryCallInEveryStateOfTheTd)
{
    // life, then the operation states: U, I, R
    std::map<Call, std::pair<Life, std::string>> const when {
        { Call::mng_key_config, { Life::hkid_assigned, "UIR" } }, { Call::mng_addcx, { Life::keys_configured, "U" } },
        { Call::mng_init, { Life::keys_configured, "U" } }, { Call::vp_init, { Life::keys_configured, "I" } },
        { Call::vp_enter, { Life::keys_configured, "R" } }, { Call::vp_flush, { Life::keys_configured, "IR" } },
        { Call::mem_sept_add, { Life::keys_configured, "IR" } }, { Call::mem_sept_remove, { Life::keys_configured, "IR" } },
        { Call::mem_page_add, { Life::keys_configured, "I" } }, { Call::mr_extend, { Life::keys_configured, "I" } },
        { Call::mem_page_aug, { Life::keys_configured, "IR" } }, { Call::mem_page_accept, { Life::keys_configured, "R" } },
        { Call::mem_range_block, { Life::keys_configured, "IR" } }, { Call::mem_range_unblock, { Life::keys_configured, "IR" } },
        { Call::mem_track, { Life::keys_configured, "IR" } }, { Call::mem_page_remove, { Life::keys_configured, "IR" } },
        { Call::mem_page_demote, { Life::keys_configured, "IR" } }, { Call::mem_page_promote, { Life::keys_configured, "IR" } },
        { Call::mr_finalize, { Life::keys_configured, "I" } }, { Call::mng_vpflushdone, { Life::keys_configured, "UIR" } },
        { Call::phymem_cache_wb, { Life::blocked, "UIR" } }, { Call::mng_key_freeid, { Life::blocked, "UIR" } },
        { Call::phymem_page_reclaim, { Life::teardown, "UIR" } },
    };
    ASSERT_EQ(when.size(), call_count);
    std::uint64_t epoch { 0 };
    for (auto const &[call, allowed] : when)
        for (auto const life : { Life::hkid_assigned, Life::keys_configured, Life::blocked, Life::teardown })
            for (auto const op : { Op::uninitialized, Op::initialized, Op::runnable }) {
                TdState td { life, op, 1, &epoch };
                auto const in_op { allowed.second.find("UIR"[static_cast<int>(op)]) != std::string::npos };
                EXPECT_EQ(admitted(call, td), life != allowed.first ? Seam::lifecycle_state_incorrect : !in_op ? Seam::op_state_incorrect : Seam::success)
                    << row_of(call).name << " in " << name_of(life) << ", " << name_of(op);
                td.busy = true;
                EXPECT_EQ(admitted(call, td), Seam::operand_busy);
            }
}

TEST(Tables, TheAuditKnowsEachInvariant)
{
    PageRecord good {};
    good.frame = 5;
    good.entry = Entry::mapped;
    good.type = PageType::reg;
    good.owner = 1;
    EXPECT_EQ(audit_of(good), nullptr);
    EXPECT_EQ(audit_of({}), nullptr);
    auto const broken { [&](auto change, char const *name) {
        auto r { good };
        change(r);
        auto const *const text { audit_of(r) };
        ASSERT_NE(text, nullptr) << name;
        EXPECT_EQ(std::string { text }.substr(0, 2), name) << text;
    } };
    broken([](PageRecord &r) { r.type = PageType::nda; }, "T1");
    broken([](PageRecord &r) { r.type = PageType::ept; }, "T1");
    broken([](PageRecord &r) { r.entry = Entry::free; }, "T1");
    broken([](PageRecord &r) { r.entry = Entry::removed; }, "T1");
    broken([](PageRecord &r) { r.entry = static_cast<Entry>(16); }, "T1");
    broken([](PageRecord &r) { r.owner = 0; }, "T1");
    broken([](PageRecord &r) { r.entry = Entry::nl_mapped; }, "T2");
    broken([](PageRecord &r) { r.size = Level::large; }, "T2");
    broken([](PageRecord &r) { r.level = Level::large; }, "T2");
    broken([](PageRecord &r) { r.level = r.size = static_cast<Level>(2); }, "T2");
    broken([](PageRecord &r) { r.block_epoch = 1; }, "T3");
    broken([](PageRecord &r) { r.entry = Entry::exported_dirty; }, "T4");
}
