"""What of the quick learner is printed."""

import shutil
import sys
from pathlib import Path

from aot.base.messages import count, paragraph
from aot.measure.prequential import settled
from aot.tokens.transforms import DESTROY, EXPECTED, KEEP
from aot.tokens.windows import DIRECTIONS


def interval(row: dict) -> str:
    """The interval of a row as people read it."""
    return "no interval" if row["low"] is None else f"{row['low']:+z.3%} to {row['high']:+z.3%}"


def print_parts(labels: list[str], left: list[str], right: list[str], width: int, at: int) -> None:
    """Print two parts of a table, line by line: beside each other, the right one in column `at`, or, on a terminal
    that has no room for that, one below the other. Labels are `width` wide."""
    parts = [*zip(labels, left, right, strict=True)]
    lines = [f"{label:{width}}{one:{at - width}}{two}".rstrip() for label, one, two in parts]
    if sys.stdout.isatty() and max(map(len, lines)) > shutil.get_terminal_size().columns:
        lines = [f"{label:{width}}{one}".rstrip() for label, one, _ in parts]
        lines += ["", *(f"{label:{width}}{two}".rstrip() for label, _, two in parts if two)]
    print("\n".join(lines))


def print_profile(report: dict) -> None:
    """A row for each learner, and what they say together."""
    rows, unit = report["profile"], report["unit"]
    of = f" of {count(report['documents'], 'cluster')}" if report["samples"] == "clusters" else ""
    different = f"{report['different']:,} different"
    print(f"{count(report['symbols'], unit)} ({different}) in {count(report['read'], 'document')}{of},")
    print("read once in each direction\n")
    width = max(len(each) for each in ("longest", *(row["learner"] for row in rows))) + 2
    null = any(row["null"] for row in rows)
    labels = ["longest", "context"]
    heads = f"{'forward →':>11}{'backward ←':>13}{'∂':>10}  {report['confidence']:.4g} interval"
    left = [f"{f'bits per {unit}':^24}", heads]
    right = ["", f"{'easier':<16}{'∂ of the null' * null}"]
    for row in rows:
        labels.append(row["learner"])
        bits = f"{row['bits']['forward']:11.4f}{row['bits']['backward']:13.4f}"
        left.append(f"{bits}{row['aot']:+z10.3%}  {interval(row)}")
        of_null = f"{row['null']['aot']:+z.3%}, {interval(row['null'])}" if row["null"] else ""
        right.append(f"{row['easier']:<16}{of_null}")
    print_parts(labels, left, right, width, at=width + 62)
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
        heads = f"{'forward →':>11}{'backward ←':>13}{'← minus →':>15}{'∂':>10}"
        left = [f"{heading:^24}{'bits per 1,000':>15}", heads]
        right = ["", f"interval{'':<18}easier"]
        for row in rows:
            bits = [row["bits"][each] for each in DIRECTIONS]
            minus = f"{1000 * (bits[1] - bits[0]):+15.2f}"
            left.append(f"{bits[0]:11.4f}{bits[1]:13.4f}{minus}{row['aot']:+z10.3%}")
            right.append(f"{interval(row):<26}{row['easier']}")
        print()
        print_parts([learner, "", *(row["text"] for row in rows)], left, right, 18, at=69)
    print()
    for name in (*DESTROY, *KEEP):
        print(f"{name}: {EXPECTED[name]}")


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    (print_where if "where" in report else print_profile)(report)
    names = ("aot.json", "losses.npz", "profile.png", "amount.png", "text.html", "where.png")
    print(f"{folder}/: {' '.join(name for name in names if (folder / name).exists())}")
