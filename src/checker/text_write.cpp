#include "checker/text.hpp"
#include "checker/words.hpp"

#include <cstring>
#include <fmt/format.h>

namespace gmem::checker {
namespace {

using observe::Field;
using observe::Form;

void add(std::string &line, Field const &f, std::uint64_t value)
{
    if (f.form == Form::unused || f.form == Form::text || value == 0)
        return;
    if (f.form == Form::page_attribute)
        line += fmt::format(" {}=private", f.name);
    else if (f.form == Form::word && value < f.word_count)
        line += fmt::format(" {}={}", f.name, f.words[value]);
    else if (f.form == Form::number || f.form == Form::word)
        line += fmt::format(" {}={}", f.name, value);
    else
        line += fmt::format(" {}={:#x}", f.name, value);
}

std::string quoted(std::string_view text)
{
    std::string out;
    for (char const c : text)
        if (c < ' ' || c == '"' || c == '\\' || c == 127)
            out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            out += c;
    return out;
}

std::string result_word(std::int32_t result)
{
    auto const *const name { result < 0 && result > -4096 ? strerrorname_np(-result) : nullptr };
    return name ? name : std::to_string(result);
}

} // namespace

std::string to_text(Facts const &f, std::uint64_t missing)
{
    auto line { fmt::format("trace from={} order={} pins={} effects={} uapi={}", f.from_beginning ? "beginning" : "middle", name_of(f.order), f.all_pins ? "all" : "some", f.all_effects ? "all" : "some", name_of(f.profile)) };
    if (f.in_place)
        line += fmt::format(" in_place={}", *f.in_place ? "on" : "off");
    if (f.vm_attributes)
        line += fmt::format(" vm_attributes={}", *f.vm_attributes ? "on" : "off");
    return line + fmt::format(" missing={}", missing);
}

std::string to_text(Step const &s)
{
    auto const &e { s.event };
    auto const &words { observe::words_of(e.kind) };
    std::string line { words.name };
    line += fmt::format(" event={} time={}", s.number, e.time);
    add(line, { "duration", Form::number }, e.duration);
    line += fmt::format(" process={} thread={}", e.process, e.thread);
    add(line, { "file", Form::number }, e.file);
    add(line, { "offset", Form::hexadecimal }, e.offset);
    add(line, { "size", Form::hexadecimal }, e.size);
    add(line, words.detail, e.detail);
    add(line, words.value, e.value);
    for (std::size_t i { 0 }; i < words.more.size(); ++i)
        add(line, words.more[i], e.more[i]);
    if (!s.arguments_known)
        line += " arguments=unknown";
    if (!s.name.empty())
        line += fmt::format(" name=\"{}\"", quoted(s.name));
    if (e.result != 0)
        line += fmt::format(" result={}", result_word(e.result));
    add(line, words.at, e.at);
    return line;
}

} // namespace gmem::checker
