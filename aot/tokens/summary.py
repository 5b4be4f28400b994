"""What is said of a data folder that has just been made."""

from aot.base.messages import count
from aot.tokens.arguments import TokenizeArguments
from aot.tokens.streams import BEYOND

WHY = {
    "train": "which also stand in clusters that are held out",
    "validation": "more than --validation_documents_per_cluster",
    BEYOND: "beyond --max_tokens",
}


def print_counts(splits: dict) -> None:
    """A row for each split."""
    clustered = any("clusters" in each for each in splits.values())
    heads = f"{'':12}{'clusters':>10}" if clustered else f"{'':12}"
    print(f"{heads}{'documents':>14}{'tokens':>16}{'bytes':>16}{'characters':>16}{'bytes/token':>13}")
    for name, each in splits.items():
        numbers = f"{each.get('clusters', ''):10,}" if clustered and "clusters" in each else " " * 10 * clustered
        numbers += f"{each['documents']:14,}{each['tokens']:16,}{each['bytes']:16,}{each['characters']:16,}"
        print(f"{name:12}{numbers}{each['bytes'] / max(1, each['tokens']):13.3f}")


def print_left_out(args: TokenizeArguments, left_out: dict[str, dict]) -> None:
    """What was read and is in no split, and why."""
    why = WHY | ({"train": "which are held out"} if args.own_validation else {})
    for part, left in left_out.items():
        split = "train" if part == BEYOND else part
        print(f"left out: {count(left['documents'], 'document')} of {split}, {left['bytes']:,} bytes, {why[part]}")
    if args.own_validation and "train" not in left_out:
        print("no document to train on is held out, too")


def print_limits(args: TokenizeArguments, read: dict, train_tokens: int, full: bool) -> None:
    """How far the text was read, where that was limited; `full`: whether --max_tokens left out documents."""
    limits = [f"--{name} {getattr(args, name):,}" for name in ("max_documents", "max_tokens") if getattr(args, name)]
    if not limits:
        return
    if read["cut"] or full:
        print(
            f"cut by {' '.join(limits)}: {count(read['documents'], 'document')}, {read['bytes']:,} bytes, were read"
            + f" up to one in {read['last_source']}, and the text goes on" * read["cut"]
        )
    else:
        print(f"{' '.join(limits)}: the text has no more, and all of it was read")
    if args.max_tokens and read["cut"] and not full and read["documents"] != args.max_documents:
        print(f"train has {train_tokens:,} tokens, fewer than allowed: the beginning of the text has shorter ones")
