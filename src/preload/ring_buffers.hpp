#pragma once
// io_uring's registered buffers, whichever way the program asks for them. Calls and answers are the kernel's: a value, or -errno.

#include "memory/hold.hpp"

#include <cerrno>
#include <sys/uio.h>

namespace gmem::preload {

class RingBuffers final {
public:
    // Buffers [first, first + count) of a ring.
    struct Request final {
        iovec const *parts;
        std::uint32_t count, first;

        bool touches_windows() const noexcept;
        Status hold(memory::Hold &h) const noexcept;
        void recover_pages() const noexcept;
    };

    // `call` makes the real call.
    template <typename Call>
    static long registering(int ring, Request const &r, Call call) noexcept
    {
        return held(ring, r, call, [](memory::Hold &hold, long) noexcept { hold.keep(); });
    }
    // The same; the answer may be the number of buffers that were done. What was there before goes.
    template <typename Call>
    static long updating(int ring, Request const &r, Call call) noexcept
    {
        return held(ring, r, call, [&](memory::Hold &hold, long done) noexcept {
            replaced(ring, r.first, static_cast<std::uint32_t>(done));
            hold.keep(static_cast<std::uint32_t>(done));
        });
    }
    static void unregistered(int ring) noexcept;

private:
    static int number_of(int ring) noexcept;
    static void replaced(int ring, std::uint32_t first, std::uint32_t count) noexcept;

    template <typename Call, typename Keep>
    static long held(int ring, Request const &r, Call call, Keep keep) noexcept
    {
        memory::Hold hold { memory::PinKind::ring_buffer, number_of(ring) };
        bool const touches { r.touches_windows() };
        if (auto const taken { touches ? r.hold(hold) : Status { Ok {} } }; !taken)
            return -taken.error().err;
        long result { call() };
        if (touches && result == -EFAULT) { // the kernel pins what is present only
            r.recover_pages();
            result = call();
        }
        if (result >= 0)
            keep(hold, result);
        return result;
    }
};

// As the system calls.
long io_uring_register_any(long const (&arguments)[6]) noexcept;
long io_uring_setup_any(long const (&arguments)[6]) noexcept;

} // namespace gmem::preload
