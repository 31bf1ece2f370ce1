#pragma once
// The single events, one after the other. Where there are too many, of each sort one in so many; who reads is told.

#include "cli/picture/packed.hpp"
#include "cli/picture/stacks.hpp"
#include "cli/picture/survey.hpp"

namespace gmem::cli::picture {

class Events final {
public:
    static constexpr std::uint64_t most { 1'000'000 };
    static constexpr std::uint64_t most_of_a_sort { 200'000 };

    enum class Sort : std::uint8_t { converted, failed, other };
    static constexpr std::size_t sorts { 3 };

    Events(TraceFile const &trace, Survey const &survey);

    // Is every event there?
    bool all() const noexcept { return one_in_ == std::array<std::uint64_t, sorts> { 1, 1, 1 }; }
    std::uint64_t one_in(Sort s) const noexcept { return one_in_[static_cast<std::size_t>(s)]; }

    void add(observe::EventNo n, observe::Event const &e, Place const *p);

    std::uint64_t count() const noexcept { return count_; }
    // For each event: kind + 32 * detail; time (a difference), duration; space + 1, or 0 and nothing about pages; first page (a difference), pages; result,
    // and where it is negative the page of `at`; who (a place in who()); stack (a place in the stacks).
    Packed const &records() const noexcept { return records_; }

    struct Who final {
        std::uint32_t process, thread;
    };
    std::vector<Who> const &who() const noexcept { return who_; }
    Stacks const &stacks() const noexcept { return stacks_; }

private:
    std::uint64_t number_of(std::uint32_t process, std::uint32_t thread);

    Survey const &survey_;
    std::array<std::uint64_t, sorts> one_in_ { 1, 1, 1 }, seen_ {};
    std::uint64_t count_ { 0 };
    Packed records_ {};
    Difference time_ {}, page_ {};
    std::map<std::uint64_t, std::uint64_t> who_numbers_ {};
    std::vector<Who> who_ {};
    Stacks stacks_;
};

} // namespace gmem::cli::picture
