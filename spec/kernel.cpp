#include "spec/kernel.hpp"

namespace gmem::spec {

long capability(unsigned long which, On where, Kernel kernel)
{
    bool const private_memory { where == On::vm_with_private_memory };
    long const where_attributes_are { where == On::system || private_memory ? 8 : 0 };
    switch (which) {
    case 250: return kernel.in_place ? where_attributes_are : 0;
    case 233: return kernel.vm_attributes && !kernel.in_place ? where_attributes_are : 0;
    case 234: return 1;
    case 244: return where == On::system || kernel.in_place || !private_memory ? 3 : 1;
    default:  return -1;
    }
}

} // namespace gmem::spec
