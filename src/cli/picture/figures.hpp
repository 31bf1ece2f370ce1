#pragma once
// What is counted over all events of a trace.

#include "cli/picture/states.hpp"
#include "cli/picture/survey.hpp"

namespace gmem::cli::picture {

// How long something took: four classes a factor of two, beginning with one nanosecond.
class Durations final {
public:
    static constexpr std::size_t classes { 4 * 44 };

    void add(std::uint64_t nanoseconds);
    std::array<std::uint64_t, classes> const &counts() const noexcept { return counts_; }
    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t longest() const noexcept { return longest_; }
    // Nanoseconds that `share` of all did not exceed, to the precision of a class.
    std::uint64_t quantile(double share) const;

    static std::size_t class_of(std::uint64_t nanoseconds) noexcept;
    static std::uint64_t end_of(std::size_t class_) noexcept;

private:
    std::array<std::uint64_t, classes> counts_ {};
    std::uint64_t total_ { 0 }, longest_ { 0 };
};

class Figures final {
public:
    static constexpr std::size_t moments { 512 };
    static constexpr std::size_t sizes { 4 }; // one page; to 64 KiB; to 2 MiB; larger
    static constexpr std::size_t most_pins { 5'000 };

    struct Moment final {
        std::uint64_t to_shared { 0 }, to_private { 0 }, failed { 0 };
        std::uint64_t private_pages { 0 }; // at its end, of all spaces
    };
    struct Failure final {
        std::uint64_t count { 0 }, first_time { 0 }, last_time { 0 };
        std::optional<Place> first_place {};
    };
    struct Pin final {
        std::uint64_t time, until; // until == 0: still there at the end
        std::optional<Place> place;
        std::uint8_t kind;
        std::uint64_t token;
        std::uint32_t process;
    };

    explicit Figures(Survey const &survey);
    void add(observe::Event const &e, Place const *p);
    void finish();

    std::array<Moment, moments> const &over_time() const noexcept { return over_time_; }
    std::array<std::array<Durations, sizes>, 2> const &durations() const noexcept { return durations_; } // to shared, to private
    std::map<std::pair<observe::Kind, int>, Failure> const &failures() const noexcept { return failures_; } // by kind and errno
    std::vector<Pin> const &pins() const noexcept { return pins_; }
    std::uint64_t pins_not_kept() const noexcept { return pins_not_kept_; }
    std::uint64_t most_private() const noexcept { return most_private_; }

private:
    void add_pin(observe::Event const &e, Place const *p);
    void end_pins(observe::Event const &e, Place const *p);

    Survey const &survey_;
    std::array<Moment, moments> over_time_ {};
    std::array<std::array<Durations, sizes>, 2> durations_ {};
    std::map<std::pair<observe::Kind, int>, Failure> failures_ {};
    std::vector<Pin> pins_ {};
    std::map<std::array<std::uint64_t, 3>, std::vector<std::size_t>> open_pins_ {}; // by space, token and kind
    std::uint64_t pins_not_kept_ { 0 };
    std::vector<PageStates> states_ {};
    std::uint64_t private_pages_ { 0 }, most_private_ { 0 };
    std::size_t moment_ { 0 };
};

} // namespace gmem::cli::picture
