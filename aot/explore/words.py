"""What an interval of ∂ says, in one sentence, in the words of aot.arrow_of_time.gap."""

from aot.arrow_of_time.gap import finding, finding_of_two_models


def said(report: dict, unit: str = "documents") -> str:
    """The sentence for a report of `arrow_from_totals`, or of the quick learner, whose `seeds` are None."""
    low, high, seeds = report["low"], report["high"], report["seeds"]
    if low is None:
        return "There is no interval, as all of the loss is in one document: this is about it alone."
    words = finding_of_two_models(low, high) if seeds == 1 else finding(low, high)
    over = f"{report['documents']} {unit}" + (f" and {seeds} training seeds" if seeds and seeds > 1 else "")
    who = ", for this learner" * (seeds is None)
    low, high = (f"{100 * bound:+.2f} %".replace("-", "−") for bound in (low, high))
    return f"The interval over {over} goes from {low} to {high}: {words}{who}."
