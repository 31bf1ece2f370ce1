// Writes a trace as a guest under load would have left it, by the same code that writes real ones: make_trace FILE [NAME=VALUE...].
//   events=N  bytes=N (of the guest's memory)  files=N  seed=N  seconds=N  broken=none|header|short|random|cut|empty

#include "observe/log.hpp"
#include "observe/log_reader.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <random>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace gmem::observe;

namespace {

constexpr std::uint64_t page { 4096 };
constexpr std::uint64_t began { 5'000'000'000 };

struct Wanted final {
    std::uint64_t events { 1000 }, bytes { 64 << 20 }, files { 2 }, seed { 1 }, seconds { 20 };
    std::string broken { "none" };
};

class Guest final {
public:
    explicit Guest(Wanted const &w) : wanted_ { w }, random_ { w.seed }, time_ { began + 1'000'000 } {}

    void live()
    {
        begin();
        auto const step { wanted_.seconds * 1'000'000'000 / std::max<std::uint64_t>(wanted_.events, 1) };
        for (std::uint64_t i { 0 }; i < wanted_.events; ++i) {
            // Bursts: a guest that boots, rests, and works.
            auto const phase { i * 12 / std::max<std::uint64_t>(wanted_.events, 1) };
            time_ += phase % 3 == 2 ? step * 2 + below(step + 1) : step / 4 + below(step / 2 + 1);
            one(i);
        }
    }

private:
    std::uint64_t below(std::uint64_t n) { return n ? random_() % n : 0; }

    Event event(Kind k)
    {
        Event e;
        e.kind = k;
        e.time = time_;
        e.process = below(8) ? 1200u : 1207u;
        e.thread = e.process + static_cast<std::uint32_t>(below(4));
        return e;
    }
    Event event(Kind k, std::uint64_t file, std::uint64_t offset, std::uint64_t size)
    {
        auto e { event(k) };
        e.file = 100 + file;
        e.offset = offset;
        e.size = size;
        return e;
    }

    static std::span<std::byte const> bytes_of(std::string const &s) { return std::as_bytes(std::span { s }); }

    void begin()
    {
        std::string const name { "/usr/bin/vmm" };
        for (std::uint32_t const process : { 1200u, 1207u }) {
            auto e { event(Kind::process) };
            e.process = process;
            e.detail = process == 1207;
            e.more = { process == 1207 ? 1200u : 1u, name.size() };
            (void)Log::append(e, bytes_of(name));
            if (process != 1200)
                continue;
            e = event(Kind::module_);
            e.process = process;
            e.offset = 0x5554fffff000;
            e.more = { 0x555500000000, name.size(), 0x555500100000, 0x1000 };
            (void)Log::append(e, bytes_of(name));
        }
        for (std::uint64_t file { 0 }; file < wanted_.files; ++file) {
            auto e { event(Kind::create, file, 0, wanted_.bytes) };
            e.detail = file != 0;
            e.result = static_cast<int>(5 + file);
            (void)Log::append(e);
        }
        for (std::uint64_t i { 0 }; i < 8; ++i) {
            std::vector<std::uint64_t> const words { 1, 0x7ffe00000000, 0x555500000400 + 64 * i, 17, 0x555500002000 };
            auto e { event(Kind::stack) };
            e.process = 1200;
            e.more = { 0x555500000100 + 16 * i, words.size() * sizeof words[0], 0x7ffe00000000, 0 };
            stacks_.push_back(Log::append(e, std::as_bytes(std::span { words })));
        }
    }

    void one(std::uint64_t i)
    {
        auto const file { below(8) ? 0 : below(wanted_.files) };
        auto const pages { wanted_.bytes / page };
        // The beginning of memory is made private at first, in large pieces; then a few buffers go to and fro, here and there a page does.
        if (i < wanted_.events / 8 + 1) {
            auto const size { std::max<std::uint64_t>(pages / 2 / (wanted_.events / 8 + 1), 1) };
            convert(file, (i * size) % pages, std::min(size, pages - (i * size) % pages), true);
        } else if (below(400) == 0) {
            pin(file, below(pages));
        } else if (below(3)) {
            auto const buffer { below(12) * below(12) };
            auto const size { std::min<std::uint64_t>(std::uint64_t { 1 } << (buffer % 10), pages) };
            auto const first { (pages / 3 + buffer * (pages / 500 + 1)) % (pages - size + 1) };
            auto &is_private { now_[file << 32 | buffer] };
            is_private = !is_private;
            convert(file, first, size, is_private);
        } else {
            convert(file, below(below(pages) + 1), 1, below(2));
        }
    }

    void convert(std::uint64_t file, std::uint64_t first, std::uint64_t count, bool to_private)
    {
        auto e { event(Kind::convert, file, first * page, count * page) };
        e.detail = to_private;
        e.duration = 1500 + below(800) + count * 90 + (below(60) ? 0 : below(400'000));
        e.stack = stacks_[below(stacks_.size())];
        if (to_private && below(50) == 0) {
            e.result = below(9) ? -EAGAIN : -ENOMEM;
            e.at = e.offset + below(count) * page;
        }
        (void)Log::append(e);
    }

    void pin(std::uint64_t file, std::uint64_t first)
    {
        if (!pins_.empty() && below(4) != 0) {
            auto e { pins_.back() };
            pins_.pop_back();
            e.kind = Kind::unpin;
            e.time = time_;
            if (below(2)) // by its token only
                e.offset = e.size = 0;
            (void)Log::append(e);
            return;
        }
        auto e { event(Kind::pin, file, first * page, page) };
        e.detail = static_cast<std::uint8_t>(1 + below(5));
        e.more[0] = 0x7000 + below(5000);
        (void)Log::append(e);
        pins_.push_back(e);
    }

    Wanted const &wanted_;
    std::mt19937_64 random_;
    std::uint64_t time_;
    std::vector<EventNo> stacks_ {};
    std::vector<Event> pins_ {};
    std::map<std::uint64_t, bool> now_ {};
};

Wanted parse(int argc, char **argv)
{
    Wanted w;
    for (int i { 2 }; i < argc; ++i) {
        std::string const word { argv[i] };
        auto const at { word.find('=') };
        auto const name { word.substr(0, at) }, value { at == std::string::npos ? "" : word.substr(at + 1) };
        if (name == "broken") {
            w.broken = value;
            continue;
        }
        for (auto const &[known, field] : std::map<std::string, std::uint64_t *> { { "events", &w.events }, { "bytes", &w.bytes }, { "files", &w.files }, { "seed", &w.seed }, { "seconds", &w.seconds } })
            if (name == known)
                *field = std::strtoull(value.c_str(), nullptr, 0);
    }
    return w;
}

void set_command(LogHeader &h)
{
    static constexpr char command[] { "vmm\0--memory\0<script>alert(1)</script>" };
    std::memcpy(h.command, command, sizeof command);
    h.command_bytes = sizeof command;
    std::strcpy(h.settings, "GMEM_PLATFORM=snp");
}

// What is not a trace, and what was one.
void do_break(std::byte *begin, std::uint64_t size, Wanted const &w)
{
    std::mt19937_64 random { w.seed };
    if (w.broken == "header")
        begin[0] ^= std::byte { 1 };
    if (w.broken == "random") // events of anything; their states say that they are there
        for (std::uint64_t slot { 0 }; slots_at + (slot + 1) * sizeof(Slot) <= size; ++slot)
            for (std::uint64_t word { 1 }; word < sizeof(Slot) / 8; ++word)
                if (auto const value { random() }; random() % 3 == 0)
                    std::memcpy(begin + slots_at + slot * sizeof(Slot) + word * 8, &value, sizeof value);
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    auto const w { parse(argc, argv) };
    auto const slots { w.events + 200 };
    auto size { bytes_of_log(slots) };
    int const fd { open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) };
    if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) {
        std::perror(argv[1]);
        return 1;
    }
    auto *const begin { static_cast<std::byte *>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) };
    if (begin == MAP_FAILED)
        return 1;
    Log::create(begin, Keep::all, slots, began, 1'800'000'000'000'000'000);
    Log::use(begin);
    set_command(*Log::header());
    Guest { w }.live();
    size = bytes_of_log(Log::header()->head);
    do_break(begin, size, w);
    if (w.broken == "short")
        size = 1000;
    if (w.broken == "empty")
        size = slots_at;
    if (w.broken == "cut")
        size -= size / 3;
    return ftruncate(fd, static_cast<off_t>(size)) == 0 ? 0 : 1;
}
