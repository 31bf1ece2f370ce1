#include "cli/inject_words.hpp"

#include "platform/snp/firmware.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <random>

namespace gmem::cli {
namespace {

using observe::Call;
using observe::Fault;
using observe::FaultRule;
using platform::snp::Firmware;

constexpr double whole { 4294967296.0 }; // of FaultRule::share

struct Answer final {
    std::string name;
    std::uint64_t choice;
};

// AMD's names, and those of RMPUPDATE.
std::vector<Answer> const &answers()
{
    static std::vector<Answer> const all { [] {
        std::vector<Answer> a { { "BUSY", observe::rmp_in_use }, { "OVERLAP", observe::rmp_overlap } };
        for (auto const f : { Firmware::invalid_platform_state, Firmware::invalid_guest_state, Firmware::policy_failure, Firmware::inactive, Firmware::invalid_address, Firmware::bad_signature,
                 Firmware::bad_measurement, Firmware::invalid_asid, Firmware::invalid_guest, Firmware::active, Firmware::invalid_param, Firmware::resource_limit, Firmware::invalid_page_size,
                 Firmware::invalid_page_state, Firmware::invalid_page_owner })
            a.push_back({ platform::snp::name_of(f), static_cast<std::uint64_t>(f) });
        return a;
    }() };
    return all;
}

std::optional<std::uint64_t> number(std::string_view text)
{
    int base { 10 };
    if (text.starts_with("0x")) {
        text.remove_prefix(2);
        base = 16;
    }
    std::uint64_t shift { 0 };
    if (base == 10 && !text.empty())
        if (auto const unit { std::string_view { "KMGT" }.find(text.back()) }; unit != std::string_view::npos) {
            text.remove_suffix(1);
            shift = 10 * (unit + 1);
        }
    std::uint64_t n { 0 };
    auto const [end, error] { std::from_chars(text.data(), text.data() + text.size(), n, base) };
    if (text.empty() || error != std::errc {} || end != text.data() + text.size() || n > ~std::uint64_t { 0 } >> shift)
        return std::nullopt;
    return n << shift;
}

std::optional<std::uint64_t> positive(std::string_view text)
{
    auto const n { number(text) };
    return n && *n != 0 ? n : std::nullopt;
}

// "25%" or "0.25", of 2^32.
std::optional<std::uint64_t> share_of(std::string text)
{
    bool const percent { text.ends_with('%') };
    if (percent)
        text.pop_back();
    double value { 0 };
    auto const [end, error] { std::from_chars(text.data(), text.data() + text.size(), value) };
    if (text.empty() || error != std::errc {} || end != text.data() + text.size())
        return std::nullopt;
    value /= percent ? 100 : 1;
    return value > 0 && value <= 1 ? std::optional { std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(value * whole))) } : std::nullopt;
}

bool set_range(FaultRule &r, std::string_view text)
{
    auto const colon { text.find(':') };
    if (colon == std::string_view::npos)
        return false;
    auto const offset { number(text.substr(0, colon)) }, size { positive(text.substr(colon + 1)) };
    if (!offset || !size || *offset > ~*size)
        return false;
    r.offset = *offset;
    r.size = *size;
    return true;
}

bool set_number(std::uint64_t &to, std::optional<std::uint64_t> n)
{
    to = n.value_or(0);
    return n.has_value();
}

char const *name_of(Call c)
{
    switch (c) {
    case Call::convert: return "convert";
    case Call::allocate: return "allocate";
    case Call::launch: return "launch";
    default: return "";
    }
}

bool set_call(FaultRule &r, std::string_view text)
{
    for (auto const c : { Call::convert, Call::allocate, Call::launch })
        if (text == name_of(c)) {
            r.call = c;
            return true;
        }
    return false;
}

bool set_error(FaultRule &r, std::string_view text)
{
    for (auto const &a : answers())
        if (text == a.name) {
            r.choice = a.choice;
            return true;
        }
    return false;
}

bool set_bits(FaultRule &r, std::string_view text, std::initializer_list<std::pair<std::string_view, std::uint64_t>> known)
{
    for (auto const &[name, bits] : known)
        if (text == name) {
            r.choice |= bits;
            return true;
        }
    return false;
}

// False: the kind has no such word, or not with that value.
bool set_word(FaultRule &r, std::string const &name, std::string const &value)
{
    if (name == "nth")
        return set_number(r.nth, positive(value));
    if (name == "every")
        return set_number(r.every, positive(value));
    if (name == "share")
        return set_number(r.share, share_of(value));
    if (name == "times")
        return set_number(r.times, positive(value));
    if (name == "range" && r.fault != Fault::kill)
        return set_range(r, value);
    switch (r.fault) {
    case Fault::enomem:   return name == "call" && set_call(r, value);
    case Fault::firmware: return name == "error" && set_error(r, value);
    case Fault::delay:    return name == "ms" && set_number(r.choice, positive(value)) && r.choice <= 60'000;
    case Fault::request:
        return name == "to" ? set_bits(r, value, { { "shared", observe::request_shared }, { "private", observe::request_private } })
                            : name == "exit" && set_bits(r, value, { { "memory_fault", 0 }, { "hypercall", observe::request_as_hypercall } });
    default: return false;
    }
}

std::string words_of(Fault f)
{
    std::string const general { f == Fault::kill ? "nth=N, every=N, share=P%, times=N" : "nth=N, every=N, share=P%, times=N, range=OFFSET:SIZE" };
    switch (f) {
    case Fault::enomem:   return general + ", call=convert|allocate|launch";
    case Fault::delay:    return general + ", ms=N (1 to 60000)";
    case Fault::request:  return general + ", to=shared|private, exit=memory_fault|hypercall";
    case Fault::firmware: {
        std::vector<std::string> names;
        for (auto const &a : answers())
            names.push_back(a.name);
        return general + fmt::format(", error={}", fmt::join(names, "|"));
    }
    default: return general;
    }
}

std::string read_rule(std::string const &word, FaultRule &r)
{
    auto const colon { word.find(':') };
    auto const kind { word.substr(0, colon) };
    std::vector<std::string> known { "seed=N" };
    for (auto const &f : observe::fault_table) {
        known.emplace_back(f.name);
        if (kind == f.name) {
            r.fault = f.fault;
            r.call = f.call;
        }
    }
    if (r.fault == Fault::nothing)
        return fmt::format("--inject: {} is not known: use {}", kind, fmt::join(known, " or "));
    auto rest { colon == std::string::npos ? std::string {} : word.substr(colon + 1) };
    while (!rest.empty()) {
        auto const comma { rest.find(',') };
        auto const one { rest.substr(0, comma) };
        rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
        auto const equals { one.find('=') };
        if (equals == std::string::npos || !set_word(r, one.substr(0, equals), one.substr(equals + 1)))
            return fmt::format("--inject={}: {} is not known: use {}", word, one, words_of(r.fault));
    }
    if ((r.nth != 0) + (r.every != 0) + (r.share != 0) > 1)
        return fmt::format("--inject={}: nth, every and share exclude each other", word);
    if (r.fault == Fault::delay && r.choice == 0)
        return fmt::format("--inject={}: how long? Use ms=N", word);
    if (r.fault == Fault::firmware && r.choice == 0)
        return fmt::format("--inject={}: which answer? Use {}", word, words_of(r.fault));
    return "";
}

std::string word_of(FaultRule const &r)
{
    auto const &f { observe::fault_table[static_cast<std::size_t>(r.fault) - 1] };
    std::vector<std::string> words;
    if (r.nth)
        words.push_back(fmt::format("nth={}", r.nth));
    if (r.every)
        words.push_back(fmt::format("every={}", r.every));
    if (r.share)
        words.push_back(fmt::format("share={:.12g}%", static_cast<double>(r.share) * 100 / whole));
    if (r.times)
        words.push_back(fmt::format("times={}", r.times));
    if (r.size)
        words.push_back(fmt::format("range={:#x}:{:#x}", r.offset, r.size));
    if (r.call != f.call)
        words.push_back(fmt::format("call={}", name_of(r.call)));
    if (r.fault == Fault::delay)
        words.push_back(fmt::format("ms={}", r.choice));
    if (r.fault == Fault::firmware)
        for (auto const &a : answers())
            if (a.choice == r.choice)
                words.push_back("error=" + a.name);
    if (r.fault == Fault::request && r.choice & observe::request_shared)
        words.emplace_back("to=shared");
    if (r.fault == Fault::request && r.choice & observe::request_private)
        words.emplace_back("to=private");
    if (r.fault == Fault::request && r.choice & observe::request_as_hypercall)
        words.emplace_back("exit=hypercall");
    return std::string { f.name } + (words.empty() ? "" : ":") + fmt::format("{}", fmt::join(words, ","));
}

} // namespace

std::string read_injections(std::vector<std::string> const &words, observe::Faults &faults)
{
    bool seeded { false }, by_chance { false };
    for (auto const &word : words) {
        if (word.starts_with("seed=")) {
            auto const seed { number(std::string_view { word }.substr(5)) };
            if (!seed)
                return fmt::format("--inject={}: a seed is a number", word);
            faults.seed = *seed;
            seeded = true;
            continue;
        }
        if (faults.count == observe::Faults::most)
            return fmt::format("--inject: at most {} faults", observe::Faults::most);
        auto &rule { faults.rules[faults.count] };
        if (auto const complaint { read_rule(word, rule) }; !complaint.empty())
            return complaint;
        ++faults.count;
        // Which page is a matter of chance too.
        by_chance = by_chance || rule.share || rule.fault == Fault::eagain || rule.fault == Fault::poison || rule.fault == Fault::request;
    }
    if (by_chance && !seeded)
        faults.seed = std::random_device {}();
    return "";
}

std::vector<std::string> told_injections(observe::Faults const &faults)
{
    if (faults.count == 0)
        return {};
    std::string again { fmt::format("--inject seed={}", faults.seed) };
    for (std::uint64_t i { 0 }; i < faults.count; ++i)
        again += " --inject " + word_of(faults.rules[i]);
    std::vector<std::string> lines { "the same again: gmem run " + again };
    for (std::uint64_t i { 0 }; i < faults.count; ++i) {
        auto const &r { faults.rules[i] };
        lines.push_back(fmt::format("injected {}: {} of {} {}", word_of(r), r.struck.load(), r.seen.load(), observe::fault_table[static_cast<std::size_t>(r.fault) - 1].what));
    }
    return lines;
}

} // namespace gmem::cli
