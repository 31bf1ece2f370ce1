#include "observe/inject.hpp"

#include "observe/recording.hpp"

#include <algorithm>

namespace gmem::observe {
namespace {

// splitmix64: every number decides for itself, so that who comes first changes nothing.
constexpr std::uint64_t mixed(std::uint64_t x) noexcept
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

constexpr std::uint64_t chance_of(std::uint64_t seed, std::uint64_t rule, std::uint64_t number) noexcept { return mixed(mixed(seed ^ (rule + 1) << 56) ^ number); }

constexpr bool decides(FaultRule const &r, std::uint64_t number, std::uint64_t chance) noexcept
{
    if (r.nth)
        return number == r.nth;
    if (r.every)
        return number % r.every == 0;
    return !r.share || (chance & 0xffff'ffff) < r.share;
}

constexpr std::uint64_t page_bytes { 4096 };

// The pages that a rule and a call have in common; those that can be struck.
struct Pages final {
    Target const &of;
    std::uint64_t begin, end;

    std::uint64_t next(std::uint64_t from) const noexcept { return of.first ? of.first(of.of, from, end) : from; }
    bool none() const noexcept { return next(begin) >= end; }
    std::uint64_t one(std::uint64_t chance) const noexcept
    {
        auto const found { next(begin + chance % (end - begin)) };
        return found < end ? found : next(begin);
    }
};

// What the program hears of as error_offset, or which page fails.
std::uint64_t place_of(Fault f, Target const &t, Struck const &s) noexcept { return f == Fault::eagain || f == Fault::poison ? s.page : t.offset; }

// nullopt: the rule does not strike the call that it has just counted.
std::optional<std::uint64_t> count(FaultRule &r, std::uint64_t seed, std::uint64_t rule, std::uint64_t &number) noexcept
{
    number = r.seen.fetch_add(1, std::memory_order_relaxed) + 1;
    auto const chance { chance_of(seed, rule, number) };
    if (!decides(r, number, chance))
        return std::nullopt;
    if (auto const before { r.struck.fetch_add(1, std::memory_order_relaxed) }; r.times && before >= r.times) {
        r.struck.fetch_sub(1, std::memory_order_relaxed);
        return std::nullopt;
    }
    return chance >> 32;
}

} // namespace

constinit std::atomic<Faults *> Inject::faults_ { nullptr };

void Inject::use(LogHeader &log) noexcept
{
    auto &f { faults_of(log) };
    faults_.store(f.count != 0 && f.count <= Faults::most ? &f : nullptr, std::memory_order_release);
}

std::optional<Struck> Inject::ask(Fault f, Target t) noexcept
{
    auto *const faults { Inject::faults() };
    if (!faults)
        return std::nullopt;
    std::optional<Struck> struck;
    for (std::uint64_t i { 0 }; i < faults->count; ++i) {
        auto &r { faults->rules[i] };
        if (r.fault != f || r.call != t.call)
            continue;
        auto const begin { r.size ? std::max(t.offset, r.offset) : t.offset };
        auto const end { r.size ? std::min(t.offset + t.size, r.offset + r.size) : t.offset + t.size };
        if (begin >= end)
            continue;
        Pages const pages { t, begin / page_bytes, (end + page_bytes - 1) / page_bytes };
        if (pages.none())
            continue;
        if (struck) { // already, by a rule before this one
            r.seen.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        std::uint64_t number { 0 };
        if (auto const chance { count(r, faults->seed, i, number) })
            struck = Struck { r.choice, number, begin, end - begin, *chance, pages.one(*chance) * page_bytes };
    }
    if (struck)
        (void)note(Kind::injected, { .detail = static_cast<std::uint8_t>(f), .file = t.file, .offset = t.offset, .size = t.size, .at = place_of(f, t, *struck), .more = { struck->number } });
    return struck;
}

bool Inject::poison(std::uint64_t file, std::uint64_t page) noexcept
{
    auto *const faults { Inject::faults() };
    auto const n { faults ? faults->poisoned_count.load(std::memory_order_relaxed) : Faults::most_poisoned };
    if (n >= Faults::most_poisoned)
        return false;
    auto const mine { faults->poisoned_count.fetch_add(1, std::memory_order_relaxed) };
    if (mine >= Faults::most_poisoned) {
        faults->poisoned_count.fetch_sub(1, std::memory_order_relaxed);
        return false;
    }
    faults->poisoned[mine].page.store(page, std::memory_order_relaxed);
    faults->poisoned[mine].file.store(file, std::memory_order_release);
    return true;
}

std::optional<std::uint64_t> Inject::first_poisoned(std::uint64_t file, std::uint64_t first, std::uint64_t last) noexcept
{
    if (!any_poisoned()) [[likely]]
        return std::nullopt;
    auto found { last };
    for (auto const &p : faults()->poisoned)
        if (p.file.load(std::memory_order_acquire) == file)
            if (auto const page { p.page.load(std::memory_order_relaxed) }; page >= first && page < found)
                found = page;
    return found < last ? std::optional { found } : std::nullopt;
}

void Inject::forget_poisoned(std::uint64_t file, std::uint64_t first, std::uint64_t last) noexcept
{
    if (!any_poisoned()) [[likely]]
        return;
    for (auto &p : faults()->poisoned)
        if (auto const page { p.page.load(std::memory_order_relaxed) }; p.file.load(std::memory_order_acquire) == file && page >= first && page < last)
            p.file.store(0, std::memory_order_release);
}

} // namespace gmem::observe
