#!/usr/bin/env python3
"""The launch digest (SNP) or MRTD (TDX) that a launch of a firmware image by QEMU must have: computed from the image alone, without gmem.

    expected-digest.py snp OVMF.fd [--vcpus=N] [--signature=0x800f12] [--features=0x1] [--words=FOLDER]
    expected-digest.py tdx OVMF.fd [--words=FOLDER]

It prints the digest and the number of pages. --signature is RDX at the first instruction (EAX of the CPU model's leaf 1), --features SEV_FEATURES of a
VMSA. --words=FOLDER also writes FOLDER/words, the same launch in the words of `gmem measure`, and the files that these name.

Layouts: AMD's SNP firmware ABI (SNP_LAUNCH_UPDATE, PAGE_INFO) and APM volume 2, appendix B (VMSA); Intel's TDX module (MRTD) and TDVF design guide; the table of
GUIDs at the end of an OVMF image. Only the standard library.
"""
import hashlib
import struct
import sys
import uuid

PAGE = 4096
FOOTER = uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d")
SEV_METADATA = uuid.UUID("dc886566-984a-4798-a75e-5585a7bf67cc")
TDX_METADATA = uuid.UUID("e47a6535-984a-4798-865e-4685a7bf8ec2")
SEV_AP_RESET = uuid.UUID("00f771de-1a7e-4fcb-890e-68c77e2fb44e")


def guid_table(image):
    """Entries lie before the footer, which ends 32 bytes before the image does: data, u16 length of all of the entry, GUID."""
    end = len(image) - 32
    length, = struct.unpack_from("<H", image, end - 18)
    if uuid.UUID(bytes_le=image[end - 16:end]) != FOOTER:
        sys.exit("expected-digest: this image has no table of GUIDs at its end: no OVMF")
    entries, at = {}, end - 18
    while at > end - length:
        size, = struct.unpack_from("<H", image, at - 18)
        entries[uuid.UUID(bytes_le=image[at - 16:at])] = image[at - size:at - 18]
        at -= size
    return entries


def metadata(image, guid, signature, layout):
    """What the entry's number of bytes before the end of the image points at: signature, length, version, count, and the sections."""
    table = guid_table(image)
    if guid not in table:
        sys.exit("expected-digest: this image has no %s metadata" % signature.decode())
    at = len(image) - struct.unpack("<I", table[guid])[0]
    found, _, _, count = struct.unpack_from("<4sIII", image, at)
    if found != signature:
        sys.exit("expected-digest: the metadata begins with %r instead of %r" % (found, signature))
    size = struct.calcsize(layout)
    return [struct.unpack_from(layout, image, at + 16 + i * size) for i in range(count)]


def ap_reset(image):
    """Where the vCPUs after the first begin: CS base and RIP."""
    address, = struct.unpack("<I", guid_table(image)[SEV_AP_RESET])
    return address & 0xffff0000, address & 0xffff


def vmsa(cs_base, rip, rdx, features):
    page = bytearray(PAGE)

    def segment(at, selector, attributes, limit, base=0):
        struct.pack_into("<HHIQ", page, at, selector, attributes, limit, base)

    data = 0x93
    for at in (0x00, 0x20, 0x30, 0x40, 0x50):  # ES, SS, DS, FS, GS
        segment(at, 0, data, 0xffff)
    segment(0x10, 0xf000, 0x9b, 0xffff, cs_base)
    segment(0x60, 0, 0, 0xffff)     # GDTR
    segment(0x70, 0, 0x82, 0xffff)  # LDTR
    segment(0x80, 0, 0, 0xffff)     # IDTR
    segment(0x90, 0, 0x8b, 0xffff)  # TR
    for at, value in ((0xd0, 0x1000), (0x148, 0x40), (0x158, 0x10), (0x160, 0x400), (0x168, 0xffff0ff0), (0x170, 2), (0x178, rip),
                      (0x268, 0x0007040600070406), (0x310, rdx), (0x3b0, features), (0x3e8, 1)):
        struct.pack_into("<Q", page, at, value)  # EFER, CR4, CR0, DR7, DR6, RFLAGS, RIP, PAT, RDX, SEV_FEATURES, XCR0
    struct.pack_into("<I", page, 0x408, 0x1f80)  # MXCSR
    struct.pack_into("<H", page, 0x410, 0x37f)   # FCW
    return bytes(page)


def snp_pages(image, vcpus, signature, features):
    """(type, gpa, bytes or None) in the order of the launch: the image, the sections, the vCPUs."""
    base = (1 << 32) - len(image)
    for at in range(0, len(image), PAGE):
        yield "normal", base + at, image[at:at + PAGE]
    kinds = {1: "zero", 2: "secrets", 3: "cpuid", 4: "zero", 0x10: "zero"}  # 0x10: hashes of a kernel, where QEMU is not to write them
    for gpa, size, kind in metadata(image, SEV_METADATA, b"ASEV", "<III"):
        for at in range(gpa, gpa + size, PAGE):
            yield kinds[kind], at, None
    for i in range(vcpus):
        cs_base, rip = (0xffff0000, 0xfff0) if i == 0 else ap_reset(image)
        yield "vmsa", 0xfffffffff000, vmsa(cs_base, rip, signature, features)


def snp_digest(pages):
    numbers = {"normal": 1, "vmsa": 2, "zero": 3, "unmeasured": 4, "secrets": 5, "cpuid": 6}
    digest = bytes(48)
    for kind, gpa, content in pages:
        of_content = hashlib.sha384(content).digest() if content else bytes(48)
        digest = hashlib.sha384(digest + of_content + struct.pack("<HBBBBBBQ", 0x70, numbers[kind], 0, 0, 0, 0, 0, gpa)).digest()
    return digest


def tdx_pages(image):
    """(gpa, bytes, measured) of each page, in the order of the metadata."""
    for offset, raw_size, gpa, size, _, attributes in metadata(image, TDX_METADATA, b"TDVF", "<IIQQII"):
        content = image[offset:offset + raw_size].ljust(size, b"\0")
        for at in range(0, size, PAGE):
            yield gpa + at, content[at:at + PAGE], bool(attributes & 1)


def tdx_digest(pages):
    digest = hashlib.sha384()

    def block(name, gpa):
        digest.update(name.ljust(16, b"\0") + struct.pack("<Q", gpa) + bytes(104))

    for gpa, content, measured in pages:
        block(b"MEM.PAGE.ADD", gpa)
        for at in range(0, PAGE if measured else 0, 256):
            block(b"MR.EXTEND", gpa + at)
            digest.update(content[at:at + 256])
    return digest.digest()


def write_words(folder, platform, pages):
    words = []
    for i, page in enumerate(pages):
        name = "%s/%s-page-%d" % (folder, platform, i)
        kind, gpa, content = page if platform == "snp" else ("tdx", page[0], page[1] if page[2] else None)
        if content is not None:
            with open(name, "wb") as file:
                file.write(content)
        if kind == "vmsa":
            words += ["--vmsa", name]
        elif kind == "tdx":
            words += ["--region", "0x%x:%s:measure" % (gpa, name) if content is not None else "0x%x+0x1000" % gpa]
        else:
            words += ["--page", "%s:0x%x%s" % (kind, gpa, ":" + name if kind == "normal" else "")]
    with open(folder + "/words", "w") as file:
        file.write("\n".join(words) + "\n")


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    options = dict(w[2:].split("=", 1) if "=" in w else (w[2:], "") for w in sys.argv[1:] if w.startswith("--"))
    if len(words) != 2 or words[0] not in ("snp", "tdx"):
        sys.exit(__doc__)
    with open(words[1], "rb") as file:
        image = file.read()
    if words[0] == "tdx":
        pages = list(tdx_pages(image))
        digest = tdx_digest(pages)
    else:
        pages = list(snp_pages(image, int(options.get("vcpus", "1")), int(options.get("signature", "0x800f12"), 0), int(options.get("features", "1"), 0)))
        digest = snp_digest(pages)
    print(digest.hex(), len(pages))
    if "words" in options:
        write_words(options["words"], words[0], pages)


main()
