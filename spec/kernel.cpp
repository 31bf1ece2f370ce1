#include "spec/kernel.hpp"

namespace gmem::spec {

long capability(unsigned long which, On where, Kernel kernel)
{
    bool const private_memory { where == On::vm_with_private_memory };
    long const where_attributes_are { where == On::system || private_memory ? 8 : 0 };
    switch (which) {
    case 248: // an assumption: what 249 says
    case 249:
        if (kernel.profile == Profile::mainline || kernel.profile == Profile::v8)
            return -1; // not ours
        return kernel.in_place ? where_attributes_are : 0;
    case 250:
        if (kernel.profile == Profile::mainline || kernel.profile == Profile::v8)
            return kernel.in_place ? where_attributes_are : 0;
        return kernel.in_place && (where == On::system || private_memory) ? 3 : 0; // ZERO and PRESERVE, whatever the phase
    case 233: return kernel.vm_attributes && !kernel.in_place ? where_attributes_are : 0;
    case 234: return 1;
    case 244: return where == On::system || kernel.in_place || !private_memory ? 3 : 1;
    default:  return -1;
    }
}

} // namespace gmem::spec
