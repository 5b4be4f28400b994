"""What is said of a data folder that has just been made."""

import shlex
from pathlib import Path

from aot.base.messages import count, then
from aot.tokens.arguments import TokenizeArguments
from aot.tokens.streams import BEYOND, COUNTS

WHY = {
    "train": "which also stand in clusters that are held out",
    "validation": "more than --validation_documents_per_cluster",
    BEYOND: "beyond --max_tokens",
}


def print_counts(splits: dict) -> None:
    """A column for each split; the clusters of those that have some."""
    print(f"{'':12}" + "".join(f"{name:>18}" for name in splits))
    for what in ("clusters", *COUNTS):
        if any(what in each for each in splits.values()):
            numbers = [f"{each[what]:,}" if what in each else "" for each in splits.values()]
            print(f"{what:12}" + "".join(f"{number:>18}" for number in numbers))
    rates = [each["bytes"] / max(1, each["tokens"]) for each in splits.values()]
    print(f"{'bytes/token':12}" + "".join(f"{rate:18.3f}" for rate in rates))


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
        print(f"train has {train_tokens:,} tokens, fewer than allowed: tokens are longer further on")


def train_next(folder: Path, train_tokens: int) -> None:
    """Print the command that trains a pair on a data folder, at a size that suits it."""
    command = f"run_clm_reverse.py --data {shlex.quote(str(folder))}"
    if train_tokens < 10_000_000:  # GPT2-Medium would read all of them in a few steps
        context, batch = (128, 16) if train_tokens >= 16 * 16 * 128 else (32, 4)
        small = f"--size micro --context {context} --learning_rate 1e-3 --per_device_train_batch_size {batch}"
        return then(f"{folder}. To train small pairs on it", f"python {command} {small} --seeds 1 2 3")
    then(f"{folder}. To train a pair of GPT2-Medium on it, with GPUs", f"accelerate launch {command}")
