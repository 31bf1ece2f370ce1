#include "cli/reports/remote.hpp"

#include <algorithm>
#include <cstring>
#include <sys/uio.h>
#include <ucontext.h>
#include <vector>

namespace gmem::cli::reports {
namespace {

constexpr std::uint64_t page { 4096 };

// As an instruction numbers them.
constexpr std::array<int, 16> in_encoding_order { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

} // namespace

// The kernel ends at a piece that it cannot read as a whole, so no piece has bytes of two pages.
std::size_t read_memory(pid_t process, std::uint64_t address, std::span<std::byte> to)
{
    std::vector<iovec> pieces;
    for (std::uint64_t done { 0 }; done < to.size();) {
        auto const at { address + done };
        auto const bytes { std::min<std::uint64_t>(to.size() - done, page - at % page) };
        pieces.push_back({ reinterpret_cast<void *>(at), bytes });
        done += bytes;
    }
    iovec const here { to.data(), to.size() };
    auto const read { process_vm_readv(process, &here, 1, pieces.data(), pieces.size(), 0) };
    return read < 0 ? 0 : static_cast<std::size_t>(read);
}

std::optional<Registers> registers_in(pid_t process, std::uint64_t context, std::uint64_t instruction)
{
    gregset_t all;
    if (context == 0 || read_memory(process, context + offsetof(ucontext_t, uc_mcontext.gregs), std::as_writable_bytes(std::span { all })) != sizeof all)
        return std::nullopt;
    if (static_cast<std::uint64_t>(all[REG_RIP]) != instruction)
        return std::nullopt;
    Registers registers;
    std::ranges::transform(in_encoding_order, registers.begin(), [&all](int which) { return static_cast<std::uint64_t>(all[which]); });
    return registers;
}

} // namespace gmem::cli::reports
