#include "observe/session.hpp"

#include "observe/clock.hpp"
#include "observe/inject.hpp"
#include "observe/log_reader.hpp"
#include "observe/recording.hpp"
#include "observe/who.hpp"
#include "os/syscall.hpp"

#include <climits>
#include <cstring>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace gmem::observe {
namespace {

std::span<std::byte const> bytes_of(std::string_view text) noexcept { return { reinterpret_cast<std::byte const *>(text.data()), text.size() }; }

// The executable's name, which the dynamic linker does not tell.
std::string_view own_name(char (&buffer)[PATH_MAX]) noexcept
{
    auto const length { os::system_call(SYS_readlink, "/proc/self/exe", buffer, sizeof buffer) };
    return os::failed(length) ? std::string_view {} : std::string_view { buffer, static_cast<std::size_t>(length) };
}

Event event_of(Kind k) noexcept
{
    auto const [process, thread] { who() };
    Event e;
    e.kind = k;
    e.process = process;
    e.thread = thread;
    return e;
}

void note_process(Arrival how) noexcept
{
    char buffer[PATH_MAX];
    auto const name { own_name(buffer) };
    auto e { event_of(Kind::process) };
    e.time = now();
    e.detail = static_cast<std::uint8_t>(how);
    e.more = { static_cast<std::uint64_t>(os::system_call(SYS_getppid)), name.size() };
    (void)Log::append(e, bytes_of(name));
}

int note_module(dl_phdr_info *module_, std::size_t, void *) noexcept
{
    char buffer[PATH_MAX];
    std::string_view name { module_->dlpi_name ? module_->dlpi_name : "" };
    if (name.empty())
        name = own_name(buffer);
    for (int i { 0 }; i < module_->dlpi_phnum; ++i) {
        auto const &part { module_->dlpi_phdr[i] };
        if (part.p_type != PT_LOAD || !(part.p_flags & PF_X))
            continue;
        auto e { event_of(Kind::module_) };
        e.time = now();
        e.offset = module_->dlpi_addr;
        e.more = { module_->dlpi_addr + part.p_vaddr, name.size(), module_->dlpi_addr + part.p_vaddr + part.p_memsz, part.p_offset };
        (void)Log::append(e, bytes_of(name));
    }
    return 0;
}

} // namespace

void Session::join(char const *path) noexcept
{
    if (!path || !*path || Log::on())
        return;
    auto const fd { static_cast<int>(os::system_call(SYS_open, path, O_RDWR | O_CLOEXEC)) };
    if (os::failed(fd))
        return;
    struct stat facts {};
    auto mapped { os::system_call(SYS_fstat, fd, &facts) };
    auto const size { static_cast<std::size_t>(facts.st_size) };
    if (!os::failed(mapped) && size >= slots_at)
        mapped = os::system_call(SYS_mmap, nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    os::system_call(SYS_close, fd);
    if (os::failed(mapped) || mapped == 0)
        return;
    auto *const begin { reinterpret_cast<std::byte *>(mapped) };
    auto const log { LogReader::open({ begin, size }) };
    if (!log || bytes_of_log(log.value().header().capacity) > size) {
        os::system_call(SYS_munmap, begin, size);
        return;
    }
    Log::use(begin);
    Inject::use(*Log::header());
    note_process(Arrival::began);
    note_modules();
}

void Session::continue_in_child() noexcept
{
    forget_who();
    if (!Log::on())
        return;
    Log::use(reinterpret_cast<std::byte *>(Log::header())); // page tables are not inherited
    note_process(Arrival::forked);
}

void Session::note_modules() noexcept
{
    if (Log::on())
        dl_iterate_phdr(&note_module, nullptr);
}

} // namespace gmem::observe
