#pragma once
// A word that the kernel marks when its holder is gone: exit, kill -9 and exec alike, in any pid namespace. The holder is a bare
// thread that lives as long as its process wants to be seen; the word may lie in memory shared between processes.

#include "os/syscall.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <linux/futex.h>

namespace gmem::os {

// 0: nobody; a tid: held; FUTEX_OWNER_DIED: its holder is gone.
using LivenessWord = std::uint32_t;

[[gnu::always_inline]] constexpr bool holder_lives(LivenessWord word) noexcept { return (word & FUTEX_TID_MASK) != 0 && !(word & FUTEX_OWNER_DIED); }

// The robust list of one bare thread, with one entry. Lives on its stack.
class RobustWord final {
public:
    // Takes the word if nobody lives in it. From the first instant on the kernel knows.
    [[gnu::always_inline]] bool claim(LivenessWord *word) noexcept
    {
        head_.list.next = &head_.list;
        node_.next = &head_.list;
        head_.futex_offset = reinterpret_cast<char *>(word) - reinterpret_cast<char *>(&node_);
        head_.list_op_pending = &node_; // covers the time between the exchange and the list
        bare_syscall(SYS_set_robust_list, reinterpret_cast<long>(&head_), sizeof head_);
        auto seen { __atomic_load_n(word, __ATOMIC_ACQUIRE) };
        auto const me { static_cast<LivenessWord>(bare_syscall(SYS_gettid)) };
        bool const taken { !holder_lives(seen) && __atomic_compare_exchange_n(word, &seen, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) };
        if (taken)
            head_.list.next = &node_;
        in_this_order();
        head_.list_op_pending = nullptr;
        return taken;
    }
    // Gives it back: nobody died.
    [[gnu::always_inline]] void release(LivenessWord *word) noexcept
    {
        head_.list_op_pending = &node_;
        head_.list.next = &head_.list;
        __atomic_store_n(word, 0, __ATOMIC_RELEASE);
        in_this_order();
        head_.list_op_pending = nullptr;
    }

private:
    // The kernel reads the list on this thread, wherever it was killed: the compiler must not reorder the stores.
    [[gnu::always_inline]] static void in_this_order() noexcept { asm volatile("" ::: "memory"); }

    robust_list_head head_;
    robust_list node_;
};

} // namespace gmem::os
