"""What of the quick learner is printed."""

from pathlib import Path

from aot.base.messages import count, paragraph
from aot.measure.prequential import settled
from aot.tokens.transforms import DESTROY, EXPECTED, KEEP
from aot.tokens.windows import DIRECTIONS


def interval(row: dict) -> str:
    """The interval of a row as people read it."""
    return "no interval" if row["low"] is None else f"{row['low']:+z.3%} to {row['high']:+z.3%}"


def print_profile(report: dict) -> None:
    """A row for each learner, and what they say together."""
    rows, unit = report["profile"], report["unit"]
    of = f" of {count(report['documents'], 'cluster')}" if report["samples"] == "clusters" else ""
    different = f"{report['different']:,} different"
    print(f"{count(report['symbols'], unit)} ({different}) in {count(report['read'], 'document')}{of},")
    print("read once in each direction\n")
    width = max(len(each) for each in ("longest", *(row["learner"] for row in rows))) + 2
    null = any(row["null"] for row in rows)
    print(f"{'longest':{width}}{f'bits per {unit}':^24}".rstrip())
    heads = f"{'context':{width}}{'forward →':>11}{'backward ←':>13}{'∂':>10}  {report['confidence']:.4g} interval"
    print(f"{heads:<{width + 62}}{'easier':<16}{'∂ of the null' * null}".rstrip())
    for row in rows:
        line = f"{row['learner']:{width}}{row['bits']['forward']:11.4f}{row['bits']['backward']:13.4f}"
        line += f"{row['aot']:+z10.3%}  {interval(row):<26}{row['easier']:<16}"
        print((line + (f"{row['null']['aot']:+z.3%}, {interval(row['null'])}" if row["null"] else "")).rstrip())
    signs = {row["easier"] for row in rows} & {*DIRECTIONS}
    print("\n" + paragraph(f"{report['learner']} compresses best. {report['verdict']}"))
    if len(signs) > 1:
        print("Learners do not agree here: ∂ belongs to the learner as well as to the text.")
    if report["request"]["null"] and not null:
        print("There is no null: of so few different documents, the hash turns round all or none.")
    for name, curve in report["curves"].items():
        at = settled(curve)
        sign = "not settled by all of the text" if at is None else f"settled from {curve[at]['symbols']:,} {unit}s on"
        print(f"The sign of {name} is {sign}.")


def print_where(report: dict) -> None:
    """A table for each learner, a row for each text, and what the texts are."""
    symbols, documents = count(report["symbols"], report["unit"]), count(report["read"], "document")
    print(f"{symbols} in {documents}, read once for each row")
    for learner in dict.fromkeys(row["learner"] for row in report["where"]):
        rows = [row for row in report["where"] if row["learner"] == learner]
        heading = f"bits per {report['unit']}"
        print(f"\n{learner:<18}{heading:^24}{'bits per 1,000':>15}")
        print(f"{'':<18}{'forward →':>11}{'backward ←':>13}{'← minus →':>15}{'∂':>10}  interval{'':<18}easier")
        for row in rows:
            bits = [row["bits"][each] for each in DIRECTIONS]
            line = f"{row['text']:<18}{bits[0]:11.4f}{bits[1]:13.4f}{1000 * (bits[1] - bits[0]):+15.2f}"
            print(f"{line}{row['aot']:+z10.3%}  {interval(row):<26}{row['easier']}")
    print()
    for name in (*DESTROY, *KEEP):
        print(f"{name}: {EXPECTED[name]}")


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    (print_where if "where" in report else print_profile)(report)
    names = ("aot.json", "losses.npz", "profile.png", "amount.png", "text.html", "where.png")
    print(f"{folder}/: {' '.join(name for name in names if (folder / name).exists())}")
