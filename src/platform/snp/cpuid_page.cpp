#include "platform/snp/cpuid_page.hpp"

namespace gmem::platform::snp {
namespace {

constexpr CpuidRow unlisted { 0, CpuidRow::any_subleaf, {} };

CpuidRow const &row_of(std::uint32_t leaf, std::uint32_t subleaf) noexcept
{
    for (auto const &row : cpuid_rules::table) // a subleaf of its own comes before `any`
        if (row.leaf == leaf && (row.subleaf == subleaf || row.subleaf == CpuidRow::any_subleaf))
            return row;
    return unlisted;
}

constexpr std::uint32_t allowed(CpuidRow::Register r, std::uint32_t asked) noexcept
{
    switch (r.rule) {
    case CpuidRule::mask:      return asked & r.processor;
    case CpuidRule::exact:     return r.processor;
    case CpuidRule::less_than: return asked < r.processor ? asked : r.processor;
    case CpuidRule::unchecked: return asked;
    case CpuidRule::zero:      return 0;
    }
    __builtin_unreachable();
}

} // namespace

CpuidEntry judged(CpuidEntry const &e) noexcept
{
    auto result { e };
    result.reserved = 0;
    if ((e.eax_in & 0x7fffffff) > 0xffff)
        return result;
    auto const &row { row_of(e.eax_in, e.ecx_in) };
    for (std::size_t i { 0 }; i < row.registers.size(); ++i)
        result.registers[i] = allowed(row.registers[i], e.registers[i]);
    return result;
}

CpuidVerdict judge_cpuid_page(std::byte *page) noexcept
{
    CpuidPage table; // a copy: the page may be written by the host while we look
    __builtin_memcpy(&table, page, sizeof table);
    if (table.count > CpuidPage::most || table.reserved != 0 || table.reserved2 != 0)
        return CpuidVerdict::malformed;
    auto verdict { CpuidVerdict::accepted };
    for (std::uint32_t i { 0 }; i < table.count; ++i) {
        auto const after { judged(table.entries[i]) };
        if (__builtin_memcmp(&after, &table.entries[i], sizeof after) != 0)
            verdict = CpuidVerdict::corrected;
        table.entries[i] = after;
    }
    if (verdict == CpuidVerdict::corrected)
        __builtin_memcpy(page, &table, sizeof table);
    return verdict;
}

} // namespace gmem::platform::snp
