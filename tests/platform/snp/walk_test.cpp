// A random walk over everything that a host, a guest and the firmware can do with a few pages, against the oracle. After every step: the answer, the
// entries and the bytes are the oracle's, no entry is one that the machine cannot have, and no text that the guest wrote as private is seen
// by anybody else. In the end every page is the host's again. GMEM_WALK_STEPS, GMEM_WALK_SEED.

#include "launch_world.hpp"
#include "oracle.hpp"
#include "platform/snp/firmware_pages.hpp"
#include "platform/snp/populate.hpp"
#include "platform/snp/prepare.hpp"

#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>

namespace gmem::platform::snp {
namespace {

constexpr std::uint64_t count { 1064 }, first_physical { 0x100000 - 20 }; // 2 MiB of the machine begin at pages 20 and 532
constexpr unsigned text_words { 8 }; // of a page; the quick cipher looks at no more
constexpr unsigned secrets_text { ~0u };
Platform const &platform { platform_of(Kind::snp) };

class Walk final {
public:
    explicit Walk(unsigned seed) : random_ { seed } { Bend::quick_cipher = true; }
    ~Walk() { Bend::quick_cipher = false; }
    Walk(Walk const &) = delete;
    Walk &operator=(Walk const &) = delete;

    void run(long steps)
    {
        for (long i { 0 }; i < steps && !::testing::Test::HasFailure(); ++i) {
            step();
            if (i % 8192 == 0)
                look(0, count);
            if (::testing::Test::HasFailure())
                ADD_FAILURE() << "at step " << i << ", which was " << did_;
        }
        if (!::testing::Test::HasFailure())
            nothing_is_lost();
    }
    long times(char const *call, long answer) const
    {
        auto const found { answers_.find({ call, answer }) };
        return found == answers_.end() ? 0 : found->second;
    }

    // An answer as a number to count it by.
    static long number(Executed const &e)
    {
        return 1000 * static_cast<long>(e.fault.what) + (e.fault.code & error_bit::guest_sizem ? 100 : 0) + 10 * static_cast<long>(e.eax) + e.carry;
    }
    static long number(Populated const &p) { return 1000 * p.error + static_cast<long>(p.firmware); }

private:
    std::uint64_t below(std::uint64_t n) { return random_() % n; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

    // Mostly the same few pages, some on the borders of 2 MiB and of the file.
    std::uint64_t any_page()
    {
        auto const what { below(20) };
        return what < 15 ? 20 + below(8) : what < 17 ? 529 + below(6) : what < 18 ? below(4) : what < 19 ? count - 1 - below(4) : below(count);
    }
    static std::uint64_t natural_frame(std::uint64_t p) { return 0x400 - 20 + p; }
    std::uint64_t frame_for(std::uint64_t p) { return one_in(12) ? 0x800 + below(3) : one_in(3) ? oracle_.pages[p].frame : natural_frame(p); }
    std::uint16_t asid_for() { return one_in(10) ? other_asid : our_asid; }

    static std::uint64_t word(unsigned text, unsigned i, Launch const &launch)
    {
        std::uint64_t w { 0 };
        if (text == secrets_text)
            std::memcpy(&w, reinterpret_cast<std::byte const *>(&launch.secrets()) + 8 * i, 8);
        else if (text != 0)
            w = std::uint64_t { text } << 32 | (0xf0000000 + i);
        return w;
    }
    // A text, encrypted `depth` times by the quick cipher at this page.
    bool shows(std::byte const *at, std::uint64_t p, unsigned text, int depth) const
    {
        for (unsigned i { 0 }; i < text_words; ++i) {
            std::uint64_t seen;
            std::memcpy(&seen, at + 8 * i, 8);
            auto const number { ((first_physical + p) * 8 + i + 1) * 0x9e3779b97f4a7c15 };
            if (seen != word(text, i, launch_) + static_cast<std::uint64_t>(depth) * number)
                return false;
        }
        return true;
    }
    void put(std::uint64_t p, unsigned text)
    {
        for (unsigned i { 0 }; i < text_words; ++i) {
            auto const w { word(text, i, launch_) };
            std::memcpy(w_.memory.data() + p * page_size + 8 * i, &w, 8);
        }
    }

    void look(std::uint64_t first, std::uint64_t last)
    {
        std::byte host[page_size];
        for (auto p { first }; p < last && p < count && !::testing::Test::HasFailure(); ++p) {
            auto const &o { oracle_.pages[p] };
            auto const e { w_.entry(p) };
            auto const whole { p == first || oracle_.group(p) == static_cast<long>(p) }; // a large page is audited once
            if (auto const *broken { whole ? w_.rmp().audit(PageNo { p }) : audit(e) })
                ADD_FAILURE() << "page " << p << ": " << broken;
            auto const same { e.assigned == o.assigned && e.immutable == o.immutable && e.large == o.large && e.vmsa == o.vmsa && e.validated == o.valid
                && e.asid == o.asid && e.frame == o.frame && e.permissions[0] == o.may[0] && e.permissions[1] == o.may[1] && e.permissions[2] == o.may[2]
                && e.permissions[3] == o.may[3] };
            if (!same)
                ADD_FAILURE() << "page " << p << " is " << w_.state(p) << " of asid " << e.asid << " at " << e.frame;
            auto const *bytes { w_.memory.data() + p * page_size };
            if (!shows(bytes, p, o.text, oracle_.ours(p) ? o.depth - 1 : o.depth))
                ADD_FAILURE() << "page " << p << " (" << w_.state(p) << ") does not hold text " << o.text << " at depth " << o.depth;
            if (!o.private_text)
                continue;
            if (oracle_.ours(p)) {
                platform.read_ciphertext(w_.pages, PageNo { p }, host);
                bytes = host;
            }
            if (shows(bytes, p, o.text, 0)) // whoever the page belongs to now: these are the bytes that all but the guest see
                ADD_FAILURE() << "page " << p << " shows the guest's text";
        }
    }
    void look_around(std::uint64_t p)
    {
        auto const g { oracle_.group(p) };
        look(g < 0 ? 0 : static_cast<std::uint64_t>(g), static_cast<std::uint64_t>(g + 512));
    }

    template <typename T>
    static long number(T const &answer)
    {
        return static_cast<long>(answer);
    }
    template <typename T>
    void same(T const &got, T const &wanted)
    {
        ++answers_[{ did_, number(got) }];
        if (!(got == wanted))
            ADD_FAILURE() << "another answer than the oracle's";
    }

    void step()
    {
        auto const p { any_page() };
        PageNo const page { p };
        if (one_in(1500))
            begin_with_large_pages();
        auto const many { large_steps_ > 0 ? one_in(2) : one_in(2000) }; // a step on 2 MiB
        large_steps_ -= large_steps_ > 0;
        auto const size { many ? PageSize::large : PageSize::small };
        auto const at { many ? (!one_in(8) ? 20u : one_in(2) ? p : 532u) : p };
        PageNo const where { at };
        Rmp const rmp { w_.pages };
        auto const kind { below(17) };
        auto touched_many { many };
        switch (kind) {
        case 0: case 1: {
            did_ = "RMPUPDATE";
            NewState const targets[] { NewState::shared(size), NewState::guests(asid_for(), frame_for(at), false, size), NewState::guests(asid_for(), frame_for(at), true, size),
                { .assigned = true, .size = size }, { .assigned = true, .size = size, .immutable = true }, { .assigned = false, .immutable = true }, { .assigned = true, .frame = 1 } };
            auto const &to { targets[one_in(30) ? 5 + below(2) : below(5)] };
            same(rmpupdate(rmp, where, to), oracle_.rmpupdate(at, to));
            break;
        }
        case 2: {
            did_ = "a private fault";
            auto const frame { frame_for(p) };
            auto wanted { 0 };
            if (auto const g { oracle_.group(p) }; !oracle_.pages[p].assigned) {
                auto all_free { many && g >= 0 && static_cast<std::uint64_t>(g) + 512 <= count && (frame - (p - static_cast<std::uint64_t>(g))) % 512 == 0 };
                for (auto q { g }; all_free && q < g + 512; ++q)
                    all_free = !oracle_.pages[static_cast<std::uint64_t>(q)].assigned;
                auto const eax { all_free ? oracle_.rmpupdate(static_cast<std::uint64_t>(g), NewState::guests(our_asid, frame - (p - static_cast<std::uint64_t>(g)), false, PageSize::large))
                                          : oracle_.rmpupdate(p, NewState::guests(our_asid, frame, false)) };
                wanted = eax == Eax::success ? 0 : EINVAL;
            }
            auto const got { many ? prepare(w_.pages, page, frame, PageSize::large) : platform.make_private(w_.pages, page, frame) };
            same(got ? 0 : got.error().err, wanted);
            break;
        }
        case 3: case 4: {
            did_ = kind == 3 ? "make_shared" : "reclaim";
            auto const last { std::min(count, many ? p + below(1024) + 1 : p + below(3) + 1) };
            touched_many = true;
            auto const range { *PageRange::make(page, PageNo { last }) };
            auto const large_there { oracle_.pages[p].large || oracle_.pages[last - 1].large };
            auto const leaked { w_.vm->leaked_pages };
            kind == 3 ? platform.make_shared(w_.pages, range) : platform.reclaim(w_.pages, range);
            same(w_.vm->leaked_pages - leaked, oracle_.give_back(p, last, kind == 4));
            look(p, last);
            touched_many = large_there;
            break;
        }
        case 5: case 6: {
            did_ = "PVALIDATE";
            Executes const by { asid_for(), frame_for(at) };
            auto const valid { !one_in(4) };
            same(pvalidate(rmp, where, by, size, valid ? Validate::validate : Validate::rescind), oracle_.pvalidate(at, by, many, valid));
            break;
        }
        case 7: {
            did_ = "RMPADJUST";
            Executes const by { asid_for(), frame_for(p), static_cast<std::uint8_t>(below(3)) };
            Adjustment const to { static_cast<std::uint8_t>(below(5)), static_cast<std::uint8_t>(one_in(2) ? below(33) : 0), one_in(3) };
            same(rmpadjust(rmp, page, by, PageSize::small, to), oracle_.rmpadjust(p, by, to));
            break;
        }
        case 8:
            did_ = "SNP_PAGE_RECLAIM";
            same(page_reclaim(rmp, where, size), oracle_.page_reclaim(at, many));
            break;
        case 9: {
            did_ = "SNP_LAUNCH_UPDATE";
            auto const type { all_page_types[below(6)] };
            auto const large_type { type == PageType::normal ? PageType::unmeasured : type };
            did_ = many ? "SNP_LAUNCH_UPDATE, 2 MiB" : did_;
            if (many) // no hash of the contents: they take their time
                same(launch_.update(w_.pages, { .page = where, .type = large_type, .size = size }), oracle_.launch_update(at, large_type, true, running_, secrets_text));
            else
                same(launch_.update(w_.pages, { .page = page, .type = type }), oracle_.launch_update(p, type, false, running_, secrets_text));
            break;
        }
        case 10: {
            did_ = "populate";
            auto const type { all_page_types[below(6)] };
            auto const frame { frame_for(p) };
            Populated wanted {};
            if (oracle_.pages[p].assigned) {
                wanted = { EEXIST };
            } else if (oracle_.rmpupdate(p, NewState::guests(our_asid, frame, true)) != Eax::success) {
                wanted = { EINVAL };
            } else if (auto const f { oracle_.launch_update(p, type, false, running_, secrets_text) }; f != Firmware::success) {
                wanted = { EIO, f };
                oracle_.page_reclaim(p, false);
                oracle_.rmpupdate(p, NewState::shared());
            }
            same(populate(w_.pages, launch_, { .page = page, .frame = frame, .type = type }), wanted);
            break;
        }
        case 11:
            did_ = "SNP_PAGE_UNSMASH";
            touched_many = one_in(16);
            if (one_in(many ? 2 : 20))
                did_ = "PSMASH", same(psmash(rmp, where), oracle_.psmash(at));
            else
                same(page_unsmash(rmp, where), oracle_.unsmash(at));
            break;
        case 12: {
            did_ = "a host write";
            auto const text { one_in(4) ? 0 : static_cast<unsigned>(1 + below(1000)) };
            auto const allowed { platform.host_access(w_.pages, page, Access::write).allowed() };
            same(allowed, !oracle_.pages[p].assigned);
            same(platform.host_access(w_.pages, page, Access::read).what == HostVerdict::What::ciphertext, oracle_.ours(p));
            if (allowed) {
                put(p, text);
                oracle_.write(p, text, false);
            }
            break;
        }
        case 13: case 14: {
            auto const private_side { kind == 13 || one_in(3) };
            did_ = private_side ? "a guest write, C=1" : "a guest write, C=0";
            auto const text { static_cast<unsigned>(1 + below(1000)) };
            auto const frame { frame_for(p) };
            auto const &o { oracle_.pages[p] };
            using What = GuestVerdict::What;
            auto wanted { What::plain };
            if (private_side)
                wanted = !o.assigned || o.asid != our_asid || o.frame != frame ? What::retry : !o.valid ? What::guest_exception : What::plain;
            else
                wanted = o.assigned ? What::retry : What::plain;
            same(platform.guest_access(w_.pages, page, frame, private_side ? Side::private_ : Side::shared, Access::write).what, wanted);
            same(platform.guest_access(w_.pages, page, frame, Side::shared, Access::read).what, oracle_.ours(p) ? What::ciphertext : What::plain);
            if (wanted == What::plain) {
                put(p, text);
                oracle_.write(p, text, private_side);
            }
            break;
        }
        case 15:
            did_ = "a well-behaved guest";
            platform.accept(w_.pages, page, natural_frame(p));
            if (auto const &o { oracle_.pages[p] }; o.assigned && o.asid == our_asid && o.frame == natural_frame(p) && !o.immutable) {
                if (o.large)
                    oracle_.psmash(static_cast<std::uint64_t>(oracle_.group(p)));
                oracle_.pages[p].valid = true;
            }
            break;
        case 16:
            did_ = "the launch";
            if (!one_in(200))
                break;
            if (!running_) {
                same(launch_.finish({}), Firmware::success);
                running_ = true;
            } else { // the next guest of the same name
                launch_ = launching(w_);
                running_ = false;
            }
            break;
        }
        look(p, p + 1);
        if (touched_many)
            look_around(at);
    }

    // All of the 2 MiB at page 20 back to the host, and to a guest as one page: the next steps are mostly on it.
    void begin_with_large_pages()
    {
        did_ = "clearing 2 MiB";
        for (std::uint64_t p { 20 }; p < 532; ++p) {
            auto const large { oracle_.pages[p].large };
            auto const size { large ? PageSize::large : PageSize::small };
            EXPECT_EQ(page_reclaim(w_.rmp(), PageNo { p }, size), oracle_.page_reclaim(p, large));
            EXPECT_EQ(rmpupdate(w_.rmp(), PageNo { p }, NewState::shared(size)), oracle_.rmpupdate(p, NewState::shared(size)));
        }
        auto const to { NewState::guests(asid_for(), 0x400, one_in(2), PageSize::large) };
        did_ = "RMPUPDATE, 2 MiB";
        same(rmpupdate(w_.rmp(), PageNo { 20 }, to), oracle_.rmpupdate(20, to));
        large_steps_ = 12;
    }

    // Whatever state the walk ends in, there is a way back to the host for every page, without a leak.
    void nothing_is_lost()
    {
        auto const leaked { w_.vm->leaked_pages };
        for (std::uint64_t p { 0 }; p < count; ++p) {
            EXPECT_EQ(page_reclaim(w_.rmp(), PageNo { p }, w_.entry(p).page_size()), Firmware::success);
            platform.make_shared(w_.pages, PageRange::one(PageNo { p }));
            EXPECT_EQ(w_.records[p], Record {});
            EXPECT_TRUE(platform.host_access(w_.pages, PageNo { p }, Access::write).allowed());
            auto const &o { oracle_.pages[p] };
            EXPECT_TRUE(shows(w_.memory.data() + p * page_size, p, o.text, o.depth)) << p;
        }
        EXPECT_EQ(w_.vm->leaked_pages, leaked);
    }

    World w_ { count, first_physical };
    Oracle oracle_ { count, first_physical, our_asid };
    Launch launch_ { launching(w_) };
    bool running_ { false };
    unsigned large_steps_ { 0 };
    std::mt19937_64 random_;
    char const *did_ { "" };
    std::map<std::pair<std::string_view, long>, long> answers_; // how often each call gave each answer
};

long from_environment(char const *name, long otherwise)
{
    auto const *text { std::getenv(name) };
    return text ? std::atol(text) : otherwise;
}

TEST(SnpWalk, NeverUndefinedNeverLostNeverSeen)
{
    auto const seed { static_cast<unsigned>(from_environment("GMEM_WALK_SEED", 1)) };
    SCOPED_TRACE("GMEM_WALK_SEED=" + std::to_string(seed));
    Walk walk { seed };
    constexpr long a_million { 1'000'000 };
    auto const steps { from_environment("GMEM_WALK_STEPS", a_million) };
    walk.run(steps);
    if (steps < a_million)
        return;
    // The walk has been everywhere: each of these answers was given.
    using Is = std::pair<char const *, std::vector<long>>;
    auto const npf { Walk::number(Executed { .fault = { Fault::What::nested_page_fault, error_bit::rmp | error_bit::guest_enc } }) };
    auto const sizem { Walk::number(Executed { .fault = { Fault::What::nested_page_fault, error_bit::guest_sizem } }) };
    auto const vc { Walk::number(Executed { .fault = { Fault::What::vmm_communication, 0x404 } }) };
    for (auto const &[call, answers] : {
             Is { "RMPUPDATE", { 0, 1, 2, 4 } }, Is { "RMPUPDATE, 2 MiB", { 0 } }, Is { "PSMASH", { 0, 1, 2 } }, Is { "PVALIDATE", { 0, 1, 10, 60, npf, sizem } },
             Is { "RMPADJUST", { 0, 10, 20, npf, sizem, vc } }, Is { "SNP_PAGE_RECLAIM", { 0, 9, 25 } }, Is { "SNP_PAGE_UNSMASH", { 0, 9, 25, 26 } },
             Is { "SNP_LAUNCH_UPDATE", { 0, 2, 22, 25, 26, 28 } }, Is { "SNP_LAUNCH_UPDATE, 2 MiB", { 0, 2, 9, 25, 26 } }, Is { "populate", { 0, 5002, 5022, 17000 } },
             Is { "make_shared", { 0, 1, 512 } }, Is { "reclaim", { 0, 1, 512 } }, Is { "a guest write, C=1", { 0, 1, 3, 6 } }, Is { "a guest write, C=0", { 0, 1, 6 } },
         })
        for (auto const answer : answers)
            EXPECT_GT(walk.times(call, answer), 0) << call << " never answered " << answer;
}

} // namespace
} // namespace gmem::platform::snp
