"""In place against two sources, measured with the hogger's ping-pong: prints the table of docs/hogger.md and draws its plot.

Usage: hogger.py GMEM HOGGER [PLOT.svg]
"""
import subprocess
import sys

SECONDS = 1  # and at least one round of half the guest
ROUNDS = 3  # in turns, because other programs come and go: the median of each figure. Times are processor time of the thread that converts
VCPUS = (1, 2, 4)
SIZES = (64, 256)
WAYS = (
    ("in place", [], []),
    ("in place, huge pages", ["--hugepages=on"], []),
    ("two sources, punching", ["--in-place=off"], ["--mode=two-source"]),
    ("two sources, keeping", ["--in-place=off"], ["--mode=two-source", "--punch=off"]),
    ("two sources, keeping, not populated", ["--in-place=off"], ["--mode=two-source", "--punch=off", "--populate=off"]),
)
COLOURS = ("#1b7f5c", "#7fc6a4", "#b5432a", "#2f5d9b", "#8a8a8a")


def measure(gmem, hogger, options, arguments, vcpus, size):
    command = [gmem, "run", *options, "--", hogger, "--work=ping-pong", "--figures=on", f"--seconds={SECONDS}", f"--vcpus={vcpus}", f"--size={size}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if run.returncode:
        sys.exit(f"{' '.join(command)}: exit status {run.returncode}: {run.stderr.strip()}")
    return {name: int(value) for name, value in (word.split("=") for word in run.stdout.split())}


def median(runs, figure):
    values = sorted(figure(run) for run in runs)
    return values[len(values) // 2]


def row(runs):
    return {
        "per_second": median(runs, lambda f: 2e9 / f["pair"]),
        "without_ioctl": median(runs, lambda f: (f["pair"] - f["pair_ioctl"]) / 2e3),
        "ioctl": median(runs, lambda f: f["pair_ioctl"] / 2e3),
        "peak": median(runs, lambda f: f["peak"] / (1 << 20)),
        "faults": median(runs, lambda f: f["faults"] / f["conversions"]),
        "copied": median(runs, lambda f: f["copied"] / f["conversions"] / (1 << 20)),
    }


def short(value):
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}"


def bars(title, unit, figure, table, x):
    """One panel: a group of bars for each (vCPUs, size), a bar for each way."""
    top, bottom, width = 60, 300, 430
    most = max(figure(table[key]) for key in table)
    out = [f'<text x="{x}" y="40" font-weight="bold">{title}</text><text x="{x}" y="{bottom + 50}" fill="#555">{unit}</text>']
    groups, labels = [(v, s) for s in SIZES for v in VCPUS], []
    each = width / len(groups)
    for g, (vcpus, size) in enumerate(groups):
        left = x + g * each
        for w in range(len(WAYS)):
            value = figure(table[vcpus, size, w])
            height = max(1, (bottom - top) * value / most)
            at, wide = left + w * (each - 6) / len(WAYS), (each - 10) / len(WAYS)
            out.append(f'<rect x="{at:.1f}" y="{bottom - height:.1f}" width="{wide:.1f}" height="{height:.1f}" fill="{COLOURS[w]}"/>')
            labels.append(f'<text x="{at + wide / 2:.1f}" y="{bottom - height - 3:.1f}" font-size="6.5" text-anchor="middle">{short(value)}</text>')
        out.append(f'<text x="{left:.1f}" y="{bottom + 16}" font-size="10">{vcpus} vCPU{"s" if vcpus > 1 else ""}</text><text x="{left:.1f}" y="{bottom + 29}" font-size="10">{size} MiB</text>')
    out.append(f'<line x1="{x}" y1="{bottom}" x2="{x + width}" y2="{bottom}" stroke="#333"/>')
    return out + labels  # over the bars of their neighbours


def plot(table, path):
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="1010" height="400" font-family="sans-serif" font-size="12">', '<rect width="1010" height="400" fill="white"/>']
    out += bars("Conversions of 2 MiB in a second of the VMM's processor time", "more is better", lambda r: r["per_second"], table, 30)
    out += bars("Memory high-water mark, in hundredths of the guest's size", "less is better; half of the guest ping-pongs", lambda r: 100 * r["peak"] / r["size"], table, 510)
    for w, (name, _, _) in enumerate(WAYS):
        out.append(f'<rect x="{30 + w * 190}" y="372" width="12" height="12" fill="{COLOURS[w]}"/><text x="{48 + w * 190}" y="383" font-size="11">{name}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


def main(gmem, hogger, path=None):
    table = {}
    print("| vCPUs, guest | | conversions of 2 MiB in a second of processor time | each, in the ioctl: us | each, beside it: us | in place is as fast | without the other's ioctl | in huge pages | high-water mark, MiB | in place has of that | page faults each | copied each, MiB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for size in SIZES:
        for vcpus in VCPUS:
            runs = [[] for _ in WAYS]
            for _ in range(ROUNDS):
                for w, (_, options, arguments) in enumerate(WAYS):
                    runs[w].append(measure(gmem, hogger, options, arguments, vcpus, size))
            for w, (name, _, _) in enumerate(WAYS):
                r = table[vcpus, size, w] = row(runs[w]) | {"size": size}
                first, huge = table[vcpus, size, 0], table.get((vcpus, size, 1))
                faster = f"{first['per_second'] / r['per_second']:.1f} times | {first['per_second'] * r['without_ioctl'] / 1e6:.1f} times | {huge['per_second'] / r['per_second']:.1f} times" if w > 1 else " | | "
                share = f"{first['peak'] / r['peak']:.2f}" if w else ""
                print(f"| {vcpus}, {size} MiB | {name} | {r['per_second']:.0f} | {r['ioctl']:.0f} | {r['without_ioctl']:.0f} | {faster} | {r['peak']:.1f} | {share} | {r['faults']:.0f} | {r['copied']:.1f} |", flush=True)
    if path:
        plot(table, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
