# Every target of ours links gmem_warnings. Warnings are errors.
add_library(gmem_warnings INTERFACE)
target_compile_options(gmem_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wcast-qual -Wformat=2 -Werror
    $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
    # The lock annotations of os/mutex.hpp are checked wherever clang is the compiler.
    $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wthread-safety>)
