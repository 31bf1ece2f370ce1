#include "cli/picture/trace.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gmem::cli::picture {

std::optional<Trace> Trace::open(std::string const &path, std::string &complaint)
{
    int const fd { ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    struct stat facts {};
    if (fd < 0 || fstat(fd, &facts) != 0) {
        complaint = fmt::format("{}: {}", path, std::strerror(errno));
        if (fd >= 0)
            close(fd);
        return std::nullopt;
    }
    auto const size { static_cast<std::size_t>(facts.st_size) };
    void *const begin { S_ISREG(facts.st_mode) && size >= observe::slots_at ? mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED };
    close(fd);
    auto const log { begin == MAP_FAILED ? std::nullopt : std::optional { observe::LogReader::open({ static_cast<std::byte const *>(begin), size }) } };
    if (!log || !*log) {
        complaint = fmt::format("{}: not a trace that this gmem can read", path);
        if (begin != MAP_FAILED)
            munmap(begin, size);
        return std::nullopt;
    }
    return Trace { log->value(), begin, size };
}

Trace::Trace(Trace &&o) noexcept : log_ { o.log_ }, begin_ { std::exchange(o.begin_, nullptr) }, size_ { o.size_ } {}

Trace::~Trace()
{
    if (begin_)
        munmap(begin_, size_);
}

} // namespace gmem::cli::picture
