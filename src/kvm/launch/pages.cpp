#include "kvm/launch/pages.hpp"

#include "base/text.hpp"
#include "kvm/launch/program_page.hpp"
#include "observe/inject.hpp"
#include "observe/report.hpp"
#include "os/say.hpp"
#include "platform/cca/populate.hpp"
#include "platform/snp/cpuid_page.hpp"
#include "platform/snp/populate.hpp"

#include <algorithm>
#include <utility>

namespace gmem::kvm::launch {

using platform::snp::Firmware;
using platform::snp::PageType;

// --inject: nothing has happened to the page. Of a CPUID page the firmware says what it would have accepted, without one bit.
int SnpPages::injected(PageOfLaunch const &at) noexcept
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

void SnpPages::correct(PageOfLaunch const &at) const noexcept
{
    auto &table { *reinterpret_cast<platform::snp::CpuidPage *>(at.source) };
    if (table.count != 0 && table.count <= platform::snp::CpuidPage::most)
        for (auto &r : table.entries[0].registers)
            if (r != 0) {
                r &= r - 1;
                break;
            }
    (void)platform::snp::judge_cpuid_page(at.source);
    (void)give(what_.source + (at.frame - what_.frame) * page_size, at.source, page_size);
}

int SnpPages::page(PageOfLaunch const &at) noexcept
{
    if (!at.source && what_.type != PageType::zero && !what_.in_place)
        return -EINVAL;
    if (!what_.sev_device)
        return -EBADF;
    if (observe::Inject::on()) [[unlikely]]
        if (auto const refused { injected(at) }; refused != 0)
            return refused;
    auto const populated { platform::snp::populate(at.trusted.pages(), firmware_, { .page = at.page, .frame = at.frame, .type = what_.type, .attribute = at.attribute, .source = at.source }) };
    answer_ = populated.firmware;
    // The corrected table, to where it came from. The program may have unmapped that meanwhile: then it does not hear of it, as in KVM.
    if (populated.error != 0 && at.source && what_.type == PageType::cpuid && populated.firmware == Firmware::invalid_param)
        (void)give(what_.source + (at.frame - what_.frame) * page_size, at.source, page_size);
    return -populated.error;
}

Firmware begin(platform::snp::Launch &firmware, platform::snp::LaunchStart const &start, std::uint16_t asid, std::byte const (&key)[crypto::xts_key_bytes]) noexcept
{
    auto const started { firmware.start(start, key) };
    return started == Firmware::success ? firmware.activate(asid) : started;
}

long begin(std::optional<platform::tdx::Td> &to, std::uint16_t id) noexcept
{
    using platform::tdx::Seam;
    auto &td { to.emplace(id) };
    auto made { td.key_config() };
    for (unsigned i { 0 }; i < platform::tdx::tdcs_pages && made == Seam::success; ++i)
        made = td.add_tdcx();
    if (made == Seam::success)
        made = td.init();
    if (made == Seam::success)
        return 0;
    to.reset();
    return made == Seam::operand_busy ? -ENOMEM : -EIO; // busy is the model's word for: no memory for the hash
}

int TdxPages::page(PageOfLaunch const &at) noexcept
{
    if (!at.source && !in_place_)
        return -EOPNOTSUPP;
    auto pages { at.trusted.pages() };
    auto const added { platform::tdx::populate(td_, pages, { .page = at.page, .frame = at.frame, .attribute = at.attribute, .source = at.source, .measure = measure_, .existed = at.existed }) };
    if (!added)
        return -added.error().err;
    if (added.value().never_written && never_written_.pages++ == 0)
        never_written_.first = at.frame;
    return 0;
}

void warn(NeverWritten &n, platform::tdx::Measure measure) noexcept
{
    auto const found { std::exchange(n, {}) };
    if (found.pages == 0 || observe::Report::is_told())
        return;
    char line[320];
    Text text { line };
    text << "TDX: page " << found.first << " (gpa ";
    text.hex(found.first << page_bits) << ") was " << (measure == platform::tdx::Measure::yes ? "measured" : "added") << " in, but nobody ever wrote it: the guest finds zeros";
    if (found.pages > 1)
        text << "; so it is with " << found.pages - 1 << " more of this region";
    os::say(text.view());
}

int errno_of(platform::cca::RmiResult r) noexcept { return r.status == platform::cca::Rmi::no_hash ? ENOMEM : ENXIO; }

long begin(platform::cca::Realm &realm, gmem_realm_parameters const *wished) noexcept
{
    constexpr gmem_realm_parameters usual { .flags = 0, .s2sz = 48, .sve_vl = 0, .num_bps = 0, .num_wps = 0, .pmu_num_ctrs = 0, .hash_algo = GMEM_REALM_SHA256, .reserved = {} };
    auto const &p { wished ? *wished : usual };
    if (p.hash_algo > GMEM_REALM_SHA512 || p.reserved[0] != 0 || p.reserved[1] != 0)
        return -EINVAL;
    auto const created { realm.create({ p.flags, p.s2sz, p.sve_vl, p.num_bps, p.num_wps, p.pmu_num_ctrs }, p.hash_algo == GMEM_REALM_SHA512 ? crypto::Hash::sha512 : crypto::Hash::sha256) };
    return created ? 0 : -errno_of(created);
}

long add_rec(platform::cca::Realm &realm, gmem_realm_rec const &rec) noexcept
{
    static_assert(GMEM_REALM_RUNNABLE == platform::measure::CcaRec::runnable);
    if ((rec.flags & ~std::uint64_t { GMEM_REALM_RUNNABLE }) != 0)
        return -EINVAL;
    platform::measure::CcaRec measured { .flags = rec.flags, .pc = rec.pc };
    std::ranges::copy(rec.gprs, measured.gprs);
    auto const created { realm.rec_create(measured) };
    return created ? 0 : -errno_of(created);
}

int RealmPages::page(PageOfLaunch const &at) noexcept
{
    auto pages { at.trusted.pages() };
    std::uint64_t done { 0 };
    if (auto const ram { realm_.init_ripas(pages, PageRange::one(at.page), at.frame, done) }; !ram && ram.status != platform::cca::Rmi::error_rtt) // rtt: RAM already
        return -errno_of(ram);
    auto const populated { platform::cca::populate(realm_, pages, at.page, at.frame, at.source, measure_) };
    return populated ? 0 : -populated.error().err;
}

VmsaPages::VmsaPages(std::uint16_t asid, std::byte const (&key)[crypto::xts_key_bytes]) noexcept : cipher_ { crypto::primitives()->make_cipher(key) }
{
    state_.kind = platform::Kind::snp;
    state_.id = asid;
}

VmsaPages::~VmsaPages()
{
    if (cipher_)
        crypto::primitives()->free_cipher(cipher_);
}

Firmware VmsaPages::add(platform::snp::Launch &firmware, std::uint32_t ordinal) noexcept
{
    record_ = {};
    platform::Pages const pages { .bytes = bytes_, .records = &record_, .count = PageNo { 1 }, .vm = &state_, .first_physical = ordinal, .cipher = cipher_ };
    return platform::snp::populate(pages, firmware, { .page = PageNo { 0 }, .frame = platform::snp::vmsa_frame, .type = PageType::vmsa }).firmware;
}

} // namespace gmem::kvm::launch
