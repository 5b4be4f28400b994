"""Folders of scores: `aot.json`, and the losses that it was made from."""

from pathlib import Path

from aot.base.files import check_hash, read_json
from aot.base.folders import differences

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
