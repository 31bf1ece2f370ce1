#pragma once
// What must happen, as simply as it can be said: an array of pages, no tables, no ranges, no merging. Written apart from src/platform/snp.
//
// Contents: the machine's memory of a page is some text, encrypted `depth` times with the guest's key (below 0: decrypted). The host sees
// that; our guest, with C=1, sees it decrypted once more. No instruction changes the memory: only writes, the firmware's encryption in
// place, and pages that are replaced or wiped.

#include "platform/snp/host_instructions.hpp"
#include "platform/snp/guest_instructions.hpp"
#include "platform/snp/launch.hpp"

#include <vector>

namespace gmem::platform::snp {

struct OraclePage final {
    bool assigned { false }, immutable { false }, large { false }, vmsa { false }, valid { false };
    unsigned asid { 0 };
    std::uint64_t frame { 0 };
    unsigned may[4] {};

    unsigned text { 0 }; // number of a text; 0: zeros
    int depth { 0 };
    bool private_text { false }; // the guest wrote it through C=1: never to be seen by anybody else

    void give_back() { *this = { .text = text, .depth = depth, .private_text = private_text }; }
};

class Oracle final {
public:
    Oracle(std::uint64_t count, std::uint64_t first_physical, unsigned asid) : pages(count), first_physical_ { first_physical }, asid_ { asid } {}

    bool ours(std::uint64_t p) const { return pages[p].assigned && pages[p].asid == asid_ && (!pages[p].immutable || pages[p].valid); }
    // The first page of the 2 MiB around p; it may lie before the file.
    long group(std::uint64_t p) const { return static_cast<long>(p) - static_cast<long>((first_physical_ + p) % 512); }
    bool whole_group_at(std::uint64_t p) const { return group(p) == static_cast<long>(p) && p + 512 <= pages.size(); }

    Eax rmpupdate(std::uint64_t p, NewState const &to)
    {
        auto const large { to.size == PageSize::large };
        if (p >= pages.size() || (large && (!whole_group_at(p) || to.frame % 512 != 0)))
            return Eax::fail_input;
        if (!to.assigned && (to.immutable || to.asid || to.frame))
            return Eax::fail_input;
        if (to.assigned && !to.asid && to.frame)
            return Eax::fail_input;
        if (pages[p].immutable)
            return Eax::fail_permission;
        if (!large && pages[p].large)
            return Eax::fail_overlap;
        if (large)
            for (auto q { p }; q < p + 512; ++q)
                if (pages[q].assigned && !pages[q].large)
                    return Eax::fail_overlap;
        for (auto q { p }; q < p + (large ? 512 : 1); ++q) {
            pages[q].give_back();
            if (!to.assigned)
                continue;
            pages[q].assigned = true;
            pages[q].large = large;
            pages[q].immutable = to.immutable;
            pages[q].asid = to.asid;
            pages[q].frame = to.asid ? to.frame + (q - p) : 0;
            pages[q].may[0] = to.asid ? 31 : 0;
        }
        return Eax::success;
    }

    Eax psmash(std::uint64_t p)
    {
        if (p >= pages.size() || !whole_group_at(p) || !pages[p].large)
            return Eax::fail_input;
        if (pages[p].immutable)
            return Eax::fail_permission;
        for (auto q { p }; q < p + 512; ++q)
            pages[q].large = false;
        return Eax::success;
    }

    Firmware unsmash(std::uint64_t p)
    {
        if (p >= pages.size() || !whole_group_at(p))
            return Firmware::invalid_address;
        auto const &a { pages[p] };
        if (a.large)
            return Firmware::invalid_page_size;
        if (!a.assigned || a.vmsa)
            return Firmware::invalid_page_state;
        if (a.frame % 512)
            return Firmware::invalid_address;
        for (auto q { p }; q < p + 512; ++q) {
            auto const &b { pages[q] };
            if (!b.assigned || b.asid != a.asid || b.frame != a.frame + (a.asid ? q - p : 0) || b.immutable != a.immutable || b.valid != a.valid || b.vmsa
                || b.may[1] != a.may[1] || b.may[2] != a.may[2] || b.may[3] != a.may[3])
                return Firmware::invalid_page_state;
        }
        for (auto q { p }; q < p + 512; ++q)
            pages[q].large = true;
        return Firmware::success;
    }

    Firmware page_reclaim(std::uint64_t p, bool large)
    {
        if (p >= pages.size() || (large && !whole_group_at(p)))
            return Firmware::invalid_address;
        if (pages[p].assigned && pages[p].large != large)
            return Firmware::invalid_page_size;
        if (pages[p].immutable) // FIRMWARE, PRE_GUEST: the walk makes no other
            for (auto q { p }; q < p + (large ? 512 : 1); ++q)
                pages[q].immutable = false;
        return Firmware::success;
    }

    // What both guest instructions meet. Executed{}: nothing.
    Executed refused(std::uint64_t p, Executes const &by, bool large) const
    {
        auto const &a { pages[p] };
        if (!a.assigned || a.asid != by.asid || a.frame != by.frame || a.immutable)
            return { .fault = { Fault::What::nested_page_fault, 0x480000000 } };
        if (!large && a.large)
            return { .fault = { Fault::What::nested_page_fault, 0xc80000000 } };
        if (large && !a.large)
            return { .eax = Eax::fail_sizemismatch };
        return {};
    }

    Executed pvalidate(std::uint64_t p, Executes const &by, bool large, bool valid)
    {
        if (p >= pages.size() || (large && (!whole_group_at(p) || by.frame % 512 != 0)))
            return { .eax = Eax::fail_input };
        if (auto const no { refused(p, by, large) }; !(no == Executed {}))
            return no;
        if (pages[p].valid == valid)
            return { .carry = true };
        for (auto q { p }; q < p + (large ? 512 : 1); ++q)
            pages[q].valid = valid;
        return {};
    }

    Executed rmpadjust(std::uint64_t p, Executes const &by, Adjustment const &to)
    {
        if (p >= pages.size() || to.target_vmpl > 3 || to.permissions > 31)
            return { .eax = Eax::fail_input };
        if (to.target_vmpl <= by.vmpl || (to.vmsa && by.vmpl))
            return { .eax = Eax::fail_permission };
        if (auto const no { refused(p, by, false) }; !(no == Executed {}))
            return no;
        if (!pages[p].valid)
            return { .fault = { Fault::What::vmm_communication, 0x404 } };
        if (to.permissions & ~pages[p].may[by.vmpl])
            return { .eax = Eax::fail_permission };
        pages[p].may[to.target_vmpl] = to.permissions;
        if (!by.vmpl)
            pages[p].vmsa = to.vmsa;
        return {};
    }

    // `running`: LAUNCH_FINISH was there.
    Firmware launch_update(std::uint64_t p, PageType type, bool large, bool running, unsigned secrets_text)
    {
        auto &a { pages[p] };
        if (!a.assigned || !a.asid || !a.immutable || a.valid)
            return Firmware::invalid_page_state;
        if (a.large != large)
            return Firmware::invalid_page_size;
        if (large && !whole_group_at(p))
            return Firmware::invalid_address;
        if (large && (type == PageType::vmsa || type == PageType::secrets || type == PageType::cpuid))
            return Firmware::invalid_page_size;
        if (running)
            return Firmware::invalid_guest_state;
        if (a.asid != asid_)
            return Firmware::invalid_page_owner;
        if (type == PageType::cpuid && (a.text != 0 || a.depth != 0)) // anything but an empty table is malformed: its count is too big
            return Firmware::invalid_param;
        for (auto q { p }; q < p + (large ? 512 : 1); ++q) {
            auto &b { pages[q] };
            b.valid = true;
            b.immutable = false;
            b.vmsa = type == PageType::vmsa;
            if (type == PageType::zero || type == PageType::secrets)
                write(q, type == PageType::zero ? 0 : secrets_text, true);
            else
                ++b.depth;
        }
        return Firmware::success;
    }

    // Returns how many were leaked. `wiped`: they leave the file.
    std::uint64_t give_back(std::uint64_t first, std::uint64_t last, bool wiped)
    {
        std::uint64_t leaked { 0 };
        for (auto p { first }; p < last; ++p) {
            if (!pages[p].assigned)
                continue;
            auto const g { group(p) };
            auto whole { pages[p].large };
            if (whole && (g < static_cast<long>(first) || g + 512 > static_cast<long>(last)))
                whole = psmash(static_cast<std::uint64_t>(g)) != Eax::success;
            auto const from { whole ? static_cast<std::uint64_t>(g) : p }, to { whole ? from + 512 : p + 1 };
            auto const lost { pages[p].immutable };
            for (auto q { from }; q < to; ++q) {
                leaked += lost;
                if (lost || (wiped && ours(q)))
                    pages[q] = {};
                pages[q].give_back();
            }
        }
        return leaked;
    }

    void write(std::uint64_t p, unsigned text, bool by_the_guest)
    {
        pages[p].text = text;
        pages[p].depth = by_the_guest ? 1 : 0;
        pages[p].private_text = by_the_guest && text != 0;
    }

    std::vector<OraclePage> pages;

private:
    std::uint64_t first_physical_;
    unsigned asid_;
};

} // namespace gmem::platform::snp
