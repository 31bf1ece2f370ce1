#include "cli/reports/reporter.hpp"

#include "observe/log.hpp"
#include "observe/recording.hpp"
#include "os/clock.hpp"

#include <climits>
#include <csignal>
#include <unistd.h>

namespace gmem::cli::reports {
namespace {

// How long an event may lie in the log unread, and what of a ring may fill meanwhile before it is looked at more often.
constexpr std::uint64_t quickly { 8192 }; // slots in one rest: an eighth of the ring
constexpr auto longest_rest { os::milliseconds(100) }, shortest_rest { os::milliseconds(5) };

observe::LogReader opened(std::span<std::byte> log) { return std::move(observe::LogReader::open(log)).take(); }

} // namespace

Reporter::Reporter(std::span<std::byte> log, Output &output, Rules::Wishes wishes)
    : header_ { *reinterpret_cast<observe::LogHeader *>(log.data()) }, log_ { opened(log) }, output_ { output },
      rules_ { wishes, processes_,
               [this](Report const &r) {
                   (void)observe::note(observe::Kind::told, { .detail = static_cast<std::uint8_t>(r.kind), .more = { r.process } });
                   return output_.add(r);
               },
               [this](std::size_t which) { output_.repeat(which); } },
      follower_ { log_ }
{
    observe::Log::use(log.data());
    header_.has_stacks = 1;
    header_.reader.store(static_cast<std::uint32_t>(getpid()));
}

Reporter::~Reporter() { finish(false); }

void Reporter::begin()
{
    // Separate debug information is looked for on this machine only: somebody is waiting.
    unsetenv("DEBUGINFOD_URLS");
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    thread_ = std::thread { [this] { follow(); } };
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Reporter::follow()
{
    auto rest { longest_rest };
    while (!over_.load()) {
        auto const seen { header_.asked.load() };
        if (header_.answered.load() == seen)
            os::wait_on(reinterpret_cast<std::uint32_t const *>(&header_.asked), seen, rest);
        rest = read_and_answer() > quickly ? shortest_rest : longest_rest;
    }
}

std::uint64_t Reporter::read_and_answer()
{
    auto const asked { header_.asked.load() };
    auto const missed { follower_.missed() };
    auto const read { [this] {
        return follower_.catch_up([this](observe::EventNo n, observe::Event const &e, std::vector<std::byte> const &behind) {
            processes_.see(n, e, behind);
            rules_.see(n, e);
        });
    } };
    auto slots { read() };
    if (rules_.unsettled()) { // what explains it is being written just now, or was it taken back?
        std::this_thread::sleep_for(std::chrono::milliseconds { 20 });
        slots += read();
    }
    if (follower_.missed() != missed)
        rules_.missed_some();
    rules_.settle(log_);
    if (header_.answered.load() != asked) {
        header_.answered.store(asked);
        os::system_call(SYS_futex, &header_.answered, FUTEX_WAKE, INT_MAX, 0, 0, 0);
    }
    return slots;
}

void Reporter::finish(bool by_itself)
{
    if (!thread_.joinable())
        return;
    over_.store(true);
    os::wake_one(reinterpret_cast<std::uint32_t const *>(&header_.asked));
    thread_.join();
    (void)read_and_answer();
    header_.reader.store(0);
    if (by_itself)
        rules_.at_exit();
    output_.summarise(follower_.missed());
    observe::Log::use_nothing();
}

} // namespace gmem::cli::reports
