#pragma once
// mbind and get_mempolicy on windows. glibc has no functions of these names: programs and libnuma come through syscall().

namespace gmem::preload {

// As the system call, libc's way: -1 and errno. Memory that is no window's goes on to the next definition of syscall().
long mbind_any(long const (&arguments)[6]) noexcept;
long get_mempolicy_any(long const (&arguments)[6]) noexcept;

} // namespace gmem::preload
