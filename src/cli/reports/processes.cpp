#include "cli/reports/processes.hpp"

#include "cli/reports/remote.hpp"
#include "observe/session.hpp"
#include "os/process_calls.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace gmem::cli::reports {
namespace {

std::string text_of_bytes(std::vector<std::byte> const &bytes) { return { reinterpret_cast<char const *>(bytes.data()), bytes.size() }; }

// Counters and flags on a stack differ from call to call; what may be an address says where it comes from.
std::uint64_t hash_of(observe::Event const &e, std::vector<std::byte> const &bytes)
{
    auto hash { (e.more[0] * 0x9e3779b97f4a7c15 ^ e.process) * 0x9e3779b97f4a7c15 + e.more[2] }; // both are often near their neighbours': a bare ^ would make them meet
    for (std::size_t i { 0 }; i + sizeof(std::uint64_t) <= bytes.size(); i += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + i, sizeof word);
        if (word >> 40)
            hash = (hash ^ word) * 0x9e3779b97f4a7c15 + (hash >> 29);
    }
    return hash;
}

} // namespace

void Processes::see(observe::EventNo n, observe::Event const &e, std::vector<std::byte> const &behind)
{
    if (e.kind == observe::Kind::process)
        return see_process(e, text_of_bytes(behind));
    if (e.kind == observe::Kind::stack)
        return see_stack(n, e, behind);
    if (e.kind == observe::Kind::module_)
        see_module(e, text_of_bytes(behind));
}

// A program tells of all its modules again when it has loaded one more.
void Processes::see_module(observe::Event const &e, std::string path)
{
    auto const which { image_of(e.process) };
    if (!which)
        return;
    auto &image { images_[*which] };
    auto &modules { image.modules };
    Module m { e.more[0], e.more[2], e.offset, std::move(path) };
    if (std::ranges::find(modules, m) != modules.end())
        return;
    std::erase_if(modules, [&m](Module const &other) { return other.begin < m.end && m.begin < other.end; });
    if (modules.size() < most_modules)
        modules.push_back(std::move(m));
    if (recorded_)
        image.unwinder.reset(); // made again with what there is now
}

void Processes::see_process(observe::Event const &e, std::string name)
{
    if (main_ == 0)
        main_ = e.process;
    std::vector<Module> modules;
    if (e.detail == static_cast<std::uint8_t>(observe::Arrival::forked))
        if (auto const parent { image_of(static_cast<std::uint32_t>(e.more[0])) })
            modules = images_[*parent].modules;
    image_now_[e.process] = static_cast<std::uint32_t>(images_.size());
    images_.push_back({ e.process, std::move(name), std::move(modules), nullptr });
}

void Processes::see_stack(observe::EventNo n, observe::Event const &e, std::vector<std::byte> const &behind)
{
    if (by_number_.size() >= most_numbers)
        by_number_.clear();
    auto const hash { hash_of(e, behind) };
    auto const image { image_of(e.process) };
    auto const known { by_contents_.find(hash) };
    if (known != by_contents_.end()) {
        by_number_[observe::raw(n)] = known->second;
    } else if (image && stacks_.size() < most_stacks) {
        by_number_[observe::raw(n)] = by_contents_[hash] = static_cast<StackId>(stacks_.size());
        stacks_.push_back({ e.process, e.thread, *image, { { e.more[0], e.more[2], e.more[3] }, behind } });
    }
}

std::optional<std::uint32_t> Processes::image_of(std::uint32_t process) const
{
    auto const found { image_now_.find(process) };
    return found == image_now_.end() ? std::nullopt : std::optional { found->second };
}

StackId Processes::stack_of(observe::Event const &e) const
{
    auto const found { by_number_.find(observe::raw(e.stack)) };
    return found == by_number_.end() ? no_stack : found->second;
}

Unwinder &Processes::unwinder_of(std::uint32_t which)
{
    auto &image { images_[which] };
    bool const live { !recorded_ && !os::is_gone(image.process) && image_of(image.process) == which };
    if (!image.unwinder)
        image.unwinder = std::make_unique<Unwinder>(static_cast<pid_t>(image.process), live, image.modules, recorded_.value_or(forever));
    return *image.unwinder;
}

std::optional<MemoryAccess> Processes::access_of(observe::Event const &e, StackId id, bool waits)
{
    bool const own_stack { id != no_stack && stacks_[id].process == e.process }; // a forked child may have left its parent's
    auto const image { own_stack ? std::optional { stacks_[id].image } : image_of(e.process) };
    if (!image)
        return std::nullopt;
    PageFault const fault { .instruction = e.more[2], .address = e.more[0], .write = e.detail != 0 };
    std::array<std::byte, longest_instruction> code;
    auto const bytes { unwinder_of(*image).code_at(fault.instruction, waits, code) };
    auto const registers { waits ? registers_in(static_cast<pid_t>(e.process), e.more[4], fault.instruction) : std::nullopt };
    return reports::access_of(std::span { code }.first(bytes), fault, registers ? &*registers : nullptr);
}

CallStack Processes::resolve(StackId id, Innermost innermost, bool waits, std::string title)
{
    CallStack result;
    result.title = std::move(title);
    if (id == no_stack) {
        result.remark = "its stack is not known";
        return result;
    }
    auto const &stored { stacks_[id] };
    result.process = stored.process;
    result.thread = stored.thread;
    unwinder_of(stored.image).walk(stored.copy, innermost, waits, result);
    return result;
}

void Processes::guess(StackId id, std::size_t most, CallStack &to) { unwinder_of(stacks_[id].image).guess(stacks_[id].copy, most, to); }

std::string Processes::name_of(std::uint32_t process) const
{
    auto const image { image_of(process) };
    return image ? std::filesystem::path { images_[*image].path }.filename().string() : "";
}

} // namespace gmem::cli::reports
