#pragma once
// What a platform works on: the pages of one guest_memfd, with its records, in memory that the file's processes share. A view; the owner
// is memory/, or a test. The caller holds the file's lock around every call that takes a Pages.

#include "base/units.hpp"
#include "crypto/primitives.hpp"
#include "platform/record.hpp"
#include "platform/vm_state.hpp"

namespace gmem::platform {

struct Pages final {
    std::byte *bytes;    // the guest's pages, all reachable: what their present owner reads
    Record *records;     // one a page
    PageNo count;        // pages in the file
    VmState *vm;
    std::uint64_t first_physical; // the machine's page number of page 0: part of the model, never twice the same
    crypto::Cipher *cipher { nullptr }; // of vm->key, where the platform encrypts

    std::byte *page(PageNo p) const noexcept { return bytes + raw(p.to_bytes()); }
    Record &record(PageNo p) const noexcept { return records[p.index()]; }
    std::uint64_t physical(PageNo p) const noexcept { return first_physical + p.index(); }
};

} // namespace gmem::platform
