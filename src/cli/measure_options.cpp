// The subcommand's options, and how their order is kept.

#include "cli/measure.hpp"
#include "cli/measure_words.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <map>

namespace gmem::cli {

CLI::App *MeasureCommand::add(CLI::App &measure, char const *name, char const *help)
{
    auto *const app { measure.add_subcommand(name, help) };
    app->add_flag("--json", as_json_, "The same for programs");
    platforms_.push_back({ app, {} });
    return app;
}

// Exactly one word follows each occurrence, so that CLI11's parse order and the values go together.
void MeasureCommand::add_ordered(char const *name, char const *form, char const *help)
{
    auto &platform { platforms_.back() };
    std::string const description { help }; // a const string means: bound to no variable
    platform.ordered.push_back(platform.app->add_option(name, description)->expected(1)->allow_extra_args(false)->take_all()->type_name(form));
}

MeasureCommand::MeasureCommand(CLI::App &app) : measure_ { app.add_subcommand("measure", "Computes a launch measurement from a description of the launch") }
{
    measure_->require_subcommand(0, 1);
    measure_->footer("Options that name memory are measured in the order in which they are given. Numbers are decimal, or hexadecimal with 0x.");

    auto *const snp { add(*measure_, "snp", "The launch digest of SEV-SNP (SHA-384)") };
    add_ordered("--page", "TYPE:GPA:FILE | TYPE:GPA[+SIZE]", "Pages of SNP_LAUNCH_UPDATE: normal with FILE; zero, unmeasured, secrets or cpuid with a size, one page when not given");
    add_ordered("--vmsa", "FILE[:GPA]", "A VMSA, at 0xfffffffff000 when not said otherwise");
    snp->add_flag("--zero-vmsa-tsc", options_.zero_vmsa_tsc, "Read the TSC scale and offset of VMSAs as zeros");

    add(*measure_, "tdx", "The MRTD of a TD (SHA-384)");
    add_ordered("--region", "GPA:FILE[:measure] | GPA+SIZE", "KVM_TDX_INIT_MEM_REGION, with its flag MEASURE or without");

    auto *const cca { add(*measure_, "cca", "The realm initial measurement of Arm CCA") };
    cca->add_option("--hash", options_.hash, "sha256 (as when not given) or sha512");
    cca->add_option("--realm", options_.realm, "The realm's parameters, which begin the chain: flags=N,s2sz=N,sve_vl=N,num_bps=N,num_wps=N,pmu_num_ctrs=N; 0 what is left out");
    add_ordered("--data", "IPA:FILE", "RMI_DATA_CREATE, measured");
    add_ordered("--unmeasured", "IPA:FILE | IPA[+SIZE]", "RMI_DATA_CREATE, not measured");
    add_ordered("--ripas", "BASE:TOP", "RMI_RTT_INIT_RIPAS");
    add_ordered("--rec", "pc=N[,x0=N...x7=N][,flags=N]", "RMI_REC_CREATE; runnable when flags are not given");
}

bool MeasureCommand::wanted() const { return measure_->parsed(); }

MeasureDescription MeasureCommand::description() const
{
    auto d { options_ };
    for (auto const &platform : platforms_) {
        if (!platform.app->parsed())
            continue;
        d.platform = platform.app->get_name();
        std::map<CLI::Option const *, std::size_t> taken;
        for (CLI::Option const *const option : platform.app->parse_order())
            if (std::find(platform.ordered.begin(), platform.ordered.end(), option) != platform.ordered.end())
                d.words.push_back({ option->get_name(), option->results().at(taken[option]++) });
    }
    return d;
}

int MeasureCommand::run() const
{
    constexpr int usage_error { 2 };
    try {
        auto const report { measure(description()) };
        if (as_json_) {
            fmt::print("{}\n", report_as_json(report));
            return 0;
        }
        for (auto const &note : report.notes)
            fmt::print(stderr, "gmem: {}\n", note);
        fmt::print("{}\n", report.digest);
        return 0;
    } catch (MeasureRefusal const &why) {
        fmt::print(stderr, "gmem: {}\n", why.what());
        return usage_error;
    }
}

} // namespace gmem::cli
