#include "checker/neighbours.hpp"

namespace gmem::checker {

std::uint64_t Neighbours::thing_of(observe::Event const &e)
{
    bool const of_vm { e.kind == observe::Kind::bind || e.kind == observe::Kind::unbind };
    return of_vm ? 2 * e.more[3] + 1 : 2 * e.file;
}

Neighbours::Neighbours(std::vector<Ordered> const &all) : list_ { all }
{
    for (std::size_t i { 0 }; i < all.size(); ++i)
        things_[thing_of(all[i].step->event)].all.push_back(i);
}

Neighbours::AtOnce Neighbours::of(std::size_t i)
{
    auto &t { things_[thing_of(list_[i].step->event)] };
    auto const when { list_[i].span };
    std::erase_if(t.live, [&](std::size_t other) { return list_[other].span.before(when); });
    AtOnce found;
    for (auto const other : t.live)
        found.others.push_back(&list_[other]);
    while (t.next < t.all.size() && t.all[t.next] <= i)
        ++t.next;
    for (auto n { t.next }; n < t.all.size() && list_[t.all[n]].span.begin <= when.end && found.others.size() < most; ++n)
        found.others.push_back(&list_[t.all[n]]);
    if (t.live.size() < most)
        t.live.push_back(i);
    found.too_many = found.others.size() >= most || t.live.size() >= most;
    return found;
}

} // namespace gmem::checker
