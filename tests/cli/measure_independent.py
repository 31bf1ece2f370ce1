"""Launches of random shapes, measured by `gmem measure` and by hashlib from the structures as the vendors describe them.
Usage: measure_independent.py GMEM, in a folder that may be written to."""
import hashlib
import os
import random
import subprocess
import sys

GMEM = sys.argv[1]
PAGE = 4096


def little(value, size):
    return value.to_bytes(size, "little")


def at(size, **fields):
    """A structure of zeros with fields at offsets: at(16, x8=b"..") puts them at 8 (hexadecimal)."""
    out = bytearray(size)
    for place, value in fields.items():
        start = int(place[1:], 16)
        out[start:start + len(value)] = value
    return bytes(out)


def pages_of(data):
    for offset in range(0, len(data), PAGE):
        yield offset, data[offset:offset + PAGE].ljust(PAGE, b"\0")


def snp(steps):
    sha, chain = lambda b: hashlib.sha384(b).digest(), bytes(48)
    for kind, gpa, page in steps:
        info = at(0x70, x0=chain, x30=sha(page) if kind in (1, 2) else b"", x60=little(0x70, 2), x62=little(kind, 1), x68=little(gpa, 8))
        chain = sha(info)
    return chain.hex()


def tdx(steps):
    running = hashlib.sha384()
    for gpa, page, measured in steps:
        running.update(at(128, x0=b"MEM.PAGE.ADD", x10=little(gpa, 8)))
        for chunk in range(0, PAGE if measured else 0, 256):
            running.update(at(128, x0=b"MR.EXTEND", x10=little(gpa + chunk, 8)) + page[chunk:chunk + 256])
    return running.hexdigest()


class Realm:
    def __init__(self, name):
        self.name, self.chain = name, bytes(hashlib.new(name).digest_size)

    def sha(self, data):
        return hashlib.new(self.name, data).digest()

    def descriptor(self, kind, **fields):
        self.chain = self.sha(at(256, x0=little(kind, 1), x8=little(256, 8), x10=self.chain, **fields))


def measured_by_gmem(*words):
    done = subprocess.run([GMEM, "measure", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def compare(words, expected):
    got = measured_by_gmem(*words)
    if got != expected:
        sys.exit(f"gmem measure {' '.join(words)}\n  says {got}\n  not  {expected}")


def file_of(rng, number):
    data = rng.randbytes(rng.choice([1, 255, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE]))
    name = f"image{number}"
    with open(name, "wb") as file:
        file.write(data)
    return name, data


def address(rng):
    return rng.randrange(1 << rng.choice([8, 20, 36])) * PAGE


def written(rng, value):
    return rng.choice([str, hex])(value)


def one_snp(rng):
    words, steps = [], []
    for n in range(rng.randrange(1, 8)):
        gpa, kind = address(rng), rng.choice([1, 2, 3, 4, 5, 6])
        if kind == 1:
            name, data = file_of(rng, n)
            words += ["--page", f"normal:{written(rng, gpa)}:{name}"]
            steps += [(1, gpa + offset, page) for offset, page in pages_of(data)]
        elif kind == 2:
            name, data = file_of(rng, n)
            data = data[:PAGE]
            with open(name, "wb") as file:
                file.write(data)
            elsewhere = rng.random() < 0.5
            words += ["--vmsa", f"{name}:{hex(gpa)}" if elsewhere else name]
            steps += [(2, gpa if elsewhere else 0xFFFFFFFFF000, data.ljust(PAGE, b"\0"))]
        else:
            count = rng.randrange(1, 5)
            name = {3: "zero", 4: "unmeasured", 5: "secrets", 6: "cpuid"}[kind]
            words += ["--page", f"{name}:{written(rng, gpa)}+{written(rng, count * PAGE)}"]
            steps += [(kind, gpa + i * PAGE, b"") for i in range(count)]
    compare(["snp", *words], snp(steps))


def one_tdx(rng):
    words, steps = [], []
    for n in range(rng.randrange(1, 6)):
        gpa, measured = address(rng), rng.random() < 0.7
        name, data = file_of(rng, n)
        words += ["--region", f"{written(rng, gpa)}:{name}{':measure' if measured else ''}"]
        steps += [(gpa + offset, page, measured) for offset, page in pages_of(data)]
    compare(["tdx", *words], tdx(steps))


def one_cca(rng):
    realm = Realm(rng.choice(["sha256", "sha512"]))
    words = ["cca", "--hash", realm.name]
    if rng.random() < 0.7:
        flags, s2sz, sve, bps, wps, counters = rng.randrange(1 << 64), *(rng.randrange(256) for _ in range(5))
        words += ["--realm", f"flags={flags},s2sz={s2sz},sve_vl={sve},num_bps={bps},num_wps={wps},pmu_num_ctrs={counters}"]
        algorithm = little(realm.name == "sha512", 1)
        realm.chain = realm.sha(at(PAGE, x0=little(flags, 8), x8=little(s2sz, 1), x10=little(sve, 1), x18=little(bps, 1), x20=little(wps, 1), x28=little(counters, 1), x30=algorithm))
    for n in range(rng.randrange(1, 7)):
        kind, ipa = rng.choice(["data", "unmeasured", "ripas", "rec"]), address(rng)
        if kind == "data":
            name, data = file_of(rng, n)
            words += ["--data", f"{written(rng, ipa)}:{name}"]
            for offset, page in pages_of(data):
                realm.descriptor(0, x50=little(ipa + offset, 8), x58=little(1, 8), x60=realm.sha(page))
        elif kind == "unmeasured":
            count = rng.randrange(1, 4)
            words += ["--unmeasured", f"{written(rng, ipa)}+{written(rng, count * PAGE)}"]
            for i in range(count):
                realm.descriptor(0, x50=little(ipa + i * PAGE, 8))
        elif kind == "ripas":
            top = ipa + rng.randrange(1, 512) * PAGE
            words += ["--ripas", f"{written(rng, ipa)}:{written(rng, top)}"]
            realm.descriptor(2, x50=little(ipa, 8), x58=little(top, 8))
        else:
            start, register, runnable = rng.randrange(1 << 64), rng.randrange(8), rng.random() < 0.7
            words += ["--rec", f"pc={written(rng, start)},x{register}={written(rng, ipa)}" + ("" if runnable else ",flags=0")]
            if runnable:
                parameters = at(PAGE, x0=little(1, 8), x200=little(start, 8), **{f"x{0x300 + 8 * register:x}": little(ipa, 8)})
                realm.descriptor(1, x50=realm.sha(parameters))
    compare(words, realm.chain.hex())


seed = int(os.environ.get("GMEM_SEED", "4"))
generator = random.Random(seed)
for _ in range(25):
    one_snp(generator)
    one_tdx(generator)
    one_cca(generator)
print(f"75 launches agree (seed {seed})")
