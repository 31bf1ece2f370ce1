#include "tests/generated/world.hpp"

#include "spec/pins.hpp"
#include "tests/conformance/differences.hpp"
#include "tests/generated/compare.hpp"

#include <algorithm>
#include <cerrno>

namespace gmem::generated {
namespace {

constexpr std::size_t most_vms { 4 }, most_files { 6 }, most_windows { 10 }, most_pins { 8 };
constexpr std::uint64_t no_vm { ~std::uint64_t { 0 } };
constexpr std::uint64_t biggest_file { std::uint64_t { 2 } << 30 }; // the model has an entry a page

std::string number(std::uint64_t n) { return std::to_string(n); }

} // namespace

World::~World()
{
    end_all_peers();
    for (auto &p : pins_)
        subject_.unpin(p.handle, p.first * page_size, p.pages * page_size);
    for (auto &w : windows_)
        subject_.unmap(w.address, w.pages * page_size);
    for (auto &f : files_)
        for (auto const h : f->handles)
            subject_.close(h);
    for (auto &v : vms_)
        subject_.close_vm(v.handle);
}

spec::Complaint World::perform(Operation const &op)
{
    return std::visit([this](auto const &x) { return act(x); }, op);
}

World::File *World::with_descriptor(Number index)
{
    for (std::size_t i { 0 }; i < files_.size(); ++i)
        if (auto *const f { file(index + i) }; !f->handles.empty())
            return f;
    return nullptr;
}

void World::bury(File &f)
{
    if (!f.handles.empty() || f.windows != 0 || held_by_a_peer(f))
        return;
    for (auto &v : vms_)
        spec::file_gone(v.slots, f.id);
    std::erase_if(files_, [&f](auto const &x) { return x.get() == &f; });
}

void World::unmap_all(Window &w)
{
    auto &f { *w.file };
    --f.windows;
    std::erase_if(windows_, [&w](Window const &x) { return x.address == w.address; });
    bury(f);
}

spec::Complaint World::act(CreateVm const &op)
{
    auto const &features { subject_.features() };
    auto const type { op.type == 1 && features.private_vms ? spec::VmType::sw_protected : spec::VmType::default_vm };
    if (vms_.size() >= most_vms)
        return std::nullopt;
    auto const handle { subject_.create_vm(type) };
    if (handle < 0)
        return "KVM_CREATE_VM: errno " + std::to_string(-handle);
    auto const rules { spec::rules_of(type, features.in_place) };
    vms_.push_back({ handle, identities_++, rules, { features.slot_limit, rules.private_memory ? 1u : features.address_spaces, {} } });
    return std::nullopt;
}

spec::Complaint World::act(CloseVm const &op)
{
    auto *const v { vm(op.vm) };
    if (!v || vms_.size() == 1)
        return std::nullopt;
    subject_.close_vm(v->handle);
    vms_.erase(vms_.begin() + (v - vms_.data()));
    return std::nullopt;
}

spec::Complaint World::act(Create const &op)
{
    bool const free { subject_.features().free_files && op.vm == 3 };
    auto const *const v { free ? nullptr : vm(op.vm) };
    if ((!v && !free) || files_.size() >= most_files)
        return std::nullopt;
    auto const rules { v ? v->rules : spec::rules_of(spec::VmType::sw_protected, true) };
    spec::CreateCall const call { op.size, op.flags };
    auto const must { spec::create_errno(call, rules) };
    if (must == 0 && op.size > biggest_file)
        return std::nullopt;
    auto const handle { subject_.create(v ? v->handle : -1, call) };
    if (auto const c { compare(handle < 0 ? static_cast<int>(-handle) : 0, must, "1.3 create") })
        return c;
    if (handle >= 0)
        files_.push_back(std::unique_ptr<File> { new File { spec::created(call, rules), spec::FileId { identities_++ }, v ? v->identity : no_vm, { handle }, {} } });
    return std::nullopt;
}

spec::Complaint World::act(Duplicate const &op)
{
    auto *const f { with_descriptor(op.file) };
    if (!f || f->handles.size() >= 3)
        return std::nullopt;
    auto const handle { subject_.duplicate(f->handles.back()) };
    if (handle < 0)
        return "dup: errno " + std::to_string(-handle);
    f->handles.push_back(handle);
    return std::nullopt;
}

spec::Complaint World::act(Close const &op)
{
    auto *const f { with_descriptor(op.file) };
    if (!f)
        return std::nullopt;
    subject_.close(f->handles.front());
    f->handles.erase(f->handles.begin());
    bury(*f);
    return std::nullopt;
}

spec::Complaint World::act(Convert const &op)
{
    auto *const f { with_descriptor(op.file) };
    if (!f)
        return std::nullopt;
    spec::ConvertCall call { op.offset, op.size, op.attributes, op.flags, {} };
    if (op.reserved != 0)
        call.reserved[(op.reserved - 1) % call.reserved.size()] = op.reserved;
    auto const seen { subject_.convert(f->handles.back(), call) };
    bool const legal { spec::convert_argument_errno(f->model, call) == 0 };
    if (auto const c { spec::convert(f->model, call, seen) })
        return *c + ", seen errno " + std::to_string(seen.err) + (seen.error_offset ? " at " + number(*seen.error_offset) : "");
    return legal ? look_at(*f, op.offset / page_size, (op.offset + op.size) / page_size) : std::nullopt;
}

void World::punched(File const &f, std::uint64_t first, std::uint64_t last)
{
    for (auto &p : pins_)
        if (p.file == f.id)
            std::erase_if(p.attached, [first, last](auto page) { return first <= page && page < last; });
}

spec::Complaint World::judge_fallocate(File &f, spec::FallocateCall const &call, int seen)
{
    auto const must { spec::fallocate(f.model, call) };
    if (auto const c { compare(seen, must, "4.4 fallocate") })
        return c;
    if (must != 0)
        return std::nullopt;
    auto const first { static_cast<std::uint64_t>(call.offset) / page_size };
    auto const last { first + static_cast<std::uint64_t>(call.length) / page_size };
    if (call.mode & spec::punch_hole)
        punched(f, first, last);
    return look_at(f, first, last);
}

spec::Complaint World::act(Fallocate const &op)
{
    auto *const f { with_descriptor(op.file) };
    if (!f)
        return std::nullopt;
    spec::FallocateCall const call { static_cast<int>(op.mode), static_cast<std::int64_t>(op.offset), static_cast<std::int64_t>(op.length) };
    if (call.mode == spec::keep_size && op.length > (Number { 8 } << 20) && op.offset + op.length <= f->model.size())
        return std::nullopt; // memory that is really taken
    return judge_fallocate(*f, call, subject_.fallocate(f->handles.back(), call));
}

spec::Complaint World::act(Map const &op)
{
    auto *const f { with_descriptor(op.file) };
    spec::MmapCall const call { op.length, op.shared != 0, op.executable != 0 };
    bool const odd { call.length == 0 || !call.shared || call.executable };
    if (!f || windows_.size() >= most_windows || op.offset % page_size != 0 || op.length > biggest_file || (odd && !subject_.features().odd_maps))
        return std::nullopt;
    char *address { nullptr };
    auto const seen { subject_.map(f->handles.back(), op.offset, call, address) };
    if (auto const c { compare(seen, spec::mmap_errno(f->model, call), "4.4 mmap") })
        return c;
    if (seen == 0) {
        windows_.push_back({ f, address, op.offset, (op.length + page_size - 1) / page_size });
        ++f->windows;
    }
    return std::nullopt;
}

spec::Complaint World::act(Unmap const &op)
{
    auto *const w { window(op.window) };
    if (!w)
        return std::nullopt;
    auto const first { op.first % w->pages };
    auto const pages { std::clamp<std::uint64_t>(op.pages, 1, w->pages - first) };
    if (auto const c { compare(subject_.unmap(w->address + first * page_size, pages * page_size), 0, "munmap") })
        return c;
    auto const last { first + pages };
    Window const whole { *w };
    if (first == 0 && last == whole.pages) {
        unmap_all(*w);
        return std::nullopt;
    }
    if (last < whole.pages) {
        Window const tail { whole.file, whole.address + last * page_size, whole.offset + last * page_size, whole.pages - last };
        if (first == 0)
            *w = tail;
        else {
            w->pages = first;
            windows_.push_back(tail);
            ++whole.file->windows;
        }
    } else
        w->pages = first;
    return std::nullopt;
}

spec::Complaint World::act(Pin const &op)
{
    auto *const w { window(op.window) };
    if (!subject_.features().pins || !w || pins_.size() >= most_pins)
        return std::nullopt;
    auto &f { *w->file };
    if (f.handles.empty())
        return std::nullopt;
    auto const inside { op.page % w->pages };
    auto const first { w->offset / page_size + inside };
    if (first >= f.model.pages.size())
        return std::nullopt;
    auto const pages { std::clamp<Number>(op.pages, 1, std::min({ subject_.features().longest_pin, w->pages - inside, f.model.pages.size() - first })) };
    auto const seen { subject_.pin(f.handles.back(), w->address + inside * page_size, first * page_size, pages * page_size) };
    if (auto const c { compare(seen < 0 ? static_cast<int>(-seen) : 0, spec::pin(f.model, first, first + pages), "4.1 pin") })
        return c;
    if (seen < 0)
        return std::nullopt;
    pins_.push_back(held(seen, f, first, pages));
    return std::nullopt;
}

spec::Complaint World::act(Unpin const &op)
{
    if (pins_.empty())
        return std::nullopt;
    auto const named { pins_.begin() + static_cast<std::ptrdiff_t>(op.pin % pins_.size()) };
    auto const like_it { [&named](HeldPages const &x) { return x.peer == named->peer && x.file == named->file && x.first == named->first && x.pages == named->pages; } };
    auto const at { subject_.features().pins_by_range ? std::ranges::find_if(pins_, like_it) : named };
    auto const p { *at };
    pins_.erase(at);
    if (p.peer)
        return unpin_in_peer(p);
    return release(p, subject_.unpin(p.handle, p.first * page_size, p.pages * page_size));
}

World::HeldPages World::held(Handle pin, File const &f, std::uint64_t first, std::uint64_t pages)
{
    HeldPages result { pin, f.id, first, pages, {}, {} };
    for (auto p { first }; p < first + pages; ++p)
        result.attached.push_back(p);
    return result;
}

spec::Complaint World::release(HeldPages const &p, int seen)
{
    for (auto &f : files_)
        if (f->id == p.file)
            for (auto const page : p.attached)
                spec::unpin(f->model, page, page + 1);
    return compare(seen, 0, "3.1 unpin");
}

// Section 8: a policy belongs to the offset, whatever the page's attribute.
spec::Complaint World::act(Bind const &op)
{
    auto *const w { window(op.window) };
    auto const allowed { subject_.features().nodes };
    if (!w || allowed == 0 || w->file->handles.empty())
        return std::nullopt;
    auto &f { *w->file };
    auto const all { f.model.pages.size() };
    auto const inside { op.page % w->pages };
    auto const first { w->offset / page_size + inside };
    if (first >= all)
        return std::nullopt;
    auto const pages { std::clamp<Number>(op.pages, 1, std::min(w->pages - inside, all - first)) };
    f.policies.resize(all);
    auto *const address { w->address + inside * page_size };
    spec::MbindCall const call { first, pages, static_cast<int>(op.mode), op.nodes, static_cast<unsigned>(op.flags) };
    auto const must { spec::mbind(f.policies, call, allowed) };
    if (auto const c { compare(subject_.bind(f.handles.back(), address, call), must, "8 mbind") })
        return c;
    for (auto const page : { first, first + pages - 1, first + pages, first - 1 }) {
        if (page >= all || page < w->offset / page_size || page >= w->offset / page_size + w->pages)
            continue;
        auto const seen { subject_.policy(f.handles.back(), w->address + page * page_size - w->offset, page) };
        if (seen != f.policies[page])
            return "8: get_mempolicy of page " + number(page) + ": mode " + std::to_string(seen.mode) + ", nodes " + number(seen.nodes) + ", must be mode " + std::to_string(f.policies[page].mode);
    }
    return std::nullopt;
}

std::optional<spec::NamedFile> World::named_by(Memslot const &op, Vm const &v, File const *f) const
{
    switch (op.named % 3) {
    case 0:  return spec::NamedFile::not_open;
    case 1:  return spec::NamedFile::something_else;
    default: break;
    }
    if (!f)
        return std::nullopt;
    return f->vm == v.identity ? spec::NamedFile::ours : spec::NamedFile::of_another_vm;
}

spec::Complaint World::act(Memslot const &op)
{
    auto *const v { vm(op.vm) };
    auto const *const f { with_descriptor(op.file) };
    auto const &features { subject_.features() };
    auto const version { op.version == 1 ? spec::MemslotVersion::one : spec::MemslotVersion::two };
    spec::MemslotCall const call { static_cast<std::uint32_t>(op.slot), static_cast<std::uint32_t>(op.flags), op.gpa >= Number { 1 } << 62 ? op.gpa : op.gpa + guest_base, op.size, op.address, op.offset };
    auto const named { v ? named_by(op, *v, f) : std::nullopt };
    if (!named || (!features.ordinary_slots && (call.flags & spec::mem_guest_memfd) == 0 && call.size != 0))
        return std::nullopt;
    if (conformance::differences::binding_end_is_undefined(call.offset, call.size, features.in_place))
        return std::nullopt;
    spec::MemslotFile const behind { *named, f ? f->id : spec::FileId {}, f ? f->model.size() : 0 };
    auto must { spec::memslot_errno(v->slots, call, behind, version) };
    if (must == EEXIST && !spec::overlaps_in_guest(v->slots, call))
        must = features.overlap_in_file;
    auto const seen { subject_.memslot(v->handle, version, call, *named, f ? f->handles.back() : -1) };
    if (auto const c { compare(seen, must, "6.1 memslot") })
        return c;
    if (must == 0)
        spec::memslot_done(v->slots, call, behind);
    return std::nullopt;
}

spec::Complaint World::act(Capability const &op)
{
    auto const *const v { vm(op.vm) };
    if (!v)
        return std::nullopt;
    auto const which { static_cast<unsigned>(op.which) };
    auto const must { spec::capability(which, op.system ? spec::Asked::on_system : spec::Asked::on_vm, op.system ? spec::VmRules { true, subject_.features().in_place } : v->rules) };
    auto const seen { subject_.capability(op.system ? std::nullopt : std::optional { v->handle }, which) };
    if (must && seen && *must != *seen)
        return "1.5 capability " + std::to_string(which) + ": " + std::to_string(*seen) + ", must be " + std::to_string(*must);
    return std::nullopt;
}

spec::Complaint World::act(VmAttributes const &op)
{
    auto const *const v { vm(op.vm) };
    if (!v || !subject_.features().in_place)
        return std::nullopt;
    auto const seen { subject_.vm_attributes(v->handle, op.attributes) };
    return seen ? compare(*seen, spec::vm_attributes_errno(v->rules), "1.6 KVM_SET_MEMORY_ATTRIBUTES") : std::nullopt;
}

spec::Complaint World::act(Refused const &op)
{
    auto const *const f { with_descriptor(op.file) };
    if (!f)
        return std::nullopt;
    auto const what { static_cast<spec::Refused>(op.what % spec::refusals) };
    auto const seen { subject_.refused(f->handles.back(), what) };
    return seen == ENOSYS ? std::nullopt : compare(seen, spec::refusal_errno(what), "4.4 refused call");
}

spec::Complaint World::act(Stat const &op)
{
    auto *const f { with_descriptor(op.file) };
    if (!f)
        return std::nullopt;
    auto const seen { subject_.facts(f->handles.back()) };
    auto const must { spec::facts(f->model) };
    if (seen && (seen->size != must.size || seen->block_size != must.block_size || seen->blocks != must.blocks || seen->mode != must.mode))
        return "4.4 fstat: size " + number(seen->size) + ", block size " + number(seen->block_size) + ", blocks " + number(seen->blocks) + ", mode " + number(seen->mode);
    return subject_.audit(f->handles.back());
}

} // namespace gmem::generated
