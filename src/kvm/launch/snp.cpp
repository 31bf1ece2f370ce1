#include "kvm/launch/snp.hpp"

#include "kvm/launch/pages.hpp"
#include "kvm/launch/program_page.hpp"
#include "kvm/launch/report.hpp"
#include "kvm/launch/snp_gate.hpp"

#include <array>
#include <atomic>
#include <iterator>

namespace gmem::kvm::launch {
namespace {

using platform::snp::Firmware;

constinit std::atomic<unsigned> live_contexts { 0 };

long answer(uapi::SevCommand &command, Firmware f) noexcept
{
    command.error = static_cast<std::uint32_t>(f);
    return f == Firmware::success ? 0 : -EIO;
}

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
    auto const started { begin(firmware, parsed.value(), context.trust.id, context.trust.key) };
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
    if (auto &event { context.memory.event }) [[unlikely]] {
        event->more[0] = what.frame << page_bits;
        event->more[2] = static_cast<std::uint64_t>(what.type);
    }
    auto const *const slot { what.frame < (std::uint64_t { 1 } << 52) ? context.memory.slots.holding(what.frame << page_bits) : nullptr };
    if (!slot || !slot->bound())
        return -EINVAL;
    SnpPages callback { *firmware_, { .type = what.type, .frame = what.frame, .source = what.source, .in_place = context.memory.in_place(), .sev_device = context.sev_device } };
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
    VmsaPages vmsas { context.trust.id, context.trust.key };
    if (!vmsas)
        return -ENOMEM;
    for (auto const &vcpu : context.vcpus) {
        make_vmsa(vmsas.page(), vcpu, sev_features_);
        if (auto const added { answer(command, vmsas.add(*firmware_, vcpu.ordinal)) }; added != 0)
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
