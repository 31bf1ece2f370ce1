#pragma once
// Calls of the program that copy from or to its buffers: EFAULT about a shared page of a window means that the kernel dropped its PTE,
// and the call is made again with the page back.

#include "observe/log.hpp"
#include "preload/ranges.hpp"

#include <cerrno>
#include <climits>

namespace gmem::preload {

struct Buffers final {
    iovec const *parts;
    std::size_t count;
};

inline bool recover(Buffers b) noexcept
{
    bool something { false };
    if (windows_exist()) // the array may be what EFAULT is about
        for_each_given(b.parts, b.count < IOV_MAX ? b.count : IOV_MAX, [&](iovec const &part) noexcept { something |= memory::Space::recover_range(reinterpret_cast<std::uintptr_t>(part.iov_base), part.iov_len); });
    return something;
}

// EFAULT it is.
inline void note_fault(Buffers b) noexcept
{
    if (observe::Log::on() && windows_exist())
        for_each_given(b.parts, b.count < IOV_MAX ? b.count : IOV_MAX, [](iovec const &part) noexcept { memory::Space::note_fault(reinterpret_cast<std::uintptr_t>(part.iov_base), part.iov_len); });
}

// Makes `call`; after EFAULT, as long as a shared page of the buffers could be brought back, again.
template <typename Call>
auto with_recovery(Buffers buffers, Call &&call) noexcept(noexcept(call()))
{
    for (int attempt { 0 };; ++attempt) {
        auto const result { call() };
        if (result >= 0 || errno != EFAULT) [[likely]]
            return result;
        if (attempt == 8 || !recover(buffers)) {
            note_fault(buffers);
            errno = EFAULT;
            return result;
        }
    }
}

template <typename Call>
auto one_buffer(void const *buffer, std::size_t size, Call &&call)
{
    iovec const part { const_cast<void *>(buffer), size };
    return with_recovery({ &part, 1 }, call);
}

} // namespace gmem::preload
