#pragma once
// What somebody found in a page, compared with what was written there.

#include "driver/page.hpp"

#include <optional>
#include <string_view>

namespace gmem::driver::matrix {

// scrambled: no word of it is zero or what either side wrote. mixed: some words are and some are not, which no documented cell promises.
enum class Reading { host_bytes, guest_bytes, zeros, scrambled, mixed };

Page host_page();  // what the host writes: every word is another, none is zero or in guest_page()
Page guest_page(); // what the guest writes

Reading classify(Page const &);

// `again`: the same cell executed once more on the same page of the same VM, with the same bytes written. The wrong side of encryption is a function of key,
// page and bytes, so it gives the same again (noise); scrambled on purpose does not (random).
std::string_view word_of(Reading, bool same_again);

} // namespace gmem::driver::matrix
