#pragma once
// A log that this process, and its children, write to for the length of a test.

#include "observe/log.hpp"
#include "observe/log_reader.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <vector>

namespace gmem::test {

struct Seen final {
    observe::EventNo number;
    observe::Event event;
};

class SessionLog final {
public:
    explicit SessionLog(std::uint64_t capacity = 1 << 16) : size_ { observe::bytes_of_log(capacity) }
    {
        begin_ = static_cast<std::byte *>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        EXPECT_NE(begin_, MAP_FAILED);
        observe::Log::create(begin_, observe::Keep::latest, capacity, 0, 0);
        observe::Log::use(begin_);
    }
    ~SessionLog()
    {
        observe::Log::use_nothing();
        munmap(begin_, size_);
    }
    SessionLog(SessionLog const &) = delete;

    observe::LogReader reader() const { return observe::LogReader::open({ begin_, size_ }).value(); }

    // All that is there, in order; stacks and processes aside.
    std::vector<Seen> events(std::uint64_t *missing = nullptr) const
    {
        std::vector<Seen> found;
        auto const lost { reader().for_each([&](observe::EventNo n, observe::Event const &e) {
            if (e.kind != observe::Kind::process && e.kind != observe::Kind::module_ && e.kind != observe::Kind::stack)
                found.push_back({ n, e });
        }) };
        if (missing)
            *missing = lost;
        return found;
    }
    std::vector<observe::Event> of(observe::Kind k) const
    {
        std::vector<observe::Event> found;
        for (auto const &s : events())
            if (s.event.kind == k)
                found.push_back(s.event);
        return found;
    }

private:
    std::size_t size_;
    std::byte *begin_ { nullptr };
};

} // namespace gmem::test
