#include "os/seccomp.hpp"

#include "os/mapping_calls.hpp"
#include "os/user_memory.hpp"

#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>

namespace gmem::os {

// In memory of its own, made when it is installed and kept for ever: other threads inherit it.
class Filter final {
public:
    Filter const *older;
    unsigned length;
    sock_filter code[1];
};

namespace {

constexpr std::uint32_t x86_64 { 0xC000003E }; // AUDIT_ARCH_X86_64
constexpr unsigned longest { 4096 };           // BPF_MAXINSNS

std::uint32_t word_of(seccomp_data const &data, std::uint32_t at) noexcept
{
    std::uint32_t word { 0 };
    if (at <= sizeof data - sizeof word)
        std::memcpy(&word, reinterpret_cast<char const *>(&data) + at, sizeof word);
    return word;
}

std::uint32_t computed(unsigned operation, std::uint32_t a, std::uint32_t b) noexcept
{
    switch (operation) {
    case BPF_ADD: return a + b;
    case BPF_SUB: return a - b;
    case BPF_MUL: return a * b;
    case BPF_DIV: return b ? a / b : 0;
    case BPF_OR:  return a | b;
    case BPF_AND: return a & b;
    case BPF_XOR: return a ^ b;
    case BPF_LSH: return b < 32 ? a << b : 0;
    case BPF_RSH: return b < 32 ? a >> b : 0;
    case BPF_NEG: return 0 - a;
    default:      return 0;
    }
}

bool holds(unsigned operation, std::uint32_t a, std::uint32_t b) noexcept
{
    switch (operation) {
    case BPF_JEQ:  return a == b;
    case BPF_JGT:  return a > b;
    case BPF_JGE:  return a >= b;
    case BPF_JSET: return (a & b) != 0;
    default:       return true; // BPF_JA is handled before
    }
}

// Classic BPF as the kernel runs it. It has checked the program when it was installed: jumps go forward and inside, the last one returns.
std::uint32_t verdict(Filter const &filter, seccomp_data const &data) noexcept
{
    std::uint32_t a { 0 }, x { 0 }, memory[BPF_MEMWORDS] {};
    for (unsigned at { 0 }; at < filter.length; ++at) {
        auto const &i { filter.code[at] };
        auto const operand { BPF_SRC(i.code) == BPF_X ? x : i.k };
        switch (BPF_CLASS(i.code)) {
        case BPF_LD:
            a = BPF_MODE(i.code) == BPF_ABS ? word_of(data, i.k) : BPF_MODE(i.code) == BPF_MEM ? memory[i.k % BPF_MEMWORDS] : BPF_MODE(i.code) == BPF_LEN ? sizeof data : i.k;
            break;
        case BPF_LDX:
            x = BPF_MODE(i.code) == BPF_MEM ? memory[i.k % BPF_MEMWORDS] : BPF_MODE(i.code) == BPF_LEN ? sizeof data : i.k;
            break;
        case BPF_ST:
            memory[i.k % BPF_MEMWORDS] = a;
            break;
        case BPF_STX:
            memory[i.k % BPF_MEMWORDS] = x;
            break;
        case BPF_ALU:
            a = computed(BPF_OP(i.code), a, operand);
            break;
        case BPF_JMP:
            at += BPF_OP(i.code) == BPF_JA ? i.k : holds(BPF_OP(i.code), a, operand) ? i.jt : i.jf;
            break;
        case BPF_RET:
            return BPF_RVAL(i.code) == BPF_A ? a : i.k;
        default: // BPF_MISC
            if (BPF_MISCOP(i.code) == BPF_TAX)
                x = a;
            else
                a = x;
            break;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

} // namespace

[[gnu::tls_model("initial-exec")]] thread_local constinit Filter const *Restrictions::mine_ { nullptr };
constinit Filter const *Restrictions::everyone_ { nullptr };

bool Restrictions::permits(Filter const *newest, long nr, long const (&arguments)[6]) noexcept
{
    seccomp_data data { static_cast<int>(nr), x86_64, 0, {} };
    std::memcpy(data.args, arguments, sizeof data.args);
    for (auto const *f { newest }; f; f = f->older) {
        auto const action { verdict(*f, data) & SECCOMP_RET_ACTION_FULL };
        if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG)
            return false;
    }
    return true;
}

Filter const *Restrictions::read(sock_fprog const *program) noexcept
{
    sock_fprog header;
    if (!copy_from_program(&header, reinterpret_cast<std::uintptr_t>(program), sizeof header) || header.len == 0 || header.len > longest)
        return nullptr;
    auto const bytes { sizeof(Filter) + header.len * sizeof(sock_filter) };
    auto memory { map_anonymous(bytes, MAP_PRIVATE) };
    if (!memory)
        return nullptr;
    auto *const filter { reinterpret_cast<Filter *>(std::move(memory).take()) };
    filter->older = mine_;
    filter->length = header.len;
    if (!copy_from_program(filter->code, reinterpret_cast<std::uintptr_t>(header.filter), header.len * sizeof(sock_filter)))
        return nullptr;
    return filter;
}

void Restrictions::enter(Filter const *filter, bool all) noexcept
{
    mine_ = filter;
    if (all)
        everyone_ = filter;
}

} // namespace gmem::os
