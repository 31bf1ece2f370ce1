#include "cli/supervise.hpp"

#include <csignal>
#include <cerrno>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

// What a person or a supervisor sends to a program by its process id.
constexpr int passed_on[] { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT };

} // namespace

int supervise(std::function<int()> const &become, std::function<void()> const &begun)
{
    sigset_t taken, before;
    sigemptyset(&taken);
    for (auto const signal : passed_on)
        sigaddset(&taken, signal);
    sigaddset(&taken, SIGCHLD);
    sigprocmask(SIG_BLOCK, &taken, &before);
    auto const parent { getpid() };
    auto const child { fork() };
    if (child < 0)
        return -1;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // who kills gmem run means the program
        if (getppid() != parent)
            _exit(0);
        sigprocmask(SIG_SETMASK, &before, nullptr);
        _exit(become());
    }
    begun();
    for (;;) {
        siginfo_t info {};
        if (sigwaitinfo(&taken, &info) < 0 && errno != EINTR)
            return -1;
        int status { 0 };
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
        // The terminal sends to both; a clock that somebody wound up before us, to this process alone.
        bool const had_already { info.si_code == SI_KERNEL && info.si_signo != SIGALRM };
        if (info.si_signo != SIGCHLD && !had_already && info.si_pid != child)
            kill(child, info.si_signo);
    }
}

void end_as(int status)
{
    if (WIFSIGNALED(status)) {
        rlimit const none { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        auto const signal { WTERMSIG(status) };
        std::signal(signal, SIG_DFL);
        sigset_t it;
        sigemptyset(&it);
        sigaddset(&it, signal);
        raise(signal);
        sigprocmask(SIG_UNBLOCK, &it, nullptr);
    }
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

} // namespace gmem::cli
