// What happens before and after the call: the heading of docs/support-table.csv, step by step.

#include "driver/matrix/reading.hpp"
#include "driver/matrix/subject.hpp"

#include <cerrno>

namespace gmem::driver::matrix {
namespace {

using Found = std::optional<Page>; // nullopt: SIGBUS, or nobody can look

struct Looked final {
    Converted answer;
    Found host, guest;
};

std::uint64_t flags_of(Mode mode)
{
    switch (mode) {
    case Mode::unspecified: return uapi::unspecified;
    case Mode::zero:        return uapi::zero;
    case Mode::preserve:    return uapi::preserve;
    case Mode::encrypted:   return uapi::encrypted;
    }
    __builtin_unreachable();
}

To to_of(Direction d) { return d == Direction::to_private ? To::private_ : To::shared; }

// Where the page is now, there the guest looks.
Looked look(Subject &subject, Direction d, Converted answer)
{
    bool const is_private { (d == Direction::to_private) == answer.done() };
    return { answer, subject.host_reads(), subject.guest_reads(is_private ? Side::private_ : Side::shared) };
}

Looked to_private_while_launching(Subject &subject, Mode mode, bool asks_for_zeros)
{
    subject.host_writes(host_page());
    auto const answer { subject.convert(To::private_, flags_of(mode)) };
    // Nothing is carried around the RMM for a page that is to be zeros: it is none of the image, and the guest takes it over later.
    bool const loaded { !(subject.platform() == Platform::cca && asks_for_zeros) };
    if (answer.done() && loaded)
        subject.load(host_page());
    subject.end_launch();
    if (answer.done() && !loaded)
        subject.take_over_unasked();
    return look(subject, Direction::to_private, answer);
}

Looked to_shared_while_launching(Subject &subject, Mode mode)
{
    subject.host_writes(host_page());
    if (auto const before { subject.convert(To::private_, uapi::unspecified) }; !before.done())
        throw Failure { "the conversion to private before", before.err };
    auto const answer { subject.convert(To::shared, flags_of(mode)) };
    subject.end_launch();
    return look(subject, Direction::to_shared, answer);
}

// May be repeated: begins wherever the last time ended.
Looked while_running(Subject &subject, Direction d, Mode mode)
{
    if (!subject.host_reads() == (d == Direction::to_private))
        if (auto const before { subject.convert_with_guest(d == Direction::to_private ? To::shared : To::private_, uapi::unspecified) }; !before.done())
            throw Failure { "the conversion before", before.err };
    d == Direction::to_private ? subject.host_writes(host_page()) : subject.guest_writes(guest_page());
    return look(subject, d, subject.convert_with_guest(to_of(d), flags_of(mode)));
}

bool scrambled(Found const &found) { return found && classify(*found) == Reading::scrambled; }

std::string word_of(Found const &found, Found const &again, std::string_view nothing)
{
    return std::string { found ? word_of(classify(*found), !again || *again == *found) : nothing };
}

std::string word_of(Converted answer)
{
    switch (answer.err) {
    case 0:          return "0";
    case EINVAL:     return "EINVAL";
    case EPERM:      return "EPERM";
    case EAGAIN:     return "EAGAIN";
    case EOPNOTSUPP: return answer.error_offset == Subject::offset ? "EOPNOTSUPP" : "EOPNOTSUPP at " + std::to_string(answer.error_offset);
    default:         return std::to_string(answer.err);
    }
}

} // namespace

Outcome execute(Cell cell)
{
    Subject subject { cell.platform };
    auto const launching { cell.phase == Phase::launching && subject.is_launched() };
    Looked first {}, again {};
    if (launching) {
        first = cell.direction == Direction::to_private ? to_private_while_launching(subject, cell.mode, cell.asks_for_zeros) : to_shared_while_launching(subject, cell.mode);
    } else {
        subject.end_launch();
        first = while_running(subject, cell.direction, cell.mode);
        if (scrambled(first.host) || scrambled(first.guest))
            again = while_running(subject, cell.direction, cell.mode);
    }
    return { word_of(first.answer), word_of(first.host, again.host, "sigbus"), word_of(first.guest, again.guest, "-") };
}

} // namespace gmem::driver::matrix
