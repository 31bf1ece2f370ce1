"""Prints the tables of README.md from google-benchmark's JSON. Usage: table.py FOLDER"""
import json
import sys


def medians(path):
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)["benchmarks"]
    return {row["run_name"].removesuffix("/manual_time").removesuffix("/min_time:0.100").removesuffix("/min_time:0.200"): row for row in rows if row.get("aggregate_name") == "median" and "real_time" in row}


def size(n):
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if n >= unit:
            return f"{n // unit} {name}"
    return str(n)


def us(row):
    return f"{row['real_time']:.1f}" if row else "-"


def ratio(a, b):
    return f"{a['real_time'] / b['real_time']:.2f}" if a and b else "-"


folder = sys.argv[1]
conversion, overlay = medians(f"{folder}/conversion.json"), medians(f"{folder}/overlay.json")
huge = medians(f"{folder}/huge.json")
sizes = sorted({int(name.rsplit("/", 1)[1]) for name in conversion if not name.startswith("toggle/")})
print("Conversion pair, medians in microseconds; ratios are to the same run's kernel floor and two-source way.\n")
print("| bytes | installed + touch | native + touch | overlay + touch | kernel floor | two-source | installed / floor | installed / two-source | untouched |")
print("|---|---|---|---|---|---|---|---|---|")
for n in sizes:
    get = lambda name, table=conversion: table.get(f"{name}/{n}")
    print("|", " | ".join([size(n), us(get("gmem/installed")), us(get("gmem/native")), us(get("gmem/installed", overlay)), us(get("kernel_floor")), us(get("two_source")),
                           ratio(get("gmem/installed"), get("kernel_floor")), ratio(get("gmem/installed"), get("two_source")), us(get("gmem/untouched"))]), "|")

print("\n| pair on touched memory | 4 KiB pages | huge pages | 4 KiB pages + touch | huge pages + touch | in huge pages |\n|---|---|---|---|---|---|")
for n in sorted({int(name.rsplit("/", 1)[1]) for name in huge}):
    rows = [table.get(f"toggle/{what}/{n}") for what in ("alone", "touched") for table in (conversion, huge)]
    print("|", " | ".join([size(n), *map(us, rows), f"{int(rows[1]['huge_MiB'])} MiB"]), "|")

attributes = medians(f"{folder}/attributes.json")
print("\n| 16 TiB file | median |\n|---|---|")
for name, row in attributes.items():
    what, _, n = name.partition("/")
    unit = {"ns": "ns", "us": "us"}[row["time_unit"]]
    print(f"| {what.replace('_', ' ')}{' ' + size(int(n)) if n else ''} | {row['real_time']:.1f} {unit}{', ' + str(int(row['resident_KiB'])) + ' KiB resident' if 'resident_KiB' in row else ''} |")

plain, loaded = medians(f"{folder}/foreign-plain.json"), medians(f"{folder}/foreign-gmem.json")
print("\n| call on something foreign | plain | with gmem | added |\n|---|---|---|---|")
for name, row in plain.items():
    print(f"| {name.removesuffix('_foreign')} | {row['real_time']:.1f} ns | {loaded[name]['real_time']:.1f} ns | {loaded[name]['real_time'] - row['real_time']:.1f} ns |")

print("\n| cryptography, one core | median | MiB/s |\n|---|---|---|")
for name, row in (medians(f"{folder}/xts.json") | medians(f"{folder}/measure.json")).items():
    what, _, n = name.partition("/")
    seconds = row["real_time"] / {"ns": 1e9, "us": 1e6, "ms": 1e3}[row["time_unit"]]
    print(f"| {what.replace('_', ' ')} {size(int(n))} | {row['real_time']:.2f} {row['time_unit']} | {int(n) / seconds / (1 << 20):.0f} |")
