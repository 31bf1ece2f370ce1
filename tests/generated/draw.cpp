#include "tests/generated/draw.hpp"

#include <array>

namespace gmem::generated {
namespace {

constexpr Number page { 4096 };

// What the sequence has made so far, as far as the numbers of later operations care.
struct Drawn final {
    std::vector<Number> files;   // pages
    std::vector<Number> windows; // pages
    bool peers { false };        // does this sequence have living processes?
};

Number size_of_file(Choices &c)
{
    if (c.one_in(300))
        return (Number { 1 } << 18) + c.below(600); // more than one 1 GiB entry
    if (c.one_in(12))
        return 500 + c.below(800); // more than one 2 MiB entry
    return 1 + c.below(64);
}

Number odd_number(Choices &c, Number pages)
{
    std::array<Number, 16> const list { 0, 1, 8, page - 1, page, page + 1, 2 * page, (pages - 1) * page, pages * page, (pages + 1) * page, pages * page - 1, ~Number { 0 },
        ~Number { 0 } << 12, Number { 1 } << 63, (Number { 1 } << 63) - page, ~(pages * page) + 1 };
    return list[c.below(list.size())];
}

Number pages_of(std::vector<Number> const &list, Number i) { return list.empty() ? 16 : list[i % list.size()]; }

// A run inside [0, pages): short mostly.
std::pair<Number, Number> run_in(Choices &c, Number pages)
{
    auto const first { c.below(pages) };
    auto const longest { pages - first };
    auto const length { c.one_in(6) ? 1 + c.below(longest) : 1 + c.below(std::min<Number>(longest, 6)) };
    return { first, length };
}

Operation create(Choices &c, Drawn &d)
{
    if (c.one_in(8)) // wrong
        return Create { c.below(4), odd_number(c, 4), c.one_in(2) ? Number { 1 } << c.below(64) : c.below(4) };
    auto const pages { size_of_file(c) };
    d.files.push_back(pages);
    return Create { c.below(4), pages * page, c.one_in(4) ? c.below(4) : 3 };
}

Operation map(Choices &c, Drawn &d)
{
    auto const file { c.below(4) };
    auto const pages { pages_of(d.files, file) };
    if (c.one_in(10))
        return Map { file, c.below(pages + 3) * page, c.one_in(4) ? 0 : 1 + c.below(3 * page), c.below(4) != 0, c.one_in(4) };
    auto const whole { c.one_in(3) };
    auto const [first, length] { run_in(c, pages) };
    d.windows.push_back(whole ? pages : length);
    return Map { file, whole ? 0 : first * page, (whole ? pages + c.below(2) : length) * page, 1, 0 };
}

Operation convert(Choices &c, Drawn &d)
{
    auto const file { c.below(4) };
    auto const pages { pages_of(d.files, file) };
    if (c.one_in(10)) {
        std::array<Number, 6> const attributes { 0, 8, 8, 1, 9, ~Number { 0 } };
        return Convert { file, odd_number(c, pages), odd_number(c, pages), attributes[c.below(6)], c.one_in(8) ? Number { 1 } << c.below(64) : 0, c.one_in(8) ? 1 + c.below(11) : 0 };
    }
    auto const [first, length] { run_in(c, pages) };
    return Convert { file, first * page, length * page, c.below(2) * 8, 0, 0 };
}

Operation file_call(Choices &c, Drawn &d)
{
    auto const file { c.below(4) };
    auto const pages { pages_of(d.files, file) };
    if (c.one_in(6)) {
        std::array<Number, 8> const modes { 1, 3, 0, 2, 0x10, 0x11, 0x40, 0x100 };
        return Fallocate { file, modes[c.below(8)], odd_number(c, pages), odd_number(c, pages) };
    }
    auto const [first, length] { run_in(c, pages) };
    return Fallocate { file, c.one_in(3) ? 1u : 3u, first * page, (length + (c.one_in(20) ? pages : 0)) * page };
}

Operation memslot(Choices &c, Drawn &d)
{
    auto const file { c.below(4) };
    auto const pages { pages_of(d.files, file) };
    std::array<Number, 4> const odd_slots { 32763, 32764, 0xffff, 1 << 16 };
    Memslot m { c.below(4), 2, c.below(5), 4, c.below(40) * page, (1 + c.below(6)) * page, 0, c.below(pages) * page, 2, file };
    if (c.one_in(3)) { // delete
        m.size = 0;
        m.flags = c.below(2) * 4;
    } else if (c.one_in(4)) { // without a file
        m.flags = c.below(4);
        m.address = (16 + c.below(2)) << 20;
        m.version = 1 + c.below(2);
    } else if (c.one_in(4)) { // wrong in one place
        switch (c.below(8)) {
        case 0: m.slot = odd_slots[c.below(4)]; break;
        case 1: m.flags = 4 | Number { 1 } << c.below(32); break;
        case 2: m.gpa = c.one_in(2) ? m.gpa + 1 + c.below(page - 1) : ~Number { 0 } << 12 /* wraps */; break;
        case 3: m.size += 1 + c.below(page - 1); break;
        case 4: m.address = c.one_in(2) ? 1 : Number { 1 } << 47; break;
        case 5: m.offset = odd_number(c, pages); break;
        case 6: m.named = c.below(2); break;
        case 7: m.version = 1; break;
        }
    }
    return m;
}

Operation peer_operation(Choices &c, Drawn &d)
{
    auto const peer { c.below(7) };
    auto const dice { c.below(100) };
    if (dice < 12)
        return Fork { c.one_in(2) ? 0 : 1 + peer };
    if (dice < 18)
        return Pass { peer, c.below(4) };
    if (dice < 24)
        return EndPeer { peer, c.below(3) };
    auto const which { c.below(4) };
    auto const pages { pages_of(d.windows, which) };
    auto const what { c.one_in(6) ? 7 + c.below(3) : c.below(7) };
    return InPeer { peer, what, which, c.below(pages), 1 + c.below(std::min<Number>(pages, 8)), c.below(256) };
}

Operation bind(Choices &c, Drawn &d)
{
    auto const window { c.below(4) };
    auto const pages { pages_of(d.windows, window) };
    std::array<Number, 8> const modes { 0, 1, 2, 3, 4, 5, 6, 100 };
    std::array<Number, 4> const modifiers { 1 << 15, 1 << 14, 3 << 14, 0 }, nodes { 1, 0, Number { 1 } << 63, 1 };
    auto const modifier { c.one_in(4) ? modifiers[c.below(4)] : 0 };
    return Bind { window, c.below(pages), 1 + c.below(pages), modes[c.below(8)] | modifier, nodes[c.below(4)], c.one_in(8) ? 8u : c.below(2) * 2 };
}

Operation draw(Choices &c, Drawn &d)
{
    if (d.peers && c.one_in(4))
        return peer_operation(c, d);
    auto const window { c.below(4) };
    auto const bytes { pages_of(d.windows, window) * page };
    auto const where { [&] { return c.one_in(3) ? c.below(bytes) : c.below(bytes / page) * page; } };
    auto const dice { c.below(1000) };
    if (dice < 300)
        return convert(c, d);
    if (dice < 470)
        return Read { window, where() };
    if (dice < 640)
        return Write { window, where(), c.below(256) };
    if (dice < 720)
        return file_call(c, d);
    if (dice < 735)
        return GuestTouch { c.below(4), c.below(46 * page), c.below(2), c.below(256) };
    if (dice < 750)
        return GuestWrite { c.below(4), c.below(pages_of(d.files, window)) * page, c.below(256) };
    if (dice < 785)
        return KernelRead { window, where(), 1 + c.below(page) };
    if (dice < 810)
        return KernelWrite { window, where(), c.below(256) };
    if (dice < 816)
        return bind(c, d);
    if (dice < 840)
        return map(c, d);
    if (dice < 865)
        return Unmap { window, c.below(bytes / page), 1 + c.below(bytes / page) };
    if (dice < 885)
        return Pin { window, c.below(bytes / page), 1 + c.below(6) };
    if (dice < 905)
        return Unpin { c.below(4) };
    if (dice < 945)
        return memslot(c, d);
    if (dice < 955)
        return create(c, d);
    if (dice < 965)
        return Duplicate { c.below(4) };
    if (dice < 975)
        return Close { c.below(4) };
    if (dice < 979)
        return CreateVm { c.below(2) };
    if (dice < 981)
        return CloseVm { c.below(4) };
    if (dice < 987) {
        std::array<Number, 4> const which { 233, 234, 244, 250 };
        return Capability { c.below(2), c.below(4), which[c.below(4)] };
    }
    if (dice < 989)
        return VmAttributes { c.below(4), c.below(2) * 8 };
    if (dice < 994)
        return Refused { c.below(4), c.below(9) };
    if (dice < 998)
        return Stat { c.below(4) };
    return InChild { window, c.below(5), c.below(bytes / page), 1 + c.below(4), c.below(256) };
}

} // namespace

Sequence draw_sequence(Choices &c, std::size_t most)
{
    Drawn d;
    auto const pages { size_of_file(c) };
    d.files.push_back(pages);
    d.windows.push_back(pages);
    d.peers = c.one_in(10);
    Sequence list { CreateVm { 1 }, Create { 0, pages * page, c.one_in(4) ? 1u : 3u }, Map { 0, 0, pages * page, 1, 0 } };
    while (list.size() < most && !c.exhausted())
        list.push_back(draw(c, d));
    return list;
}

} // namespace gmem::generated
