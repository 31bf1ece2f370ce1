#include "cli/picture/picture.hpp"

#include "cli/picture/page.hpp"

#include <CLI/CLI.hpp>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>

namespace gmem::cli {
namespace {

constexpr std::size_t most_hot { 24 };

int complain(std::string const &sentence)
{
    std::cerr << "gmem: " << sentence << "\n";
    return 1;
}

// Whole or not at all: who has the page open does not find half of one.
bool write_file(std::string const &path, std::string const &text)
{
    if (std::filesystem::exists(path) && !std::filesystem::is_regular_file(path)) {
        std::ofstream file { path, std::ios::binary };
        return static_cast<bool>(file << text << std::flush);
    }
    auto const beside { path + ".new" };
    {
        std::ofstream file { beside, std::ios::binary };
        if (!(file << text << std::flush)) {
            auto const err { errno };
            std::remove(beside.c_str());
            errno = err;
            return false;
        }
    }
    return std::rename(beside.c_str(), path.c_str()) == 0;
}

std::string page_for(std::string const &name, TraceFile const &trace, picture::Survey const &survey)
{
    picture::Events events { trace, survey };
    picture::Figures figures { survey };
    picture::Heat coarse { survey };
    survey.for_each(trace, [&](observe::EventNo n, observe::Event const &e, picture::Place const *p) {
        events.add(n, e, p);
        figures.add(e, p);
        if (p && picture::is_conversion(e) && e.result >= 0)
            coarse.add(*p);
    });
    figures.finish();
    auto hottest { coarse.hottest(most_hot) };
    if (!coarse.is_by_page()) {
        picture::Heat fine { survey, coarse };
        survey.for_each(trace, [&](observe::EventNo, observe::Event const &e, picture::Place const *p) {
            if (p && picture::is_conversion(e) && e.result >= 0)
                fine.add(*p);
        });
        hottest = fine.hottest(most_hot);
    }
    std::optional<picture::Summary> summary;
    if (!events.all())
        summary = picture::Summary::of(trace, survey);
    return picture::page_of({ name, trace, survey, events, summary, figures, hottest });
}

} // namespace

PictureCommand::PictureCommand(CLI::App &app) : report_ { app.add_subcommand("report", "Makes a page of a trace, for a browser: docs/report.md") }
{
    report_->add_option("TRACE", trace_, "What gmem run --trace=FILE wrote")->required();
    report_->add_option("-o,--output", output_, "The page; TRACE.html when not given");
}

bool PictureCommand::wanted() const { return report_->parsed(); }

int PictureCommand::run() const
{
    try {
        TraceFile const trace { trace_ };
        auto const survey { picture::Survey::of(trace) };
        if (survey.events == 0)
            return complain(fmt::format("{}: there is no event in this trace", trace_));
        auto const output { output_.empty() ? trace_ + ".html" : output_ };
        auto const page { page_for(std::filesystem::path { trace_ }.filename().string(), trace, survey) };
        if (!write_file(output, page))
            return complain(fmt::format("{}: {}", output, std::strerror(errno)));
        std::cout << fmt::format("{}: {} events, {:.1f} MB\n", output, survey.events, static_cast<double>(page.size()) / 1e6);
        return 0;
    } catch (TraceRefusal const &refusal) {
        return complain(refusal.what());
    }
}

} // namespace gmem::cli
