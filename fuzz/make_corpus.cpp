// Writes seed inputs: `make_corpus sequences|gates FOLDER COUNT`. Always the same ones.

#include "tests/generated/draw.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

using namespace gmem::generated;

namespace {

// A sequence as the generator draws it, of growing length.
std::vector<std::uint8_t> sequence(Number seed)
{
    RandomChoices random { seed };
    RecordedChoices recorded { random };
    draw_sequence(recorded, 10 + seed * 3);
    return recorded.bytes();
}

// For the gates any bytes will do.
std::vector<std::uint8_t> noise(Number seed)
{
    RandomChoices random { seed };
    std::vector<std::uint8_t> bytes(64 + seed * 16);
    for (auto &b : bytes)
        b = static_cast<std::uint8_t>(random.below(256));
    return bytes;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "make_corpus sequences|gates FOLDER COUNT\n";
        return 2;
    }
    bool const sequences { std::string { argv[1] } == "sequences" };
    std::filesystem::path const folder { argv[2] };
    std::filesystem::create_directories(folder);
    for (Number seed { 1 }; seed <= std::strtoull(argv[3], nullptr, 10); ++seed) {
        auto const bytes { sequences ? sequence(seed) : noise(seed) };
        std::ofstream file { folder / (std::string { argv[1] } + "-" + std::to_string(seed)), std::ios::binary };
        file.write(reinterpret_cast<char const *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        if (!file)
            return 1;
    }
}
