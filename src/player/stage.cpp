#include "player/stage.hpp"

#include "player/exits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <sys/ioctl.h>

namespace gmem::player {
namespace {

constexpr std::uint32_t list_slot { 501 };
constexpr std::uint64_t page { driver::page_size };

unsigned long type_of(scenario::Scenario const &s)
{
    if (s.vm == "default")
        return 0;
    return s.vm == "snp" ? driver::uapi::snp_vm : s.vm == "tdx" ? driver::uapi::tdx_vm : driver::uapi::sw_protected_vm;
}

} // namespace

Stage::Stage(scenario::Scenario const &scenario)
    : scenario_ { &scenario }
    , vm_ { type_of(scenario) }
    , snp { vm_ }
    , tdx { vm_ }
{
    vm_.exit_on_hypercalls();
    std::uint32_t slot { 0 };
    for (auto const &memory : scenario.memories)
        add(memory, slot++);
}

void Stage::add(scenario::Memory const &m, std::uint32_t slot)
{
    auto region { std::make_unique<Region>() };
    region->what = &m;
    region->file.emplace(vm_, m.size, (m.mappable ? FLAG_MMAP : 0) | (m.init_shared ? FLAG_INIT_SHARED : 0));
    if (m.mappable)
        region->window.emplace(*region->file);
    if (m.second_source)
        region->own.emplace(driver::Mapping::anonymous(m.size));
    memory_region2 r {};
    r.slot = slot;
    r.flags = MEM_GUEST_MEMFD;
    r.guest_phys_addr = m.gpa;
    r.memory_size = m.size;
    r.userspace_addr = reinterpret_cast<std::uintptr_t>(region->own ? region->own->at() : region->window ? region->window->at(0) : nullptr);
    r.guest_memfd = static_cast<std::uint32_t>(region->file->fd());
    driver::must("KVM_SET_USER_MEMORY_REGION2", ::ioctl(vm_.fd(), SET_USER_MEMORY_REGION2, &r));
    regions_.emplace(m.name, std::move(region));
}

std::uint64_t Stage::gpa(scenario::Place const &place) const
{
    return place.memory.empty() ? place.offset : scenario_->memory(place.memory)->gpa + place.offset;
}

std::string Stage::place_of(std::uint64_t gpa) const
{
    for (auto const &m : scenario_->memories)
        if (gpa >= m.gpa && gpa - m.gpa < m.size)
            return gpa == m.gpa ? m.name : fmt::format("{}+{:#x}", m.name, gpa - m.gpa);
    return fmt::format("{:#x}", gpa);
}

driver::Guest &Stage::guest()
{
    if (!guest_)
        guest_ = std::make_unique<driver::Guest>(vm_);
    return *guest_;
}

std::byte *Stage::list_page()
{
    if (!list_) {
        list_ = std::make_unique<driver::Mapping>(driver::Mapping::anonymous(page));
        vm_.slot(list_slot, list_gpa, page, list_->at());
    }
    return list_->at();
}

bool Stage::read(scenario::Place const &at, Bytes &bytes)
{
    auto &r { region(at.memory) };
    if (r.own) {
        std::memcpy(bytes.data(), r.own->at(at.offset), bytes.size());
        return true;
    }
    for (std::uint64_t done { 0 }; done < bytes.size();) {
        auto const from { (at.offset + done) % page };
        auto const some { std::min<std::uint64_t>(page - from, bytes.size() - done) };
        auto const whole { r.window->read(at.offset + done - from) };
        if (!whole)
            return false;
        std::memcpy(bytes.data() + done, whole->data() + from, some);
        done += some;
    }
    return true;
}

bool Stage::write(scenario::Place const &at, Bytes const &bytes)
{
    auto &r { region(at.memory) };
    if (r.own) {
        std::memcpy(r.own->at(at.offset), bytes.data(), bytes.size());
        return true;
    }
    for (std::uint64_t done { 0 }; done < bytes.size();) {
        auto const from { (at.offset + done) % page };
        auto const some { std::min<std::uint64_t>(page - from, bytes.size() - done) };
        auto whole { r.window->read(at.offset + done - from) };
        if (!whole)
            return false;
        std::memcpy(whole->data() + from, bytes.data() + done, some);
        if (!r.window->write(at.offset + done - from, *whole))
            return false;
        done += some;
    }
    return true;
}

void Stage::start(std::vector<gmem_guest_op> const &operations, std::uint64_t reads, Seen &seen)
{
    if (waits_)
        throw driver::Failure { "the guest waits for the VMM's answer (vmm: run)", EBUSY };
    pending_ = { operations.size(), reads };
    finished(guest().run(operations), seen);
}

void Stage::go_on(std::optional<std::uint64_t> answer, Seen &seen)
{
    if (answer)
        finished(guest().answer(*answer), seen);
    else
        finished(guest().resume(), seen);
}

// What the guest has done is in its operations, once it has halted.
void Stage::finished(driver::Exit exit, Seen &seen)
{
    seen.exit = exit_seen(guest(), exit);
    seen.error = seen.exit ? 0 : exit.err;
    waits_ = exit.is(KVM_EXIT_HYPERCALL) || exit.is(KVM_EXIT_MMIO) || exit.is(KVM_EXIT_IO);
    if (!exit.halted() || pending_.operations == 0)
        return;
    seen.status = 0;
    Bytes bytes(pending_.bytes);
    for (std::size_t i { 0 }; i < pending_.operations; ++i) {
        auto const &op { guest().executed(i) };
        if (*seen.status == 0)
            seen.status = op.status;
        seen.result = op.result;
        if (pending_.bytes)
            std::memcpy(bytes.data() + 8 * i, &op.result, 8);
    }
    if (pending_.bytes && *seen.status == 0)
        seen.bytes = bytes;
}

} // namespace gmem::player
