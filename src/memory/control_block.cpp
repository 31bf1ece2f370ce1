#include "memory/control_block.hpp"

#include "memory/hidden_file.hpp"
#include "os/mapping_calls.hpp"

namespace gmem::memory {

std::size_t ControlBlock::bytes(PageNo pages) noexcept { return extents_at(pages) + ExtentMap::total_bytes(pages); }

Result<ControlBlock> ControlBlock::create(PageNo pages, Attribute initial, bool huge_pages) noexcept
{
    ControlBlock block;
    block.pages_ = pages;
    GMEM_TRY(file, create_hidden_file("gmem-control", Bytes { bytes(pages) }));
    block.file_ = file;

    auto const eager { page_size + AttributeMap::layout(pages).eager_bytes };
    auto const reserve { [file](std::size_t offset, std::size_t length) noexcept { return length == 0 || !os::failed(os::Helper::call(SYS_fallocate, file, 0, offset, length)); } };
    auto const extents { [&reserve, pages](std::size_t offset, std::size_t length) noexcept { return reserve(extents_at(pages) + offset, length); } };
    if (!reserve(0, eager) || (huge_pages && !ExtentMap::reserve_eager(pages, extents))) {
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
    block.header().huge_pages = huge_pages;
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

bool ControlBlock::stage_extents(PageRange r) noexcept
{
    return extents().stage(r, [this](std::size_t offset, std::size_t length) noexcept {
        return !os::failed(os::Helper::call(SYS_fallocate, file_, 0, extents_at(pages_) + offset, length));
    });
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
