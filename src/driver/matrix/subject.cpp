#include "driver/matrix/subject.hpp"

#include <cstring>
#include <string>

namespace gmem::driver::matrix {
namespace {

unsigned long vm_type(Platform p)
{
    switch (p) {
    case Platform::snp: return uapi::snp_vm;
    case Platform::tdx: return uapi::tdx_vm;
    default:            return uapi::sw_protected_vm; // and `gmem run --platform`
    }
}

// A pKVM guest has memory by donation: its pages begin private, and it shares them.
std::uint64_t file_flags(Platform p) { return p == Platform::pkvm ? FLAG_MMAP : GuestMemfd::in_place; }

void must_be_done(char const *call, int err)
{
    if (err)
        throw Failure { call, err };
}

void must_have_succeeded(char const *what, Guest const &guest, Exit exit)
{
    if (!exit.halted() || guest.executed().status != 0)
        throw Failure { std::string { what } + " of the guest, KVM_RUN's exit " + std::to_string(exit.reason) + ", status " + std::to_string(guest.executed().status), exit.err };
}

} // namespace

Subject::Subject(Platform p) : platform_ { p }, vm_ { vm_type(p) }, file_ { vm_, size, file_flags(p) }, window_ { file_ }
{
    vm_.slot(0, base, size, file_);
    if (p == Platform::snp)
        must_be_done("KVM_SEV_INIT2", snp_.init());
    if (p == Platform::tdx)
        must_be_done("KVM_TDX_INIT_VM", tdx_.init());
    guest_.emplace(vm_);
    vm_.exit_on_hypercalls();
    if (p == Platform::snp)
        must_be_done("KVM_SEV_SNP_LAUNCH_START", snp_.start());
    if (p == Platform::tdx)
        must_be_done("KVM_TDX_INIT_VCPU", tdx_.init_vcpu(*guest_));
    if (p == Platform::pkvm) {
        guest_writes(Page {});
        must_be_done("conversion of the page that the guest shares", convert_with_guest(To::shared, 0).err);
    }
}

bool Subject::is_launched() const { return platform_ != Platform::pkvm && platform_ != Platform::sw_protected; }

void Subject::load(Page const &copy)
{
    switch (platform_) {
    case Platform::snp:
        return must_be_done("KVM_SEV_SNP_LAUNCH_UPDATE", snp_.update(gpa, 1, SnpPage::normal));
    case Platform::tdx:
        return must_be_done("KVM_TDX_INIT_MEM_REGION", tdx_.init_mem_region(*guest_, gpa, 1));
    case Platform::cca: {
        auto const source { Mapping::anonymous(page_size) };
        std::memcpy(source.at(), copy.data(), page_size);
        return must_be_done("KVM_ARM_RMI_POPULATE", realm_.populate(gpa, 1, source.at()));
    }
    case Platform::pkvm:
    case Platform::sw_protected:
        return;
    }
}

void Subject::end_launch()
{
    if (platform_ == Platform::snp)
        must_be_done("KVM_SEV_SNP_LAUNCH_FINISH", snp_.finish());
    if (platform_ == Platform::tdx)
        must_be_done("KVM_TDX_FINALIZE_VM", tdx_.finalize());
    if (auto const exit { guest_->run(operation(GMEM_GUEST_HALT)) }; !exit.halted()) // activates a realm
        throw Failure { "the guest's first HALT", exit.err };
}

std::optional<gmem_guest_op> Subject::request(To to) const
{
    if (platform_ == Platform::pkvm)
        return operation(to == To::shared ? GMEM_GUEST_MEM_SHARE : GMEM_GUEST_MEM_UNSHARE, 0, gpa);
    if (platform_ == Platform::cca && to == To::private_)
        return operation(GMEM_GUEST_RSI_IPA_STATE_SET, GMEM_GUEST_PRIVATE | GMEM_GUEST_DESTROYED_TOO, gpa, 0, gpa + page_size);
    return std::nullopt;
}

Converted Subject::convert_with_guest(To to, std::uint64_t flags)
{
    auto const asked { request(to) };
    if (asked)
        if (auto const exit { guest_->run(*asked) }; !exit.is(KVM_EXIT_HYPERCALL) && !exit.memory_fault())
            must_have_succeeded("a request", *guest_, Exit { exit.err, 0 });
    auto const converted { convert(to, flags) };
    if (asked)
        if (auto const exit { guest_->answer(converted.done() ? 0 : static_cast<std::uint64_t>(-converted.err)) }; !exit.halted())
            throw Failure { "the guest after its request", exit.err };
    if (converted.done() && to == To::private_)
        take_over();
    return converted;
}

void Subject::take_over_unasked()
{
    if (auto const asked { request(To::private_) })
        if (!guest_->run(*asked).memory_fault() || !guest_->resume().halted())
            must_have_succeeded("a request", *guest_, Exit {});
    take_over();
}

void Subject::take_over()
{
    if (platform_ == Platform::snp)
        must_have_succeeded("PVALIDATE", *guest_, guest_->run(operation(GMEM_GUEST_PVALIDATE, 0, gpa)));
    if (platform_ == Platform::tdx)
        must_have_succeeded("TDG.MEM.PAGE.ACCEPT", *guest_, guest_->run(operation(GMEM_GUEST_TD_ACCEPT, 0, gpa)));
}

void Subject::host_writes(Page const &bytes)
{
    if (!window_.write(offset, bytes))
        throw Failure { "SIGBUS: the host's write to its shared page", EFAULT };
}

void Subject::guest_writes(Page const &bytes)
{
    Exit exit {};
    if (!guest_->write(gpa, Side::private_, bytes, &exit))
        throw Failure { "the guest's write to its private page", exit.err };
}

} // namespace gmem::driver::matrix
