// The command line: words in, one of the subcommands out.

#include "cli/check.hpp"
#include "cli/doctor.hpp"
#include "cli/matrix.hpp"
#include "cli/measure.hpp"
#include "cli/picture/picture.hpp"
#include "cli/play.hpp"
#include "cli/run.hpp"
#include "cli/stats.hpp"
#include "cli/top.hpp"
#include "cli/trace.hpp"
#include "gmem/gmem.h"

#include <CLI/CLI.hpp>
#include <string_view>

namespace {

constexpr int usage_error { 2 };

void add_run(CLI::App &app, gmem::cli::RunOptions &options)
{
    auto *const run { app.add_subcommand("run", "Runs PROGRAM with guest_memfd and in-place conversion provided by gmem") };
    run->footer("gmem run [OPTIONS] -- PROGRAM [ARGUMENTS...]\n\n"
                "The exit status is PROGRAM's; 125 when gmem cannot run it, 126 when it cannot be executed, 127 when it is not found.");
    run->add_option("--window-engine", options.engine, "userfaultfd or overlay; also GMEM_WINDOW_ENGINE");
    run->add_option("--window-opening", options.opening, "automatic, installed or native; also GMEM_WINDOW_OPENING");
    run->add_option("--peer-timeout", options.peer_timeout, "Milliseconds that a conversion waits for a process that is stopped; also GMEM_PEER_TIMEOUT");
    run->add_flag("--hugepages{on}", options.huge_pages, "guest memory in pages of 2 MiB; also GMEM_HUGEPAGES=on");
    run->add_option("--in-place", options.in_place, "on: each guest_memfd tracks what is private, as kvm.gmem_in_place_conversion; off: the VM does; also GMEM_IN_PLACE");
    run->add_option("--vm-attributes", options.vm_attributes, "on or off: whether VMs have KVM_SET_MEMORY_ATTRIBUTES; as it is needed when not given; also GMEM_VM_ATTRIBUTES");
    run->add_option("--vcpu", options.vcpu, "real: guests are machine code on /dev/kvm; scripted: they are lists of operations, docs/scripted-vcpu.md; also GMEM_VCPU");
    run->add_option("--processor", options.processor, "native, snp or tdx: CPUID answers PROGRAM as a processor with SNP or TDX does; also GMEM_PROCESSOR");
    run->add_option("--measurement", options.measurement, "A file that gets one line for each launch that ends: platform, digest, pages; also GMEM_MEASUREMENT");
    run->add_option("--trace", options.trace, "A file that gets every event of the session: docs/traces.md");
    run->add_option("--observe", options.observe, "on: the last events are remembered, for reports and gmem top; off: the program gets this process; also GMEM_OBSERVE");
    run->add_option("--report", options.report, "on: what the program does wrong with guest memory is told, docs/reports; off: it is not, and nothing is remembered; also GMEM_REPORT");
    run->add_option("--report-file", options.report_file, "Reports go to this file instead of standard error");
    run->add_option("--report-format", options.report_format, "text or json")->check(CLI::IsMember({ "text", "json" }));
    run->add_flag("--report-handled", options.report_handled, "Accesses whose SIGBUS the program handles are told too");
    run->add_option("--suppressions", options.suppressions, "A file that says which reports are not wanted");
    run->add_option("--error-exitcode", options.error_exitcode, "The exit status when something was reported")->check(CLI::Range(1, 255));
    run->add_option("--inject", options.inject, "A fault on demand, repeatable, as eagain:every=3 or seed=7: docs/inject.md; also GMEM_INJECT")->allow_extra_args(false);
    run->add_option("--stats", options.stats_file, "At the end the session's figures, to standard error, or with --stats=FILE to a file: docs/stats.md")->expected(0, 1);
    run->add_option("--stats-format", options.stats_format, "text, json or prometheus; by the file's name when not given: .json, .prom");
    run->add_option("--uapi", options.uapi, "Version of the proposal: mainline, v8, may1, rfc-v5, rfc-v4 or feb; also GMEM_UAPI");
    run->add_option("--uapi-option", options.uapi_options, "NAME=VALUE, repeatable: no-policy=zero|refused, capability=NUMBER; also GMEM_UAPI_OPTIONS")->allow_extra_args(false);
    run->add_option("--platform", options.platform, "auto (by VM type), sw_protected, snp, tdx, pkvm or cca; also GMEM_PLATFORM");
    run->add_option("--platform-option", options.platform_options, "NAME=VALUE, repeatable: what a platform leaves open, as tdx-removed=noise; also GMEM_PLATFORM_OPTIONS")->allow_extra_args(false);
}

// The words of the program belong to the program: they are taken away before anybody parses them. "--" may be left out where the
// program's name cannot be mistaken for an option or an option's value.
bool takes_a_value(std::string_view word)
{
    for (auto const *known : { "--window-engine", "--window-opening", "--peer-timeout", "--in-place", "--vm-attributes", "--vcpu", "--processor", "--measurement", "--trace", "--observe", "--report", "--report-file", "--report-format", "--suppressions", "--error-exitcode", "--inject", "--stats-format", "--uapi", "--uapi-option", "--platform", "--platform-option" })
        if (word == known)
            return true;
    return false;
}

std::vector<std::string> take_command(int &argc, char **argv)
{
    if (argc < 2 || std::string_view { argv[1] } != "run")
        return {};
    int at { 2 };
    while (at < argc && argv[at][0] == '-' && std::string_view { argv[at] } != "--") {
        std::string_view const word { argv[at] };
        at += takes_a_value(word) ? 2 : 1;
    }
    int const ours { at < argc ? at : argc };
    if (at < argc && std::string_view { argv[at] } == "--")
        ++at;
    std::vector<std::string> command;
    for (; at < argc; ++at)
        command.emplace_back(argv[at]);
    argc = ours;
    return command;
}

int complain(char const *sentence, int status)
{
    std::cerr << "gmem: " << sentence << "\n";
    return status;
}

} // namespace

int main(int argc, char **argv)
{
    CLI::App app { "guest_memfd with in-place shared/private conversion, in userspace" };
    app.name("gmem");
    app.set_version_flag("--version", std::string { "gmem " } + gmem_version());
    gmem::cli::RunOptions options;
    add_run(app, options);
    bool as_json { false };
    auto *const doctor { app.add_subcommand("doctor", "Says what this host offers and what follows from it") };
    doctor->add_flag("--json", as_json, "The same for programs");
    gmem::cli::MeasureCommand const measure { app };
    gmem::cli::PlayCommand const play { app };
    gmem::cli::MatrixCommand const matrix { app };
    gmem::cli::TraceCommand const trace { app };
    gmem::cli::CheckCommand const check { app };
    gmem::cli::PictureCommand const picture { app };
    gmem::cli::StatsCommand const stats { app };
    gmem::cli::TopCommand const top { app };

    if (argc < 2) {
        std::cerr << app.help();
        return usage_error;
    }
    options.command = take_command(argc, argv);
    try {
        app.parse(argc, argv);
    } catch (CLI::Success const &wanted) { // --help, --version
        return app.exit(wanted);
    } catch (CLI::Error const &e) {
        return complain(e.what(), app.got_subcommand("run") ? gmem::cli::cannot_run : usage_error);
    }
    if (app.got_subcommand(doctor))
        return gmem::cli::doctor(as_json);
    if (measure.wanted())
        return measure.run();
    if (play.wanted())
        return play.run();
    if (matrix.wanted())
        return matrix.run();
    if (trace.wanted())
        return trace.run();
    if (check.wanted())
        return check.run();
    if (picture.wanted())
        return picture.run();
    if (stats.wanted())
        return stats.run();
    if (top.wanted())
        return top.run();
    if (app.got_subcommand("run")) {
        if (options.command.empty())
            return complain("run needs a program: gmem run -- PROGRAM", gmem::cli::cannot_run);
        options.stats = app.get_subcommand("run")->count("--stats") != 0;
        return gmem::cli::run(options);
    }
    return complain("the subcommands are run, doctor, measure, matrix, play, trace, check, report, stats and top; see gmem --help", usage_error);
}
