// A small memory hogger: guest and VMM fill pages, the guest asks for random conversions, the VMM makes them, and every page is compared with
// what its owner wrote last (seed 003 ran one in a real guest and watched the conversions).

#include "player/perform.hpp"
#include "scenario/operations.hpp"

#include <fmt/format.h>

namespace gmem::player {
namespace {

constexpr std::uint64_t page { driver::page_size };

struct Platform final {
    std::string_view name;
    std::string_view request; // the guest's operation that asks for a conversion
    std::string_view accept;  // what it has to do to a page that has become private; empty: nothing
    bool keeps_to_private, keeps_to_shared; // who reads after the conversion finds what the other wrote (platform-models.md 7, version mainline)
};
constexpr Platform platforms[] {
    { "sw_protected", "map_gpa_range", "", true, true },
    { "snp", "psc", "pvalidate", false, false },
    { "tdx", "mapgpa", "accept", false, false },
    { "pkvm", "mem", "", true, true },
};

class Hog final {
public:
    Hog(Stage &stage, scenario::Step const &step)
        : stage_ { stage }
        , base_ { *step.given.at }
        , random_ { step.given.seed.value_or(1) }
        , pages_(*step.given.size / page)
    {
        for (auto const &row : platforms)
            if (row.name == stage.scenario().platform)
                platform_ = &row;
    }

    std::optional<std::string> play(std::uint64_t rounds, Seen &seen)
    {
        if (!platform_)
            return "the hog does not know this platform";
        for (std::uint64_t round { 0 }; round < rounds; ++round) {
            auto const changed { draw() % pages_.size() }, looked_at { draw() % pages_.size() };
            if (auto trouble { convert(changed) })
                return fmt::format("round {}, page {}: {}", round, changed, *trouble);
            if (auto trouble { refill(changed, round) })
                return fmt::format("round {}, page {}: {}", round, changed, *trouble);
            if (auto trouble { look(looked_at) })
                return fmt::format("round {}, page {}: {}", round, looked_at, *trouble);
        }
        seen.value = rounds;
        return std::nullopt;
    }

private:
    struct Page final {
        bool is_private { false };
        std::string text; // what its present owner wrote
    };

    // splitmix64
    std::uint64_t draw()
    {
        auto z { random_ += 0x9e3779b97f4a7c15 };
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }

    scenario::Place place(std::size_t p) const { return { base_.memory, base_.offset + p * page }; }

    Seen guest(std::string_view name, std::size_t p, bool to_private, std::string const &text = {})
    {
        scenario::Step step;
        step.operation = scenario::find_operation("guest", name);
        step.given.at = place(p);
        step.given.to_private = to_private;
        step.given.side = to_private ? scenario::Side::private_ : scenario::Side::shared;
        step.given.text = text;
        Seen seen;
        do_guest(stage_, step, seen);
        return seen;
    }

    // The guest asks, the VMM converts and answers, the guest accepts.
    std::optional<std::string> convert(std::size_t p)
    {
        bool const to_private { !pages_[p].is_private };
        std::string name { platform_->request };
        if (name == "mem")
            name = to_private ? "mem_unshare" : "mem_share";
        auto asked { guest(name, p, to_private) };
        bool const first_of_el2 { name == "mem_unshare" && asked.exit && asked.exit->reason == "halt" }; // a page that was never its own
        if (!first_of_el2 && (!asked.exit || asked.exit->reason != "hypercall"))
            return "the guest's request did not leave KVM_RUN as a hypercall";
        auto const done { stage_.region(base_.memory).file->convert(place(p).offset, page, to_private ? driver::To::private_ : driver::To::shared) };
        if (done.err != 0)
            return fmt::format("the conversion failed with errno {}", done.err);
        if (!first_of_el2) {
            stage_.go_on(0, asked);
            if (!asked.exit || asked.exit->reason != "halt" || asked.status.value_or(1) != 0)
                return "the guest did not hear that its request was granted";
        }
        pages_[p].is_private = to_private;
        if (to_private && !platform_->accept.empty() && guest(platform_->accept, p, true).status.value_or(1) != 0)
            return "the guest could not accept the page";
        bool const kept { to_private ? platform_->keeps_to_private : platform_->keeps_to_shared };
        return kept ? look(p) : std::nullopt;
    }

    std::optional<std::string> refill(std::size_t p, std::uint64_t round)
    {
        pages_[p].text = fmt::format("page {} in round {}; ", p, round);
        if (!pages_[p].is_private)
            return stage_.write(place(p), filled(pages_[p].text, page)) ? std::nullopt : std::optional<std::string> { "SIGBUS on a shared page" };
        if (guest("write", p, true, pages_[p].text).status.value_or(1) != 0)
            return "the guest could not write to its private page";
        return std::nullopt;
    }

    // The owner finds what it wrote, and nobody else gets in.
    std::optional<std::string> look(std::size_t p)
    {
        Bytes bytes(page);
        bool const readable { stage_.read(place(p), bytes) };
        if (readable == pages_[p].is_private)
            return readable ? "the VMM can read a private page" : "SIGBUS on a shared page";
        if (pages_[p].is_private) {
            auto const found { guest("read", p, true) };
            if (!found.bytes)
                return "the guest could not read its private page";
            bytes = *found.bytes;
        }
        if (bytes != filled(pages_[p].text, page))
            return fmt::format("'{}' was written, {} is there", pages_[p].text, described(bytes, stage_.texts));
        return std::nullopt;
    }

    Stage &stage_;
    scenario::Place base_;
    std::uint64_t random_;
    std::vector<Page> pages_;
    Platform const *platform_ { nullptr };
};

} // namespace

void do_hog(Stage &stage, scenario::Step const &step, Seen &seen) { seen.trouble = Hog { stage, step }.play(*step.given.rounds, seen); }

} // namespace gmem::player
