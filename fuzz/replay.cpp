// For compilers without libFuzzer: performs the inputs that are given as files and folders. `replay FILES AND FOLDERS...`

#include "fuzz/target.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

namespace {

bool perform(std::filesystem::path const &path)
{
    std::ifstream file { path, std::ios::binary };
    std::vector<char> const bytes { std::istreambuf_iterator<char> { file }, {} };
    std::cerr << path.filename().string() << "\n"; // the last name on the screen is the one that failed
    return file && LLVMFuzzerTestOneInput(reinterpret_cast<std::uint8_t const *>(bytes.data()), bytes.size()) == 0;
}

} // namespace

int main(int argc, char **argv)
{
    std::size_t done { 0 };
    bool good { true };
    for (int i { 1 }; i < argc; ++i)
        if (std::filesystem::is_directory(argv[i]))
            for (auto const &entry : std::filesystem::directory_iterator { argv[i] })
                good = perform(entry.path()) && good, ++done;
        else
            good = perform(argv[i]) && good, ++done;
    std::cout << done << " inputs agree with the specification\n";
    return good && done > 0 ? 0 : 1;
}
