// Generated sequences against gmem in this process.

#include "tests/generated/check.hpp"
#include "tests/generated/library_subject.hpp"
#include "tests/generated/touch.hpp"

int main(int argc, char **argv)
{
    gmem::generated::install_touch();
    gmem::generated::LibrarySubject subject;
    return gmem::generated::main_of(subject, "library", argc, argv);
}
