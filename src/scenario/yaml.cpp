#include "scenario/yaml.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

namespace gmem::scenario {
namespace {

constexpr std::size_t largest_file { 1 << 20 };

std::string contents(std::string const &file)
{
    errno = 0;
    std::ifstream in { file, std::ios::binary };
    std::string text(largest_file + 1, '\0');
    if (in)
        in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || (!in && !in.eof()))
        throw Refusal { file, 0, errno ? std::strerror(errno) : "cannot be read" };
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > largest_file)
        throw Refusal { file, 0, "no scenario is larger than 1 MiB" };
    return text;
}

} // namespace

Yaml Yaml::load(std::string const &file)
{
    try {
        auto const documents { YAML::LoadAll(contents(file)) };
        if (documents.size() != 1)
            throw Refusal { file, 1, documents.empty() ? "the file is empty" : "one file is one scenario: there are several documents" };
        return Yaml { file, documents.front() };
    } catch (YAML::Exception const &e) {
        throw Refusal { file, e.mark.line + 1, "no YAML: " + e.msg };
    }
}

std::string const &Yaml::scalar(std::string const &what) const
{
    if (!node_.IsScalar() || node_.Scalar().empty())
        refuse(fmt::format("'{}' is one word or sentence", what));
    return node_.Scalar();
}

std::vector<std::pair<std::string, Yaml>> Yaml::map(std::string const &what) const
{
    if (!node_.IsMap())
        refuse(fmt::format("'{}' is a list of NAME: VALUE", what));
    std::vector<std::pair<std::string, Yaml>> entries;
    std::set<std::string> seen;
    for (auto const &entry : node_) {
        Yaml const key { *file_, entry.first };
        auto const &name { key.scalar("a name in " + what) };
        if (!seen.insert(name).second)
            key.refuse(fmt::format("'{}' is there twice", name));
        Yaml value { *file_, entry.second };
        if (entry.second.IsNull())
            key.refuse(fmt::format("'{}' has no value", name));
        entries.emplace_back(name, value);
    }
    return entries;
}

std::vector<Yaml> Yaml::list(std::string const &what) const
{
    std::vector<Yaml> items;
    if (node_.IsScalar())
        items.push_back(*this);
    else if (node_.IsSequence())
        for (auto const &item : node_)
            items.emplace_back(*file_, item);
    if (items.empty())
        refuse(fmt::format("'{}' is a list", what));
    return items;
}

std::string Yaml::brief() const
{
    if (node_.IsScalar())
        return node_.Scalar();
    YAML::Emitter out;
    out.SetMapFormat(YAML::Flow);
    out.SetSeqFormat(YAML::Flow);
    out << node_;
    std::string text { out.c_str() };
    for (auto &c : text)
        if (c == '\n')
            c = ' ';
    return text;
}

} // namespace gmem::scenario
