// Generated sequences: after every operation the result is compared with the specification, and at the end every page. Operations
// print themselves as C++, so that a failure pastes back as a literal case. GMEM_CONFORMANCE_SEQUENCES (default 200) says how many;
// RC_PARAMS="seed=..." repeats a run.

#include "spec/access.hpp"
#include "spec/convert.hpp"
#include "spec/file_operations.hpp"
#include "tests/conformance/subject.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <iostream>
#include <rapidcheck.h>
#include <sys/mman.h>
#include <unistd.h>
#include <variant>

using namespace gmem;
using namespace gmem::conformance;

namespace {

constexpr std::uint64_t page { 4096 }, pages { 600 }; // more than one 2 MiB entry
long operations { 0 };

// The implementation and the specification side by side.
struct World final {
    Vm vm;
    int fd;
    char *window;
    spec::File model;

    explicit World(std::uint64_t flags)
        : fd { vm.create(pages * page, flags) }
        , window { static_cast<char *>(mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) }
        , model { spec::created({ pages * page, flags }, Offer::here().rules) }
    {
    }
    ~World()
    {
        munmap(window, pages * page);
        close(fd);
    }
    World(World const &) = delete;
};

struct Convert final {
    std::uint64_t offset, size, attributes, flags;

    void perform(World &w) const
    {
        MemoryAttributes2 q { offset, size, attributes, flags, 0xfeed, {} };
        auto const err { convert(w.fd, q) };
        spec::Outcome const seen { err, q.error_offset == 0xfeed ? std::nullopt : std::optional { q.error_offset } };
        if (auto const complaint { spec::convert(w.model, { offset, size, attributes, flags, {} }, seen) })
            RC_FAIL(*complaint + ", seen " + std::to_string(err));
    }
    void print(std::ostream &o) const { o << "Convert{" << offset << ", " << size << ", " << attributes << ", " << flags << "}"; }
};

struct Fallocate final {
    int mode;
    std::int64_t offset, length;

    void perform(World &w) const
    {
        auto const must { spec::fallocate(w.model, { mode, offset, length }) };
        RC_ASSERT(errno_of(fallocate(w.fd, mode, offset, length)) == must);
    }
    void print(std::ostream &o) const { o << "Fallocate{" << mode << ", " << offset << ", " << length << "}"; }
};

// Through the big window, and through a fresh one of a page: both must say what the specification says.
struct Read final {
    std::uint64_t p;

    void perform(World &w) const
    {
        bool const works { spec::access(w.model, p * page) == spec::AccessOutcome::works };
        auto const seen { read_byte(w.window + p * page) };
        RC_ASSERT(seen.works == works);
        auto *const fresh { mmap(nullptr, page, PROT_READ, MAP_SHARED, w.fd, static_cast<off_t>(p * page)) };
        RC_ASSERT_FALSE(bool(fresh == MAP_FAILED));
        auto const again { read_byte(fresh) };
        munmap(fresh, page);
        RC_ASSERT(again.works == works);
        if (works) {
            RC_ASSERT(seen.value == w.model.pages[p].byte);
            RC_ASSERT(again.value == w.model.pages[p].byte);
        } else {
            RC_ASSERT(seen.code == BUS_ADRERR);
            RC_ASSERT(bool(seen.address == w.window + p * page));
        }
    }
    void print(std::ostream &o) const { o << "Read{" << p << "}"; }
};

struct Write final {
    std::uint64_t p;
    std::uint8_t value;

    void perform(World &w) const
    {
        bool const works { spec::access(w.model, p * page) == spec::AccessOutcome::works };
        RC_ASSERT(write_byte(w.window + p * page, value).works == works);
        if (works)
            w.model.pages[p].byte = value;
    }
    void print(std::ostream &o) const { o << "Write{" << p << ", " << int { value } << "}"; }
};

struct Reopen final { // another descriptor takes over, the old one goes
    void perform(World &w) const
    {
        int const copy { dup(w.fd) };
        RC_ASSERT(copy >= 0);
        close(w.fd);
        w.fd = copy;
    }
    void print(std::ostream &o) const { o << "Reopen{}"; }
};

using Operation = std::variant<Convert, Fallocate, Read, Write, Reopen>;

// What rapidcheck prints of a counterexample.
[[maybe_unused]] void showValue(Operation const &op, std::ostream &o) { std::visit([&o](auto const &x) { x.print(o); }, op); }

rc::Gen<Operation> operation()
{
    auto const first { rc::gen::inRange<std::uint64_t>(0, pages) };
    auto const length { rc::gen::weightedOneOf<std::uint64_t>({ { 6, rc::gen::inRange<std::uint64_t>(1, 8) }, { 2, rc::gen::inRange<std::uint64_t>(1, pages) } }) };
    auto const good { rc::gen::map(rc::gen::tuple(first, length, rc::gen::arbitrary<bool>()), [](auto const &t) {
        auto const [f, l, to_private] = t;
        return Operation { Convert { f * page, std::min(l, pages - f) * page, to_private ? 8u : 0u, 0 } };
    }) };
    auto const odd { rc::gen::element<std::uint64_t>(0, 1, 8, page - 1, page, 2 * page, pages * page - page, pages * page, pages * page + page, ~0ull, ~0ull << 12, 1ull << 63) };
    auto const wrong { rc::gen::map(rc::gen::tuple(odd, odd, rc::gen::element<std::uint64_t>(0, 8, 1, 9, ~0ull), rc::gen::element<std::uint64_t>(0, 0, 0, 1)), [](auto const &t) {
        return Operation { Convert { std::get<0>(t), std::get<1>(t), std::get<2>(t), std::get<3>(t) } };
    }) };
    auto const file { rc::gen::map(rc::gen::tuple(rc::gen::element(1, 3, 3, 3, 0, 2), rc::gen::inRange<std::int64_t>(-1, pages + 2), rc::gen::inRange<std::int64_t>(0, 9), rc::gen::element<std::int64_t>(0, 0, 0, 0, 1)), [](auto const &t) {
        auto const [mode, f, l, shift] = t;
        return Operation { Fallocate { mode, f * static_cast<std::int64_t>(page) + shift, l * static_cast<std::int64_t>(page) } };
    }) };
    auto const read { rc::gen::map(first, [](std::uint64_t p) { return Operation { Read { p } }; }) };
    auto const write { rc::gen::map(rc::gen::pair(first, rc::gen::arbitrary<std::uint8_t>()), [](auto const &t) { return Operation { Write { t.first, t.second } }; }) };
    return rc::gen::weightedOneOf<Operation>({ { 4, good }, { 1, wrong }, { 2, file }, { 4, read }, { 4, write }, { 1, rc::gen::just(Operation { Reopen {} }) } });
}

void run(World &w, std::vector<Operation> const &list)
{
    for (auto const &op : list) {
        std::visit([&w](auto const &o) { o.perform(w); }, op);
        ++operations;
    }
    for (std::uint64_t p { 0 }; p < pages; ++p)
        Read { p }.perform(w);
}

} // namespace

namespace rc {
template <>
struct Arbitrary<Operation> {
    static Gen<Operation> arbitrary() { return operation(); }
};
} // namespace rc

TEST(Sequences, AgreeWithTheSpecification)
{
    NEEDS_GUEST_MEMFD();
    char const *const wished { std::getenv("GMEM_CONFORMANCE_SEQUENCES") };
    int const sequences { wished ? std::atoi(wished) : 200 };
    int done { 0 };
    while (done < sequences && !HasFailure()) {
        bool const ok { rc::check("every result is one that the specification allows", [&](bool initially_shared) {
            auto const list { *rc::gen::resize(200, rc::gen::container<std::vector<Operation>>(operation())) };
            World w { initially_shared ? 3u : 1u };
            RC_ASSERT_FALSE(bool(w.window == MAP_FAILED));
            run(w, list);
        }) };
        EXPECT_TRUE(ok);
        done += 100; // one check() is a hundred sequences
    }
    std::cout << operations << " operations against " << (Offer::here().in_place ? "in-place conversion" : "the running kernel") << "\n";
}
