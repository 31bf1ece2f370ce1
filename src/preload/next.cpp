#include "preload/next.hpp"

#include <dlfcn.h>

namespace gmem::preload {

// dlsym takes the loader's lock and may allocate on failure only. A symbol that nobody defines cannot be called by anybody but
// through us: the program that did would not have linked.
void *NextSymbol::resolve() noexcept
{
    void *const found { ::dlsym(RTLD_NEXT, name_) };
    if (!found)
        __builtin_trap();
    address_.store(found, std::memory_order_release);
    return found;
}

} // namespace gmem::preload
