"""Folders of scores: `aot.json`, and the losses that it was made from."""

from pathlib import Path

from aot.base.files import check_hash, read_json
from aot.base.folders import differences
from aot.base.messages import count, paragraph
from aot.tokens.windows import DIRECTIONS

LOSSES = "losses.npz"  # of each token and document, in a folder of scores


def read_report(path: Path) -> dict | None:
    """A report of scores, None where there is none; SystemExit for one whose words older rules have made."""
    report = read_json(path)
    if report is not None and "carried_by" not in report:
        raise SystemExit(f"{path.parent}: holds scores of an older version, which claimed more; delete it, score anew")
    return report


def losses_of(folder: Path, report: dict) -> Path:
    """`losses.npz` of a scores folder; SystemExit unless it is the one that the report was made from."""
    check_hash(folder / LOSSES, report.get("sha256", {}).get(LOSSES), f"delete {folder} and measure again")
    return folder / LOSSES


def finished_report(path: Path, request: dict) -> dict:
    """The report in a folder that was finished before; SystemExit when it answers another request."""
    folder, report = path.parent, read_report(path)
    if report is None:
        raise SystemExit(f"{folder}: exists and holds no scores; choose another --output_dir")
    if differ := differences(report["request"], request):
        raise SystemExit(
            f"{folder}: holds other scores (there / now): {'; '.join(differ)}. Choose another --output_dir."
        )
    return report


def print_report(report: dict, folder: Path) -> None:
    """The report as a person reads it."""
    low, high, samples = report["low"], report["high"], report.get("samples", "documents")
    interval = "no interval" if low is None else f"{report['confidence']:.4g} interval {low:+.3%} to {high:+.3%}"
    rows = [
        ("", "forward →", "backward ←"),
        (f"nats per {report['unit']}", f"{report['forward']:.4f}", f"{report['backward']:.4f}"),
        ("counting tokens", *(f"{each:.4f}" for each in report["unigram"])),
        ("bits per byte", *(f"{report['bits_per_byte'][direction]:.4f}" for direction in DIRECTIONS)),
        ("Δ = ℓ← − ℓ→", f"{report['delta']:+.4f}", f"nats per {report['unit']}"),
        ("r = ℓ←/ℓ→ − 1", f"{report['ratio']:+.3%}", "as in the tables of the paper"),
        ("∂", f"{report['aot']:+.3%}", interval),
        ("scored", f"{report['tokens']:,.0f}", f"{report['unit']}s in {count(report['documents'], samples[:-1])}"),
        ("training seeds", f"{report['seeds']}", ", ".join(f"{aot:+.3%}" for aot in report["per_seed"])),
    ]
    if report["documents_forward_easier"] is not None:
        rows.append((f"{samples}, ∂ > 0", f"{report['documents_forward_easier']:.1%}", "of those that are no ties"))
    if report["seeds"] > 1:
        apart = " and ".join(f"{report['control'][direction]:.3%} ({direction})" for direction in DIRECTIONS)
        rows.append(("A/A control", "", f"two seeds of one direction are {apart} apart"))
    print("\n".join(f"{name:<18}{first:>12}  {second}".rstrip() for name, first, second in rows))
    names = ("aot.json", LOSSES, "by_position.png", "documents.png", "sentence.png", "where.csv", "where.png")
    there = " ".join(name for name in names if (folder / name).exists())
    print(f"\n{paragraph(report['verdict'])}\n{folder}/: {there}")
