#include "tests/generated/check.hpp"

#include "tests/generated/draw.hpp"
#include "tests/generated/run.hpp"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <rapidcheck.h>
#include <string_view>

namespace gmem::generated {
namespace {

constexpr std::size_t longest_sequence { 400 };
constexpr int operations_on_average { 200 };

// Drawn by the same code as from a fuzzer's bytes; shrunk by leaving operations out, then by making their numbers simpler.
rc::Gen<Sequence> sequence()
{
    return rc::Gen<Sequence>([](rc::Random const &random, int) {
        auto stream { random };
        RandomChoices choices { stream.next() };
        auto list { draw_sequence(choices, 1 + choices.below(longest_sequence)) };
        return rc::shrinkable::shrinkRecur(std::move(list), [](Sequence const &l) {
            return rc::seq::concat(rc::shrink::removeChunks(l), rc::shrink::eachElement(l, [](Operation const &op) { return rc::seq::fromContainer(simpler(op)); }));
        });
    });
}

} // namespace

int run_generated(Subject &subject, char const *what, std::uint64_t count, std::uint64_t seed)
{
    std::uint64_t performed { 0 }, sequences { 0 };
    auto const begin { std::chrono::steady_clock::now() };
    rc::detail::TestParams params;
    params.seed = seed;
    params.maxSuccess = static_cast<int>(count / operations_on_average * 2 + 10); // it stops by itself
    bool failed { false };
    rc::detail::TestMetadata metadata;
    metadata.id = what;
    metadata.description = "every answer is one that the specification allows";
    std::string last;
    auto const result { rc::detail::checkTestable([&] {
        if (!failed && performed >= count)
            return;
        auto const list { *sequence() };
        auto const d { run(subject, list) };
        performed += list.size();
        ++sequences;
        if (d) {
            if (!failed) // before it is made smaller, which may take a while
                std::cerr << d->complaint << "; shrinking\n";
            failed = true;
            last = explain(list, *d);
            RC_FAIL(d->complaint);
        }
    }, metadata, params) };
    auto const seconds { std::chrono::duration<double> { std::chrono::steady_clock::now() - begin }.count() };
    if (!result.is<rc::detail::SuccessResult>()) {
        rc::detail::printResultMessage(result, std::cerr);
        std::cerr << "\n\n" << last << "repeat: --seed " << seed << "\n";
        return 1;
    }
    std::cout << what << ": " << performed << " operations in " << sequences << " sequences agree with the specification; seed " << seed << ", "
              << static_cast<std::uint64_t>(static_cast<double>(performed) / seconds) << " operations a second\n";
    return 0;
}

int main_of(Subject &subject, char const *what, int argc, char **argv)
{
    std::uint64_t count { 20000 }, seed { 1 };
    for (int i { 1 }; i + 1 < argc; i += 2) {
        std::string_view const option { argv[i] };
        auto const value { std::strtoull(argv[i + 1], nullptr, 0) };
        if (option == "--count")
            count = value;
        else if (option == "--seed")
            seed = value;
        else {
            std::cerr << argv[0] << ": --count N and --seed S are the options\n";
            return 2;
        }
    }
    return run_generated(subject, what, count, seed);
}

} // namespace gmem::generated
