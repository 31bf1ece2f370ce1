#include "memory/control_block.hpp"

#include "memory/hidden_file.hpp"
#include "os/mapping_calls.hpp"

namespace gmem::memory {

std::size_t ControlBlock::bytes(PageNo pages) noexcept { return page_size + AttributeMap::layout(pages).total_bytes; }

Result<ControlBlock> ControlBlock::create(PageNo pages, Attribute initial) noexcept
{
    ControlBlock block;
    block.pages_ = pages;
    GMEM_TRY(file, create_hidden_file("gmem-control", Bytes { bytes(pages) }));
    block.file_ = file;

    auto const eager { page_size + AttributeMap::layout(pages).eager_bytes };
    auto const reserved { os::Helper::call(SYS_fallocate, file, 0, 0, eager) };
    if (os::failed(reserved)) {
        close_hidden_file(file);
        return Error::of(Why::no_memory, "control.eager");
    }
    auto mapped { os::map_hidden(file, 0, bytes(pages), PROT_READ | PROT_WRITE, 0, Bytes { 0 }) };
    if (!mapped) {
        close_hidden_file(file);
        return mapped.error();
    }
    block.base_ = reinterpret_cast<std::byte *>(std::move(mapped).take());
    // Not in core files: sparse, and of no use there.
    (void)os::advise({ reinterpret_cast<std::uintptr_t>(block.base_), reinterpret_cast<std::uintptr_t>(block.base_) + bytes(pages) }, MADV_DONTDUMP);

    block.header().magic = ControlHeader::expected_magic;
    block.header().pages = pages.index();
    block.attributes().initialise(initial);
    return block;
}

void ControlBlock::destroy() noexcept
{
    auto const begin { reinterpret_cast<std::uintptr_t>(base_) };
    os::unmap({ begin, begin + bytes(pages_) });
    close_hidden_file(file_);
    base_ = nullptr;
}

Status ControlBlock::stage(PageRange r) noexcept
{
    auto const make_resident { [this](std::size_t offset, std::size_t length) noexcept {
        return !os::failed(os::Helper::call(SYS_fallocate, file_, 0, page_size + offset, length));
    } };
    if (!attributes().stage(r, make_resident))
        return Error::at_page(Why::no_memory, r.first(), "control.stage");
    return Ok {};
}

} // namespace gmem::memory
