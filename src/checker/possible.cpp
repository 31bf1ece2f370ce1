#include "checker/possible.hpp"

namespace gmem::checker {
namespace {

template <typename T>
std::vector<T> choices(std::optional<T> known, std::vector<T> all)
{
    if (known)
        return { *known };
    return all;
}

} // namespace

std::vector<Possible> possible_worlds(FileModel const &file, Facts const &facts)
{
    using enum spec::Platform;
    std::vector<Possible> worlds;
    auto const sizes { file.size ? std::vector { *file.size } : std::vector { file.longest, file.at_least } };
    for (auto const in_place : choices<bool>(facts.in_place, { true, false }))
        for (auto const private_memory : choices<bool>(file.private_memory, { true, false }))
            for (auto const platform : choices<spec::Platform>(file.platform, { sw_protected, snp, tdx, pkvm, cca }))
                for (auto const launch : choices<spec::Launch>(file.launch, { spec::Launch::finished, spec::Launch::under_way }))
                    for (auto const size : sizes)
                        worlds.push_back({ { private_memory, in_place, facts.profile, platform, launch }, size });
    return worlds;
}

} // namespace gmem::checker
