#pragma once
// struct kvm_run: the page that a vCPU and its VMM share. Only what gmem reads or corrects; KVM's documented API (api.rst, 5).

#include "kvm/registers.hpp"

namespace gmem::kvm::uapi {

enum ExitReason : std::uint32_t {
    exit_io = 2,
    exit_hypercall = 3,
    exit_debug = 4,
    exit_hlt = 5,
    exit_mmio = 6,
    exit_shutdown = 8,
    exit_fail_entry = 9,
    exit_interrupted = 10,
    exit_internal_error = 17,
    exit_memory_fault = 39,
};

struct IoExit final {
    std::uint8_t direction, size;
    std::uint16_t port;
    std::uint32_t count;
    std::uint64_t data_offset; // from the beginning of the run page
};
enum IoDirection : std::uint8_t { io_in, io_out };

struct MmioExit final {
    std::uint64_t gpa;
    std::uint8_t data[8];
    std::uint32_t length;
    std::uint8_t is_write;
};

struct MemoryFaultExit final {
    std::uint64_t flags, gpa, size;
};

struct HypercallExit final {
    std::uint64_t nr;
    std::uint64_t arguments[6];
    std::uint64_t result;
    std::uint64_t flags;
};
inline constexpr std::uint64_t hypercall_long_mode { 1 }; // KVM_EXIT_HYPERCALL_LONG_MODE

struct DebugExit final {
    std::uint32_t exception, padding;
    std::uint64_t pc, dr6, dr7;
};

struct InternalErrorExit final {
    std::uint32_t suberror;
    std::uint32_t words; // of what follows
};
inline constexpr std::uint32_t internal_error_emulation { 1 };

struct RunPage final {
    std::uint8_t request_interrupt_window;
    std::uint8_t immediate_exit;
    std::uint8_t padding1[6];
    std::uint32_t exit_reason;
    std::uint8_t ready_for_interrupt_injection, if_flag;
    std::uint16_t flags;
    std::uint64_t cr8, apic_base;
    union {
        IoExit io;
        MmioExit mmio;
        HypercallExit hypercall;
        DebugExit debug;
        MemoryFaultExit memory_fault;
        InternalErrorExit internal;
        std::uint8_t all_exits[256];
    };
    std::uint64_t valid_regs, dirty_regs;
    Registers synced; // KVM_CAP_SYNC_REGS
};
static_assert(offsetof(RunPage, exit_reason) == 8 && offsetof(RunPage, mmio) == 32 && offsetof(RunPage, valid_regs) == 288);
static_assert(offsetof(RunPage, synced) == 304 && offsetof(HypercallExit, result) == 56);
static_assert(offsetof(MmioExit, length) == 16 && offsetof(MmioExit, is_write) == 20);

inline constexpr std::uint64_t memory_exit_private { 1u << 3 }; // KVM_MEMORY_EXIT_FLAG_PRIVATE

} // namespace gmem::kvm::uapi
