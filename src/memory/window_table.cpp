#include "memory/window_table.hpp"

#include "memory/guest_memory.hpp"
#include "memory/process.hpp"
#include "os/mapping_calls.hpp"

#include <algorithm>
#include <cstring>

namespace gmem::memory {

std::span<Window> WindowTable::overlapping(os::AddressRange r) noexcept
{
    auto *const first { std::partition_point(records_.first, records_.first + records_.count, [r](Window const &w) { return w.addresses.end <= r.begin; }) };
    auto *last { first };
    while (last != records_.first + records_.count && last->addresses.begin < r.end)
        ++last;
    return { first, last };
}

Window *WindowTable::at(std::uintptr_t address) noexcept
{
    auto const found { overlapping({ address, address + 1 }) };
    return found.empty() ? nullptr : &found.front();
}

Status WindowTable::reserve(std::size_t more) noexcept
{
    if (!records_.first) {
        GMEM_TRY(memory, os::map_anonymous(most_windows * sizeof(Window), MAP_PRIVATE));
        records_.first = reinterpret_cast<Window *>(memory);
    }
    if (records_.count + more > most_windows)
        return Error::of(Why::no_memory, "windows.reserve");
    return Ok {};
}

void WindowTable::insert(Window const &w) noexcept
{
    auto *const place { std::partition_point(records_.first, records_.first + records_.count, [&w](Window const &o) { return o.addresses.begin < w.addresses.begin; }) };
    std::move_backward(place, records_.first + records_.count, records_.first + records_.count + 1);
    *place = w;
    ++records_.count;
    low_.store(std::min(low_.load(std::memory_order_relaxed), w.addresses.begin), std::memory_order_release);
    high_.store(std::max(high_.load(std::memory_order_relaxed), w.addresses.end), std::memory_order_release);
}

void WindowTable::split_at(std::uintptr_t address) noexcept
{
    auto *const whole { at(address) };
    if (!whole || whole->addresses.begin == address)
        return;
    Window upper { *whole };
    upper.first = whole->page_at(address);
    upper.addresses.begin = address;
    whole->addresses.end = address;
    upper.file->acquire();
    if (upper.native)
        upper.native->acquire();
    insert(upper);
}

void WindowTable::split_at_ends_of(os::AddressRange r) noexcept
{
    split_at(r.begin);
    split_at(r.end);
}

void WindowTable::erase(Window *w) noexcept
{
    std::move(w + 1, records_.first + records_.count, w);
    if (--records_.count == 0) {
        low_.store(~std::uintptr_t { 0 }, std::memory_order_release);
        high_.store(0, std::memory_order_release);
    }
}

char const *WindowTable::audit() noexcept
{
    std::uintptr_t end { 0 };
    for (auto const &w : all()) {
        if (w.addresses.empty() || w.addresses.begin % page_size || w.addresses.end % page_size)
            return "T1: a window is empty or not page aligned";
        if (w.addresses.begin < end)
            return "T1: windows overlap or are out of order";
        end = w.addresses.end;
        if (!w.file || !w.file->in_use())
            return "T2: a window without a file";
        if ((Process::engine() == Engine::userfaultfd) != (w.native != nullptr))
            return "T2: native pages do not fit the engine";
        if (w.addresses.begin < low_.load() || w.addresses.end > high_.load())
            return "T3: a window outside the bounds";
    }
    return nullptr;
}

void WindowTable::dump(Text &out) noexcept
{
    for (auto const &w : all()) {
        out.hex(w.addresses.begin) << "-";
        out.hex(w.addresses.end) << " page " << w.first.index() << " prot " << w.protection << "\n";
    }
}

} // namespace gmem::memory
