#pragma once
// What nobody expected: a call that has to work did not. `what()` is a sentence with the call and the error.

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace gmem::driver {

struct Failure final : std::runtime_error {
    Failure(std::string const &call, int error) : std::runtime_error { call + ": " + std::generic_category().message(error) }, err { error } {}
    int err;
};

// The result of a call that answers -1 with errno; or (void *)-1, as mmap does.
template <typename Result>
Result must(char const *call, Result result)
{
    if (result == (Result)-1)
        throw Failure { call, errno };
    return result;
}

} // namespace gmem::driver
