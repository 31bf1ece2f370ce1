// Operations that take more than one step, and those of ports.

#include "kvm/scripted/interpreter.hpp"

#include <algorithm>
#include <cstring>

namespace gmem::kvm::scripted {
namespace {

constexpr std::size_t words_in_page { page_size / sizeof(std::uint64_t) };

} // namespace

// As far as the page goes.
Interpreter::Then Interpreter::range(Operation const &operation) noexcept
{
    std::uint64_t words[words_in_page];
    if (progress_ >= operation.size) // the operation is another by now
        progress_ = 0;
    auto const gpa { operation.gpa + progress_ };
    auto const size { std::min(operation.size - progress_, page_size - gpa % page_size) };
    auto const count { size / sizeof words[0] };
    if (operation.opcode == Opcode::fill) {
        std::fill_n(words, count, operation.value);
        if (auto const met { guest_.write(gpa, operation.side(), words, size) }; !met.done())
            return not_done(operation, met);
    } else {
        if (auto const met { guest_.read(gpa, operation.side(), words, size) }; !met.done())
            return not_done(operation, met);
        auto const *const differs { std::find_if(words, words + count, [&operation](std::uint64_t w) noexcept { return w != operation.value; }) };
        if (differs != words + count)
            return done(progress_ + static_cast<std::uint64_t>(differs - words) * sizeof words[0]);
    }
    progress_ += size;
    return progress_ == operation.size ? done(operation.size) : std::nullopt;
}

Interpreter::Then Interpreter::loop(Operation const &operation) noexcept
{
    auto const rounds { operation.result + 1 };
    if (rounds >= operation.value)
        return done(0);
    done(rounds);
    registers_.rip = operation.gpa;
    return std::nullopt;
}

// OUT is behind it when it exits, IN is not: as on the real KVM, what a VMM does to rip then counts.
Interpreter::Then Interpreter::port(Operation const &operation) noexcept
{
    bool const out { operation.opcode == Opcode::io_out };
    if (out)
        done(0);
    page().exit_reason = uapi::exit_io;
    page().io = { .direction = out ? uapi::io_out : uapi::io_in, .size = static_cast<std::uint8_t>(operation.size), .port = static_cast<std::uint16_t>(operation.gpa), .count = 1, .data_offset = page_size };
    std::memset(shared_ + page_size, 0, sizeof(std::uint64_t));
    if (out) {
        std::memcpy(shared_ + page_size, &operation.value, operation.size);
    } else {
        waiting_ = operation;
        waits_for_ = WaitsFor::io_in;
    }
    return 0;
}

} // namespace gmem::kvm::scripted
