#include "cli/picture/page.hpp"

namespace gmem::cli::picture {
namespace {

// Puts `text` in the place of the one line that is `mark`.
void fill(std::string &page, std::string_view mark, std::string_view text)
{
    if (auto const at { page.find(mark) }; at != std::string::npos)
        page.replace(at, mark.size(), text);
}

} // namespace

std::string page_of(Findings const &f)
{
    std::string page { PageText::html };
    fill(page, "<!--STYLE-->", PageText::style);
    fill(page, "<!--SCRIPT-->", PageText::script);
    fill(page, "<!--FACTS-->", facts_as_json(f));
    fill(page, "<!--EVENTS-->", f.events.records().as_base64());
    fill(page, "<!--SUMMARY-->", f.summary ? f.summary->records.as_base64() : std::string {});
    return page;
}

} // namespace gmem::cli::picture
