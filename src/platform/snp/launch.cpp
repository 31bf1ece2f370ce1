#include "platform/snp/launch.hpp"

#include "crypto/primitives.hpp"

namespace gmem::platform::snp {
namespace {

// A key of the guest: the hash of what the launch was started with.
bool make_key(std::uint8_t level, LaunchStart const &with, std::byte const (&seed)[64], MessageKey &key) noexcept
{
    struct {
        std::byte seed[64];
        char label[7] { 'V', 'M', 'P', 'C', 'K', '0', '\0' };
        bool imi_en;
        std::uint64_t policy;
    } source {};
    static_assert(sizeof source == 80); // no padding: it is hashed
    __builtin_memcpy(source.seed, seed, sizeof seed);
    source.label[5] = static_cast<char>('0' + level);
    source.imi_en = with.imi_en;
    source.policy = with.policy;
    return crypto::primitives()->hash(crypto::Hash::sha256, reinterpret_cast<std::byte const *>(&source), sizeof source, key.data());
}

} // namespace

Firmware Launch::start(LaunchStart const &with, std::byte const (&seed)[64]) noexcept
{
    if (!platform_initialised_)
        return Firmware::invalid_platform_state;
    if (state_ == GuestState::none)
        return Firmware::invalid_guest;
    if (state_ != GuestState::init)
        return Firmware::invalid_guest_state;
    if ((with.policy & ~policy_bit::known) != 0)
        return Firmware::invalid_param;
    // assumption: the order and the codes of the policy's checks are from memory.
    if (!(with.policy & policy_bit::reserved_one) || (with.policy & (policy_bit::abi_major | policy_bit::abi_minor)) > firmware_abi)
        return Firmware::policy_failure;
    SecretsPage secrets { .imi_en = with.imi_en, .gosvw = with.gosvw };
    for (std::uint8_t level { 0 }; level < privilege_levels; ++level)
        if (!make_key(level, with, seed, secrets.vmpck[level]))
            return Firmware::resource_limit;
    secrets_ = secrets;
    digest_.emplace(*crypto::primitives(), measure::SnpVmsaTsc::zeros); // the firmware sets those fields itself
    policy_ = with.policy;
    imi_en_ = with.imi_en;
    state_ = GuestState::launch;
    return Firmware::success;
}

LaunchDigest Launch::digest() const noexcept
{
    LaunchDigest result {};
    if (digest_)
        __builtin_memcpy(result.data(), digest_->value().bytes, sizeof result);
    return result;
}

Firmware Launch::activate(std::uint16_t asid) noexcept
{
    if (state_ == GuestState::none)
        return Firmware::invalid_guest;
    if (state_ == GuestState::init)
        return Firmware::invalid_guest_state;
    if (asid == 0 || asid > most_asid)
        return Firmware::invalid_asid;
    if (asid_ != 0)
        return Firmware::active;
    asid_ = asid;
    return Firmware::success;
}

Firmware Launch::finish(LaunchFinish const &with) noexcept
{
    if (!platform_initialised_)
        return Firmware::invalid_platform_state;
    if (state_ == GuestState::none)
        return Firmware::invalid_guest;
    if (state_ != GuestState::launch || imi_en_)
        return Firmware::invalid_guest_state;
    if (with.id_block) {
        if (with.id_block->digest != digest())
            return Firmware::bad_measurement;
        if (with.id_block->policy != policy_)
            return Firmware::policy_failure;
        if (auto const f { verify(*with.id_block, *with.id_authentication, with.author_key) }; f != Firmware::success)
            return f;
    }
    host_data_ = with.host_data;
    state_ = GuestState::running;
    return Firmware::success;
}

} // namespace gmem::platform::snp
