// What counts as a difference between the documented and the executed support table.

#include "cli/matrix_table.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <stdexcept>
#include <unistd.h>

using namespace gmem::cli;

namespace {

DocumentedFinding documented(char const *err, char const *host, char const *guest, char const *source = "somebody") { return { { err, host, guest }, source }; }

struct File final {
    explicit File(std::string const &text)
    {
        auto const fd { mkstemp(path) };
        EXPECT_GE(fd, 0);
        close(fd);
        std::ofstream { path } << text;
    }
    ~File() { std::remove(path); }
    char path[32] = "/tmp/matrix_table_XXXXXX";
};

std::string const heading { "platform,direction,mode,phase,uapi,errno,host_reads,guest_reads,source\n" };

} // namespace

TEST(Matrix, HasEveryCellOnce)
{
    auto const all { matrix_cells("", "") };
    EXPECT_EQ(all.size(), 480u);
    EXPECT_EQ((std::set<MatrixCell> { all.begin(), all.end() }.size()), 480u);
    EXPECT_EQ(matrix_cells("cca", "").size(), 96u);
    EXPECT_EQ(matrix_cells("", "feb").size(), 80u);
    EXPECT_EQ(matrix_cells("cca", "feb").size(), 16u);
}

TEST(Matrix, EachWordHasToBeEqual)
{
    MatrixFinding const executed { "0", "sigbus", "noise" };
    EXPECT_EQ(difference(executed, documented("0", "sigbus", "noise")), "");
    for (auto const &other : { documented("EINVAL", "sigbus", "noise"), documented("0", "zeros", "noise"), documented("0", "sigbus", "random"), documented("0", "sigbus", "noise", ""),
             documented("undefined", "sigbus", "noise") })
        EXPECT_NE(difference(executed, other), "") << other.finding.text();
    EXPECT_NE(difference(std::nullopt, documented("0", "sigbus", "noise")), "");
    EXPECT_NE(difference(executed, std::nullopt), "");
}

TEST(Matrix, UndefinedIsEverythingButTheGuestsBytesInTheHostsHands)
{
    for (auto const *found : { "host-bytes", "zeros", "noise", "random", "sigbus" })
        EXPECT_EQ(difference(MatrixFinding { "0", found, "zeros" }, documented("0", "undefined", "zeros")), "") << found;
    for (auto const *found : { "guest-bytes", "mixed" })
        EXPECT_NE(difference(MatrixFinding { "0", found, "zeros" }, documented("0", "undefined", "zeros")), "") << found;
    for (auto const *found : { "host-bytes", "guest-bytes", "zeros", "noise", "random", "mixed" })
        EXPECT_EQ(difference(MatrixFinding { "0", "sigbus", found }, documented("0", "sigbus", "undefined")), "") << found;
    EXPECT_NE(difference(MatrixFinding { "0", "sigbus", "-" }, documented("0", "sigbus", "undefined")), "");
    EXPECT_NE(difference(MatrixFinding { "0", "undefined", "zeros" }, documented("0", "sigbus", "zeros")), "");
}

TEST(Documented, LinesThatAreNoCellsAreNamed)
{
    File const file { "# about it\n" + heading + "snp,to-private,zero,running,feb,0,sigbus,noise,somebody\nsnp,to-private,zero,running,feb,0,sigbus,noise,somebody\n"
        "snp,to-private,zero,walking,feb,0,sigbus,noise,somebody\nsnp,to-private\n" };
    auto const table { DocumentedTable::read(file.path) };
    ASSERT_EQ(table.complaints.size(), 3u);
    EXPECT_NE(table.complaints[0].find(":4: snp to-private zero running feb: documented twice"), std::string::npos) << table.complaints[0];
    EXPECT_NE(table.complaints[1].find("walking"), std::string::npos);
    EXPECT_NE(table.complaints[2].find(":6: "), std::string::npos);
    ASSERT_EQ(table.cells.size(), 1u);
    EXPECT_EQ(table.cells.begin()->second.finding, (MatrixFinding { "0", "sigbus", "noise" }));
}

TEST(Documented, AnEmptySourceIsAField)
{
    File const file { heading + "snp,to-private,zero,running,feb,0,sigbus,noise,\n" };
    auto const table { DocumentedTable::read(file.path) };
    ASSERT_EQ(table.cells.size(), 1u);
    EXPECT_EQ(table.cells.begin()->second.source, "");
}

TEST(Documented, WhatIsNoTableIsRefused)
{
    for (auto const *text : { "", "# only words\n", "platform,direction\n", "snp,to-private,zero,running,feb,0,sigbus,noise,somebody\n" }) {
        File const file { text };
        EXPECT_THROW(DocumentedTable::read(file.path), std::runtime_error) << text;
    }
    EXPECT_THROW(DocumentedTable::read("/nowhere"), std::runtime_error);
}
