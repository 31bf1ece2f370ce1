#include "tests/generated/operation.hpp"

namespace gmem::generated {
namespace {

void print_number(Number n, std::ostream &o)
{
    if (n >= Number { 1 } << 63)
        o << "~" << ~n << "ull";
    else
        o << n;
}

} // namespace

std::ostream &operator<<(std::ostream &o, Operation const &op)
{
    std::visit([&o](auto const &x) {
        o << x.name << "{";
        std::apply([&o](auto const &...n) {
            bool first { true };
            ((o << (first ? "" : ", "), first = false, print_number(n, o)), ...);
        }, x.fields());
        o << "}";
    }, op);
    return o;
}

void print_as_test(Sequence const &list, std::ostream &o)
{
    o << "TEST(Found, DiffersFromTheSpecification)\n{\n    expect_agreement({\n";
    for (auto const &op : list)
        o << "        " << op << ",\n";
    o << "    });\n}\n";
}

std::vector<Operation> simpler(Operation const &op)
{
    std::vector<Operation> result;
    auto const count { std::visit([](auto const &x) { return std::tuple_size_v<decltype(x.fields())>; }, op) };
    auto const with { [&](std::size_t i, auto const &change) {
        auto copy { op };
        bool changed { false };
        std::visit([&](auto &x) {
            std::apply([&](auto &...n) {
                std::size_t at { 0 };
                ((at++ == i ? void(changed = change(n)) : void()), ...);
            }, x.fields());
        }, copy);
        if (changed)
            result.push_back(copy);
    } };
    for (std::size_t i { 0 }; i < count; ++i) {
        with(i, [](Number &n) { return n != 0 ? (n = 0, true) : false; });
        with(i, [](Number &n) { return n > 4096 && n % 4096 != 0 ? (n &= ~Number { 4095 }, true) : false; });
        with(i, [](Number &n) { return n >= 8192 ? (n = n / 2 & ~Number { 4095 }, true) : n > 1 && n < 4096 ? (n /= 2, true) : false; });
        with(i, [](Number &n) { return n >= 4096 && n % 4096 == 0 ? (n -= 4096, true) : n > 0 && n < 4096 ? (--n, true) : false; });
    }
    return result;
}

} // namespace gmem::generated
