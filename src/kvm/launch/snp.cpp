#include "kvm/launch/snp.hpp"

#include "kvm/launch/program_page.hpp"
#include "kvm/launch/report.hpp"
#include "kvm/launch/snp_gate.hpp"
#include "observe/inject.hpp"
#include "platform/snp/cpuid_page.hpp"
#include "platform/snp/populate.hpp"

#include <array>
#include <atomic>
#include <iterator>

namespace gmem::kvm::launch {
namespace {

using platform::snp::Firmware;
using platform::snp::PageType;

constinit std::atomic<unsigned> live_contexts { 0 };

long answer(uapi::SevCommand &command, Firmware f) noexcept
{
    command.error = static_cast<std::uint32_t>(f);
    return f == Firmware::success ? 0 : -EIO;
}

// sev_gmem_post_populate(), and what it leaves of the firmware's answer.
class Update final : public Populator {
public:
    Update(platform::snp::Launch &firmware, Snp::Context const &context, SnpUpdate const &what) noexcept
        : firmware_ { firmware }, context_ { context }, what_ { what } {}

    int page(PageOfLaunch const &at) noexcept override
    {
        if (!at.source && what_.type != PageType::zero && !context_.memory.in_place())
            return -EINVAL;
        if (!context_.sev_device)
            return -EBADF;
        if (observe::Inject::on()) [[unlikely]]
            if (auto const refused { injected(at) }; refused != 0)
                return refused;
        auto const populated { platform::snp::populate(at.trusted.pages(), firmware_, { .page = at.page, .frame = at.frame, .type = what_.type, .attribute = at.attribute, .source = at.source }) };
        answer_ = populated.firmware;
        if (populated.error != 0 && at.source && what_.type == PageType::cpuid && populated.firmware == Firmware::invalid_param)
            give_back(at);
        return -populated.error;
    }

    Firmware answer() const noexcept { return answer_; }

private:
    // --inject=firmware: nothing has happened to the page. Of a CPUID page the firmware says what it would have accepted, without one bit.
    int injected(PageOfLaunch const &at) noexcept
    {
        observe::Target const page { observe::Call::launch, at.inode, raw(at.page.to_bytes()), page_size };
        if (what_.type == PageType::cpuid && observe::Inject::at(observe::Fault::cpuid, page)) {
            answer_ = Firmware::invalid_param;
            if (at.source)
                correct(at);
            return -EIO;
        }
        auto const struck { observe::Inject::at(observe::Fault::firmware, page) };
        if (!struck || struck->choice == observe::rmp_overlap) // the kernel asks RMPUPDATE again until it has done it
            return 0;
        if (struck->choice == observe::rmp_in_use) // RMPUPDATE's answer, not the firmware's
            return -EINVAL;
        answer_ = static_cast<Firmware>(struck->choice);
        return -EIO;
    }

    void correct(PageOfLaunch const &at) const noexcept
    {
        auto &table { *reinterpret_cast<platform::snp::CpuidPage *>(at.source) };
        if (table.count != 0 && table.count <= platform::snp::CpuidPage::most)
            for (auto &r : table.entries[0].registers)
                if (r != 0) {
                    r &= r - 1;
                    break;
                }
        (void)platform::snp::judge_cpuid_page(at.source);
        give_back(at);
    }

    // The corrected table, to where it came from. The program may have unmapped that meanwhile: then it does not hear of it, as in KVM.
    void give_back(PageOfLaunch const &at) const noexcept { (void)give(what_.source + (at.frame - what_.frame) * page_size, at.source, page_size); }

    platform::snp::Launch &firmware_;
    Snp::Context const &context_;
    SnpUpdate const &what_;
    Firmware answer_ { Firmware::success };
};

// The machine that VMSAs are pages of: KVM's own, and as the guest's memory is, encrypted.
class VmsaPages final {
public:
    explicit VmsaPages(Trust const &trust) noexcept : cipher_ { crypto::primitives()->make_cipher(trust.key) }
    {
        state_.kind = platform::Kind::snp;
        state_.id = trust.id;
    }
    ~VmsaPages()
    {
        if (cipher_)
            crypto::primitives()->free_cipher(cipher_);
    }
    VmsaPages(VmsaPages const &) = delete;
    explicit operator bool() const noexcept { return cipher_ != nullptr; }

    Firmware add(platform::snp::Launch &firmware, VcpuRegisters const &vcpu, std::uint64_t sev_features) noexcept
    {
        record_ = {};
        make_vmsa(bytes_, vcpu, sev_features);
        platform::Pages const pages { .bytes = bytes_, .records = &record_, .count = PageNo { 1 }, .vm = &state_, .first_physical = vcpu.ordinal, .cipher = cipher_ };
        return platform::snp::populate(pages, firmware, { .page = PageNo { 0 }, .frame = platform::snp::vmsa_frame, .type = PageType::vmsa }).firmware;
    }

private:
    alignas(page_size) std::byte bytes_[page_size] {};
    platform::Record record_ {};
    platform::VmState state_ {};
    crypto::Cipher *cipher_;
};

} // namespace

unsigned Snp::contexts() noexcept { return live_contexts.load(std::memory_order_relaxed); }

Snp::~Snp()
{
    if (firmware_)
        live_contexts.fetch_sub(1, std::memory_order_relaxed);
}

// assumption: the answers to commands of SEV and SEV-ES (EINVAL for their INIT, ENOTTY before a guest is one, EPERM once it is SNP's) are from memory.
long Snp::command(uapi::SevCommand &command, Context const &context) noexcept
{
    if (initialised_ && command.id < uapi::sev_snp_launch_start)
        return -EPERM;
    switch (command.id) {
    case uapi::sev_init:
    case uapi::sev_es_init:           return -EINVAL;
    case uapi::sev_init2:             return init2(command, context);
    case uapi::sev_snp_launch_start:  return initialised_ ? start(command, context) : -ENOTTY;
    case uapi::sev_snp_launch_update: return firmware_ ? update(command, context) : -EINVAL;
    case uapi::sev_snp_launch_finish: return !initialised_ ? -ENOTTY : firmware_ ? finish(command, context) : -EINVAL;
    default:                          return command.id < uapi::sev_init2 ? -ENOTTY : -EINVAL;
    }
}

long Snp::init2(uapi::SevCommand &command, Context const &context) noexcept
{
    uapi::SevInit2 request;
    if (!take(&request, command.data, sizeof request))
        return -EFAULT;
    if (context.created_vcpus != 0)
        return -EINVAL;
    auto const parsed { parse_init2(request) };
    if (!parsed)
        return -parsed.error().err;
    sev_features_ = parsed.value().sev_features;
    initialised_ = true;
    return 0;
}

long Snp::start(uapi::SevCommand &command, Context const &context) noexcept
{
    uapi::SnpLaunchStart request;
    if (!take(&request, command.data, sizeof request))
        return -EFAULT;
    if (firmware_)
        return -EINVAL;
    auto const parsed { parse_start(request) };
    if (!parsed)
        return -parsed.error().err;
    if (!context.sev_device)
        return -EBADF;
    platform::snp::Launch firmware;
    auto started { firmware.start(parsed.value(), context.trust.key) };
    if (started == Firmware::success)
        started = firmware.activate(context.trust.id);
    if (started == Firmware::success) {
        firmware_ = firmware;
        live_contexts.fetch_add(1, std::memory_order_relaxed);
    }
    return answer(command, started);
}

// Whatever keeps the first page from being done is EIO; once one is, the rest is for the next call.
long Snp::update(uapi::SevCommand &command, Context const &context) noexcept
{
    uapi::SnpLaunchUpdate request;
    if (!take(&request, command.data, sizeof request))
        return -EFAULT;
    auto const parsed { parse_update(request) };
    if (!parsed)
        return -parsed.error().err;
    auto const &what { parsed.value() };
    auto const *const slot { what.frame < (std::uint64_t { 1 } << 52) ? context.memory.slots.holding(what.frame << page_bits) : nullptr };
    if (!slot || !slot->bound())
        return -EINVAL;
    Update callback { *firmware_, context, what };
    auto const done { populate(context.memory, what.frame, what.source, what.pages, callback) };
    if (!done) {
        command.error = static_cast<std::uint32_t>(callback.answer());
        return -EIO;
    }
    pages_ += done.value();
    request.gfn_start += done.value();
    request.len -= done.value() * page_size;
    if (what.source)
        request.uaddr += done.value() * page_size;
    return give(command.data, &request, sizeof request) ? 0 : -EIO;
}

// A VMSA is measured as it is, once more if LAUNCH_FINISH was refused after it and is called again.
long Snp::update_vmsas(uapi::SevCommand &command, Context const &context) noexcept
{
    if (context.vcpus.empty())
        return 0;
    VmsaPages vmsas { context.trust };
    if (!vmsas)
        return -ENOMEM;
    for (auto const &vcpu : context.vcpus) {
        if (auto const added { answer(command, vmsas.add(*firmware_, vcpu, sev_features_)) }; added != 0)
            return added;
        ++pages_;
    }
    return 0;
}

long Snp::finish(uapi::SevCommand &command, Context const &context) noexcept
{
    uapi::SnpLaunchFinish request;
    if (!take(&request, command.data, sizeof request))
        return -EFAULT;
    if (request.flags != 0)
        return -EINVAL;
    if (!context.sev_device)
        return -EBADF;
    if (auto const updated { update_vmsas(command, context) }; updated != 0)
        return updated;
    platform::snp::IdBlock block;
    platform::snp::IdAuthentication authentication;
    platform::snp::LaunchFinish with { .author_key = request.auth_key_en != 0, .vcek_disabled = request.vcek_disabled != 0 };
    if (request.id_block_en) {
        if (request.id_block_uaddr == 0 || request.id_auth_uaddr == 0)
            return -EINVAL;
        if (!take(&block, request.id_block_uaddr, sizeof block) || !take(&authentication, request.id_auth_uaddr, sizeof authentication))
            return -EFAULT;
        with.id_block = &block;
        with.id_authentication = &authentication;
    }
    std::copy(std::begin(request.host_data), std::end(request.host_data), with.host_data.begin());
    auto const finished { answer(command, firmware_->finish(with)) };
    if (finished == 0)
        report(platform::Kind::snp, firmware_->digest(), pages_);
    return finished;
}

} // namespace gmem::kvm::launch
