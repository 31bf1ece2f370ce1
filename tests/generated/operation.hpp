#pragma once
// What a generated sequence is made of. Every operation is numbers only, prints itself as C++, and means something in every state:
// files, windows and VMs are named by an index that wraps around, so that a sequence stays a sequence when others are taken out.

#include <cstdint>
#include <ostream>
#include <tuple>
#include <variant>
#include <vector>

namespace gmem::generated {

using Number = std::uint64_t;

#define GMEM_OPERATION(type, ...)                     \
    static constexpr char const *name { #type };      \
    auto fields() { return std::tie(__VA_ARGS__); }   \
    auto fields() const { return std::tie(__VA_ARGS__); }

struct CreateVm final {
    Number type;
    GMEM_OPERATION(CreateVm, type)
};
struct CloseVm final {
    Number vm;
    GMEM_OPERATION(CloseVm, vm)
};
struct Create final {
    Number vm, size, flags;
    GMEM_OPERATION(Create, vm, size, flags)
};
struct Duplicate final {
    Number file;
    GMEM_OPERATION(Duplicate, file)
};
struct Close final {
    Number file;
    GMEM_OPERATION(Close, file)
};
struct Convert final {
    Number file, offset, size, attributes, flags, reserved; // `reserved`: 0, or which word is not zero, from 1
    GMEM_OPERATION(Convert, file, offset, size, attributes, flags, reserved)
};
struct Fallocate final {
    Number file, mode, offset, length;
    GMEM_OPERATION(Fallocate, file, mode, offset, length)
};
struct Map final {
    Number file, offset, length, shared, executable;
    GMEM_OPERATION(Map, file, offset, length, shared, executable)
};
struct Unmap final {
    Number window, first, pages;
    GMEM_OPERATION(Unmap, window, first, pages)
};
struct Read final {
    Number window, offset;
    GMEM_OPERATION(Read, window, offset)
};
struct Write final {
    Number window, offset, value;
    GMEM_OPERATION(Write, window, offset, value)
};
struct KernelRead final { // a system call takes bytes from the window
    Number window, offset, length;
    GMEM_OPERATION(KernelRead, window, offset, length)
};
struct KernelWrite final { // a system call puts one byte there
    Number window, offset, value;
    GMEM_OPERATION(KernelWrite, window, offset, value)
};
struct GuestWrite final {
    Number file, offset, value;
    GMEM_OPERATION(GuestWrite, file, offset, value)
};
struct GuestTouch final { // a guest loads a byte, or stores a value, at a guest address
    Number vm, gpa, store, value;
    GMEM_OPERATION(GuestTouch, vm, gpa, store, value)
};
struct Pin final {
    Number window, page, pages;
    GMEM_OPERATION(Pin, window, page, pages)
};
struct Unpin final {
    Number pin;
    GMEM_OPERATION(Unpin, pin)
};
struct Memslot final { // `named`: 0 not open, 1 something else, 2 the file
    Number vm, version, slot, flags, gpa, size, address, offset, named, file;
    GMEM_OPERATION(Memslot, vm, version, slot, flags, gpa, size, address, offset, named, file)
};
struct Capability final {
    Number system, vm, which;
    GMEM_OPERATION(Capability, system, vm, which)
};
struct VmAttributes final {
    Number vm, attributes;
    GMEM_OPERATION(VmAttributes, vm, attributes)
};
struct Refused final {
    Number file, what;
    GMEM_OPERATION(Refused, file, what)
};
struct Stat final {
    Number file;
    GMEM_OPERATION(Stat, file)
};
struct InChild final { // a forked child does one thing and leaves. `what`: 0 read, 1 write, 2 to-private, 3 to-shared, 4 punch
    Number window, what, page, pages, value;
    GMEM_OPERATION(InChild, window, what, page, pages, value)
};

struct Bind final { // mbind; answers are read back
    Number window, page, pages, mode, nodes, flags;
    GMEM_OPERATION(Bind, window, page, pages, mode, nodes, flags)
};
struct Fork final { // a process that lives on, forked from the driver (0) or from another one
    Number from;
    GMEM_OPERATION(Fork, from)
};
struct Pass final { // a descriptor, over a socket
    Number peer, file;
    GMEM_OPERATION(Pass, peer, file)
};
struct InPeer final { // `what`: 0 read, 1 write, 2 pin, 3 unmap; by file: 4 to-private, 5 to-shared, 6 punch, 7 map, 8 close, 9 convert and be killed meanwhile
    Number peer, what, which, page, pages, value;
    GMEM_OPERATION(InPeer, peer, what, which, page, pages, value)
};
struct EndPeer final { // `how`: 0 it leaves, 1 it is killed, 2 it is killed and the next operation does not wait for its end
    Number peer, how;
    GMEM_OPERATION(EndPeer, peer, how)
};

using Operation = std::variant<CreateVm, CloseVm, Create, Duplicate, Close, Convert, Fallocate, Map, Unmap, Read, Write, KernelRead, KernelWrite, GuestWrite,
    GuestTouch, Pin, Unpin, Memslot, Capability, VmAttributes, Refused, Stat, InChild, Bind, Fork, Pass, InPeer, EndPeer>;
using Sequence = std::vector<Operation>;

// "Convert{0, 4096, 8192, 8, 0, 0}"
std::ostream &operator<<(std::ostream &o, Operation const &op);

// A test body that compiles and repeats the sequence.
void print_as_test(Sequence const &list, std::ostream &o);

// The same operation with smaller numbers, one at a time: what a counterexample is made simpler with.
std::vector<Operation> simpler(Operation const &op);

} // namespace gmem::generated
