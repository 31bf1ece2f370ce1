#include "checker/neighbours.hpp"

namespace gmem::checker {

Neighbours::Name Neighbours::name_of(observe::Event const &e) const
{
    bool const of_vm { e.kind == observe::Kind::bind || e.kind == observe::Kind::unbind };
    return of_vm ? Name { 0, vm_of(e, order_) } : Name { e.file };
}

Neighbours::Neighbours(std::vector<Ordered> const &all, Order order) : list_ { all }, order_ { order }
{
    for (std::size_t i { 0 }; i < all.size(); ++i)
        things_[name_of(all[i].step->event)].all.push_back(i);
}

Neighbours::AtOnce Neighbours::of(std::size_t i)
{
    auto &t { things_[name_of(list_[i].step->event)] };
    auto found { at(t, i) };
    if (t.live.size() < most)
        t.live.push_back(i);
    found.too_many = found.too_many || t.live.size() >= most;
    return found;
}

Neighbours::AtOnce Neighbours::around(std::size_t i, std::uint64_t file) { return at(things_[{ file, {} }], i); }
Neighbours::AtOnce Neighbours::around(std::size_t i, VmName slots_of) { return at(things_[{ 0, slots_of }], i); }

Neighbours::AtOnce Neighbours::at(Thing &t, std::size_t i)
{
    auto const when { list_[i].span };
    std::erase_if(t.live, [&](std::size_t other) { return list_[other].span.before(when); });
    AtOnce found;
    for (auto const other : t.live)
        found.others.push_back(&list_[other]);
    while (t.next < t.all.size() && t.all[t.next] <= i)
        ++t.next;
    for (auto n { t.next }; n < t.all.size() && list_[t.all[n]].span.begin <= when.end && found.others.size() < most; ++n)
        found.others.push_back(&list_[t.all[n]]);
    found.too_many = found.others.size() >= most || t.live.size() >= most;
    return found;
}

} // namespace gmem::checker
