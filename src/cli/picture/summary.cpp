#include "cli/picture/summary.hpp"

#include "cli/picture/states.hpp"

#include <algorithm>

namespace gmem::cli::picture {
namespace {

// One attempt with pieces of one size: ends early where it becomes too much.
class Attempt final {
public:
    Attempt(Survey const &survey, unsigned shift) : survey_ { survey }
    {
        summary_.shift = shift;
        for (auto const &s : survey.spaces)
            states_.emplace_back(s.pages, s.initial);
        touched_.resize(survey.spaces.size());
    }

    bool is_too_much() const noexcept { return summary_.count > Summary::most_records; }

    void add(observe::Event const &e, Place const &p)
    {
        auto const since { e.time + e.duration - survey_.begin };
        auto const step { since / ((survey_.end - survey_.begin) / Summary::steps + 1) };
        if (step > step_) {
            end_step();
            step_ = step;
        }
        states_[p.space].set(p.first, p.count, target(e));
        touched_[p.space].emplace_back(p.first >> summary_.shift, (p.first + p.count - 1) >> summary_.shift);
    }

    Summary finish()
    {
        end_step();
        return std::move(summary_);
    }

private:
    using Pieces = std::pair<std::uint64_t, std::uint64_t>; // first and last

    void end_step()
    {
        for (std::uint32_t space { 0 }; space < touched_.size() && !is_too_much(); ++space) {
            auto &touched { touched_[space] };
            std::ranges::sort(touched);
            std::uint64_t next { 0 };
            for (auto const &[first, last] : touched) {
                write(space, std::max(first, next), last + 1);
                next = std::max(next, last + 1);
            }
            touched.clear();
        }
    }

    std::uint64_t level(std::uint32_t space, std::uint64_t piece) const
    {
        auto const first { piece << summary_.shift };
        auto const size { std::min(std::uint64_t { 1 } << summary_.shift, survey_.spaces[space].pages - first) };
        auto const count { states_[space].private_pages(first, size) };
        if (count == 0 || count == size)
            return count == 0 ? 0 : Summary::all_private;
        return 1 + count * (Summary::all_private - 2) / size;
    }

    // The piece after those that are surely like `piece`: a chunk that is all alike is not looked at piece by piece.
    std::uint64_t alike_until(std::uint32_t space, std::uint64_t piece) const
    {
        auto const page { piece << summary_.shift };
        if ((PageStates::chunk_pages >> summary_.shift) < 2 || !states_[space].is_uniform_around(page))
            return piece + 1;
        return ((page / PageStates::chunk_pages + 1) * PageStates::chunk_pages) >> summary_.shift;
    }

    void write(std::uint32_t space, std::uint64_t first, std::uint64_t end)
    {
        while (first < end && !is_too_much()) {
            auto const begin { first };
            auto const now { level(space, first) };
            do
                first = std::min(alike_until(space, first), end);
            while (first < end && level(space, first) == now);
            ++summary_.count;
            step_written_.write(summary_.records, step_);
            space_written_.write(summary_.records, space);
            first_written_.write(summary_.records, begin);
            summary_.records.number(first - begin);
            summary_.records.number(now);
        }
    }

    Survey const &survey_;
    Summary summary_ {};
    std::vector<PageStates> states_;
    std::vector<std::vector<Pieces>> touched_;
    std::uint64_t step_ { 0 };
    Difference step_written_, space_written_, first_written_;
};

} // namespace

Summary Summary::of(TraceFile const &trace, Survey const &survey)
{
    unsigned shift { 0 };
    auto const pieces { [&] {
        std::uint64_t sum { 0 };
        for (auto const &s : survey.spaces)
            sum += ((s.pages - 1) >> shift) + 1;
        return sum;
    } };
    while (pieces() > most_pieces)
        ++shift;
    for (;; shift += 2) {
        Attempt attempt { survey, shift };
        survey.for_each(trace, [&](observe::EventNo, observe::Event const &e, Place const *p) {
            if (p && changes_state(e) && !attempt.is_too_much())
                attempt.add(e, *p);
        });
        auto result { attempt.finish() };
        if (result.count <= most_records || shift >= 32)
            return result;
    }
}

} // namespace gmem::cli::picture
