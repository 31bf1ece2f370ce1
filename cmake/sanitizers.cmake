# gmem_sanitizers carries the flags of GMEM_SANITIZE to libgmem and the tests, and to nothing that is preloaded.
add_library(gmem_sanitizers INTERFACE)
# vptr: what it checks needs RTTI, which the core has not.
if(GMEM_SANITIZE STREQUAL "address-undefined")
    set(gmem_sanitizer_flags -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
elseif(GMEM_SANITIZE STREQUAL "thread")
    set(gmem_sanitizer_flags -fsanitize=thread -fno-omit-frame-pointer -O1)
elseif(NOT GMEM_SANITIZE STREQUAL "")
    message(FATAL_ERROR "GMEM_SANITIZE is '${GMEM_SANITIZE}': it may be address-undefined, thread or empty")
endif()
if(GMEM_FUZZ)
    if(NOT GMEM_SANITIZE STREQUAL "address-undefined") # its runtime has the coverage callbacks for programs that are no fuzz targets
        message(FATAL_ERROR "GMEM_FUZZ goes with GMEM_SANITIZE=address-undefined and clang")
    endif()
    list(APPEND gmem_sanitizer_flags -fsanitize=fuzzer-no-link)
endif()
target_compile_options(gmem_sanitizers INTERFACE ${gmem_sanitizer_flags})
target_link_options(gmem_sanitizers INTERFACE ${gmem_sanitizer_flags})
