#include "cli/picture/events.hpp"

namespace gmem::cli::picture {
namespace {

Events::Sort sort_of(observe::Event const &e) noexcept { return e.result < 0 ? Events::Sort::failed : is_conversion(e) ? Events::Sort::converted : Events::Sort::other; }

// What is said elsewhere in the page.
bool is_told(observe::Event const &e) noexcept { return e.kind != observe::Kind::process && e.kind != observe::Kind::module_ && e.kind != observe::Kind::stack; }

} // namespace

Events::Events(TraceFile const &trace, Survey const &survey) : survey_ { survey }, stacks_ { trace }
{
    auto const of { [&](observe::Kind k) { return survey.of_kind[static_cast<std::size_t>(k)]; } };
    auto const told { survey.events - of(observe::Kind::process) - of(observe::Kind::module_) - of(observe::Kind::stack) };
    if (told <= most)
        return;
    std::array<std::uint64_t, sorts> const total { survey.ordinary, survey.failed, told - survey.ordinary - survey.failed };
    for (std::size_t i { 0 }; i < sorts; ++i)
        one_in_[i] = total[i] == 0 ? 1 : (total[i] - 1) / most_of_a_sort + 1;
}

void Events::add(observe::EventNo n, observe::Event const &e, Place const *p)
{
    stacks_.meet(n, e);
    auto const sort { static_cast<std::size_t>(sort_of(e)) };
    if (!is_told(e) || seen_[sort]++ % one_in_[sort] != 0)
        return;
    ++count_;
    records_.number(static_cast<std::uint64_t>(e.kind) | std::uint64_t { e.detail } << 5);
    time_.write(records_, e.time - survey_.begin);
    records_.number(e.duration);
    records_.number(p ? p->space + std::uint64_t { 1 } : 0);
    if (p) {
        page_.write(records_, p->first);
        records_.number(p->count);
    }
    records_.signed_number(e.result);
    if (e.result < 0)
        records_.number(e.at / page_bytes);
    records_.number(number_of(e.process, e.thread));
    records_.number(stacks_.number_of(e));
}

std::uint64_t Events::number_of(std::uint32_t process, std::uint32_t thread)
{
    auto const [at, is_new] { who_numbers_.try_emplace(std::uint64_t { process } << 32 | thread, who_.size()) };
    if (is_new)
        who_.push_back({ process, thread });
    return at->second;
}

static_assert(observe::kinds <= 32, "the kind shares a number with the detail");

} // namespace gmem::cli::picture
