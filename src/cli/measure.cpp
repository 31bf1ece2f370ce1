// From words to digests: one function a platform.

#include "cli/measure.hpp"

#include "cli/measure_words.hpp"
#include "crypto/openssl/openssl.hpp"
#include "platform/measure/cca_digest.hpp"
#include "platform/measure/snp_digest.hpp"
#include "platform/measure/tdx_digest.hpp"

#include <fmt/format.h>

namespace gmem::cli {
namespace {

using namespace platform::measure;

auto const &table { crypto::openssl_primitives() };

[[noreturn]] void refuse(std::string const &sentence) { throw MeasureRefusal { sentence }; }

void must(bool there_was_memory)
{
    if (!there_was_memory)
        refuse("there is no memory for the digest");
}

void finish(MeasureReport &r, Measurement const &m)
{
    for (std::size_t i { 0 }; i < m.size; ++i)
        r.digest += fmt::format("{:02x}", std::to_integer<unsigned>(m.bytes[i]));
}

// The pages of a place, in order; null where there is no file.
template <typename Each>
void each_page(MeasureReport &r, MeasurePlace const &p, std::string_view whole, Each each)
{
    std::uint64_t n { 0 };
    if (p.file.empty()) {
        for (; n < p.size / page_size; ++n)
            each(p.gpa + n * page_size, nullptr);
    } else {
        MeasureImage image { p.file };
        for (auto const *page { image.next() }; page; page = image.next(), ++n) {
            if (p.gpa + n * page_size < p.gpa)
                refuse(fmt::format("'{}' ends beyond 64 bits", whole));
            each(p.gpa + n * page_size, page);
        }
        if (image.padded() != 0)
            r.notes.push_back(fmt::format("{} is no multiple of 4096 bytes: {} zeros were added", p.file, image.padded()));
    }
    r.pages += n;
}

struct SnpName final {
    std::string_view name;
    SnpPage type;
};
constexpr SnpName snp_names[] { { "normal", SnpPage::normal }, { "zero", SnpPage::zero }, { "unmeasured", SnpPage::unmeasured }, { "secrets", SnpPage::secrets }, { "cpuid", SnpPage::cpuid } };

SnpPage snp_type(std::string_view name, std::string_view whole)
{
    for (auto const &n : snp_names)
        if (n.name == name)
            return n.type;
    refuse(fmt::format("'{}' in '{}' is no type of page: they are normal, zero, unmeasured, secrets and cpuid", name, whole));
}

void add_snp_pages(MeasureReport &r, SnpDigest &d, std::string const &whole)
{
    std::string_view const text { whole };
    auto const colon { text.find(':') };
    if (colon == text.npos)
        refuse(fmt::format("'{}' is not TYPE:GPA:FILE or TYPE:GPA+SIZE", whole));
    auto const type { snp_type(text.substr(0, colon), whole) };
    auto const where { place(text.substr(colon + 1), whole) };
    if (contents_count(type) && where.file.empty())
        refuse(fmt::format("'{}' needs a file: the bytes of normal pages are measured", whole));
    if (!contents_count(type) && !where.file.empty())
        refuse(fmt::format("'{}' has a file, but the bytes of {} pages are not measured", whole, text.substr(0, colon)));
    each_page(r, where, whole, [&](std::uint64_t gpa, std::byte const *page) { must(d.add(type, gpa, page)); });
}

// The last ':' begins a gpa if a number follows; file names may have colons as well.
void add_vmsa(MeasureReport &r, SnpDigest &d, std::string const &whole)
{
    MeasurePlace where { .gpa = SnpDigest::usual_vmsa_gpa, .file = whole };
    if (auto const colon { whole.rfind(':') }; colon != whole.npos && whole.compare(colon + 1, 2, "0x") == 0) {
        where.gpa = page_address(std::string_view { whole }.substr(colon + 1), whole);
        where.file = whole.substr(0, colon);
    }
    each_page(r, where, whole, [&](std::uint64_t gpa, std::byte const *page) {
        if (gpa != where.gpa)
            refuse(fmt::format("{} is more than one page, and a VMSA is one", where.file));
        must(d.add(SnpPage::vmsa, gpa, page));
    });
}

void measure_snp(MeasureReport &r, MeasureDescription const &description)
{
    SnpDigest d { table, description.zero_vmsa_tsc ? SnpVmsaTsc::zeros : SnpVmsaTsc::as_given };
    for (auto const &[option, text] : description.words)
        option == "--vmsa" ? add_vmsa(r, d, text) : add_snp_pages(r, d, text);
    r.what = "launch digest";
    r.algorithm = "sha384";
    finish(r, d.value());
}

void measure_tdx(MeasureReport &r, MeasureDescription const &description)
{
    TdxDigest d { table };
    must(static_cast<bool>(d));
    for (auto const &[option, whole] : description.words) {
        constexpr std::string_view suffix { ":measure" };
        std::string_view text { whole };
        bool const measured { text.size() > suffix.size() && text.substr(text.size() - suffix.size()) == suffix };
        if (measured)
            text.remove_suffix(suffix.size());
        auto const where { place(text, whole) };
        if (measured && where.file.empty())
            refuse(fmt::format("'{}' needs a file: the bytes of measured regions count", whole));
        each_page(r, where, whole, [&](std::uint64_t gpa, std::byte const *page) { measured ? d.add_measured(gpa, page) : d.add(gpa); });
    }
    r.what = "MRTD";
    r.algorithm = "sha384";
    finish(r, d.value());
}

Assign byte_of(std::uint8_t &field, std::string_view whole)
{
    return [&field, whole](std::uint64_t value) {
        if (value > 0xFF)
            refuse(fmt::format("{} in '{}' is more than a byte holds", value, whole));
        field = static_cast<std::uint8_t>(value);
    };
}

CcaRealm realm_of(std::string_view whole)
{
    CcaRealm realm;
    assign(whole, { { "flags", [&](std::uint64_t v) { realm.flags = v; } }, { "s2sz", byte_of(realm.s2sz, whole) }, { "sve_vl", byte_of(realm.sve_vl, whole) }, { "num_bps", byte_of(realm.num_bps, whole) },
                      { "num_wps", byte_of(realm.num_wps, whole) }, { "pmu_num_ctrs", byte_of(realm.pmu_num_ctrs, whole) } });
    return realm;
}

CcaRec rec_of(std::string_view whole)
{
    CcaRec rec;
    std::map<std::string, Assign, std::less<>> known { { "flags", [&](std::uint64_t v) { rec.flags = v; } }, { "pc", [&](std::uint64_t v) { rec.pc = v; } } };
    for (std::size_t i { 0 }; i < 8; ++i)
        known.emplace(fmt::format("x{}", i), [&rec, i](std::uint64_t v) { rec.gprs[i] = v; });
    assign(whole, known);
    return rec;
}

void init_ripas(CcaDigest &d, std::string_view whole)
{
    auto const colon { whole.find(':') };
    if (colon == whole.npos)
        refuse(fmt::format("'{}' is not BASE:TOP", whole));
    auto const base { page_address(whole.substr(0, colon), whole) }, top { page_address(whole.substr(colon + 1), whole) };
    if (base >= top)
        refuse(fmt::format("'{}' is empty: the top is not above the base", whole));
    must(d.init_ripas(base, top));
}

void measure_cca(MeasureReport &r, MeasureDescription const &description)
{
    bool const large { description.hash == "sha512" };
    if (!large && description.hash != "sha256")
        refuse(fmt::format("'{}' is no hash of a realm: they are sha256 and sha512", description.hash));
    CcaDigest d { table, large ? crypto::Hash::sha512 : crypto::Hash::sha256 };
    if (description.realm.empty())
        r.notes.push_back("there is no --realm: the chain begins with zeros, which that of a real realm does not");
    else
        must(d.begin(realm_of(description.realm)));
    for (auto const &[option, text] : description.words) {
        if (option == "--ripas") {
            init_ripas(d, text);
        } else if (option == "--rec") {
            must(d.add_rec(rec_of(text)));
        } else {
            bool const measured { option == "--data" };
            auto const where { place(text, text) };
            if (measured && where.file.empty())
                refuse(fmt::format("'{}' needs a file: the bytes of --data are measured", text));
            each_page(r, where, text, [&](std::uint64_t ipa, std::byte const *page) { must(measured ? d.add(ipa, page) : d.add_unmeasured(ipa)); });
        }
    }
    r.what = "realm initial measurement";
    r.algorithm = description.hash;
    finish(r, d.value());
}

} // namespace

MeasureReport measure(MeasureDescription const &description)
{
    if (description.platform.empty())
        refuse("measure needs a platform: gmem measure snp, gmem measure tdx or gmem measure cca");
    MeasureReport r;
    r.platform = description.platform;
    if (description.words.empty())
        r.notes.push_back("nothing was described: this is where the measurement begins");
    if (description.platform == "snp")
        measure_snp(r, description);
    else if (description.platform == "tdx")
        measure_tdx(r, description);
    else
        measure_cca(r, description);
    return r;
}

} // namespace gmem::cli
