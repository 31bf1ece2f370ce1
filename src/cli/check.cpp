#include "cli/check.hpp"

#include "checker/check.hpp"
#include "checker/read.hpp"
#include "checker/text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gmem::cli {
namespace {

constexpr int agrees { 0 }, broken { 1 }, unusable { 2 };

// A file's bytes, or what a pipe gives.
class Input final {
public:
    explicit Input(std::string const &path)
    {
        int const fd { path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC) };
        struct stat facts {};
        if (fd < 0 || fstat(fd, &facts) != 0)
            throw checker::Unusable { std::strerror(errno) };
        if (S_ISREG(facts.st_mode) && facts.st_size > 0) {
            size_ = static_cast<std::size_t>(facts.st_size);
            mapped_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
        }
        ssize_t got { 0 };
        char piece[65536];
        while (mapped_ == MAP_FAILED && (got = read(fd, piece, sizeof piece)) > 0)
            bytes_.append(piece, static_cast<std::size_t>(got));
        int const failed { got < 0 ? errno : 0 };
        close(fd);
        if (failed != 0)
            throw checker::Unusable { std::strerror(failed) };
    }
    Input(Input const &) = delete;
    ~Input()
    {
        if (mapped_ != MAP_FAILED)
            munmap(mapped_, size_);
    }
    std::span<std::byte const> bytes() const
    {
        if (mapped_ != MAP_FAILED)
            return { static_cast<std::byte const *>(mapped_), size_ };
        return std::as_bytes(std::span { bytes_ });
    }

private:
    void *mapped_ { MAP_FAILED };
    std::size_t size_ { 0 };
    std::string bytes_;
};

std::string place(checker::Step const &s) { return s.line != 0 ? fmt::format("event {} (line {})", s.number, s.line) : fmt::format("event {}", s.number); }

// How sure the answer is: what a trace does not show was not compared.
std::string reservations(checker::Trace const &t)
{
    std::string text;
    if (!t.facts.from_beginning)
        text += "; it does not begin at the beginning, so what was before is taken as unknown";
    if (t.missing != 0)
        text += fmt::format("; {} events are missing", t.missing);
    return text;
}

} // namespace

CheckCommand::CheckCommand(CLI::App &app)
    : command_ { app.add_subcommand("check", "Replays a trace against the executable specification; docs/check.md") }
{
    command_->add_option("FILE", file_, "A trace: of gmem run --trace, its text, or of ftrace or strace; - reads text from the standard input")->required();
    command_->add_flag("--write-text", write_text_, "Writes the trace in the text form of docs/check.md instead, to the standard output");
    command_->add_flag("--quiet", quiet_, "Says nothing where all is well");
    command_->footer("Exit status 0: every event is as the specification says; 1: one is not, and the first is named; 2: the file is no trace.");
}

int CheckCommand::run() const
{
    try {
        Input const input { file_ };
        auto const trace { checker::read(input.bytes()) };
        if (write_text_) {
            fmt::print("{}\n", checker::to_text(trace.facts, trace.missing));
            for (auto const &s : trace.steps)
                fmt::print("{}\n", checker::to_text(s));
            return std::fflush(stdout) == 0 ? agrees : unusable;
        }
        auto const verdict { checker::check(trace) };
        if (auto const &b { verdict.broken }) {
            fmt::print("{}: {} breaks the specification\n  {}\n  the specification, section {}: {}\n", file_, place(b->step), checker::to_text(b->step), b->section, b->sentence);
            return broken;
        }
        if (!quiet_)
            fmt::print("{}: {} events agree with the specification; of {} others it says nothing{}\n", file_, verdict.compared, verdict.not_compared, reservations(trace));
        return agrees;
    } catch (checker::Unusable const &why) {
        fmt::print(stderr, "gmem: {}{}: {}\n", file_, why.line != 0 ? fmt::format(":{}", why.line) : "", why.why);
        return unusable;
    }
}

} // namespace gmem::cli
