"""Train a causal language model on a data folder, forward, backward, both, or as a control in neither order.

    python run_clm_reverse.py --data data/en --direction both --size micro
    python run_clm_reverse.py --train_file my.txt --validation_file dev.txt     # tokenized into data/my first
    python run_clm_reverse.py --data data/en --size micro --seeds 1 2 3         # three pairs, one after the other
    python run_clm_reverse.py --data data/en --size micro --direction permuted  # beside a pair: no order at all
    accelerate launch run_clm_reverse.py --data data/en --direction both        # GPT2-Medium, close to the paper
    accelerate launch run_clm_reverse.py recipe.yaml                            # the same flags from a file

Writes OUTPUT_DIR/{forward,backward}/, or permuted/: a checkpoint that any `AutoModelForCausalLM` loads,
`trainer_state.json` (losses of all steps), `recipe.json` (what has to be equal to go on), the card of the model, what
`hf upload` needs and, last of all, `results.json`. The same command again goes on where it stopped. With
`--push_to_hub --hub_model_id USER/NAME` and a licence, the pair is then published as by push_pair.py. The two runs of
a pair are equal in data, order of windows, initial weights, schedule and steps, and differ only in the order in which
`ReverseTokenCollator` hands over the tokens of each window.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.process  # isort: skip  # noqa: F401  before torch

import shlex

from aot.base.cli import command
from aot.base.messages import paragraph, then
from aot.train.commands import Command, commands


def print_losses(losses: dict[str, dict[str, float]], data: str) -> None:
    """What has been trained, from the held-out loss of each direction by run folder, and what measures it."""
    from aot.arrow_of_time.gap import arrow_from_totals

    for folder, each in losses.items():
        line = f"{folder}: {', '.join(f'{name} {loss:.4f}' for name, loss in each.items())} nats per held-out token"
        if pair := len(each) == 2:
            line += f", ∂ = {arrow_from_totals([each['forward']], [each['backward']], [1])['aot']:+.3%}"
        print(line)
    if pair:
        if len(losses) == 1:
            print(paragraph("One pair describes two models; a claim about a text takes several seeds."))
        then("To measure ∂", f"python compute_aot.py --pair {shlex.join(losses)} --data {shlex.quote(data)}")
    elif "permuted" in each:
        permuted = shlex.join(f"{folder}/permuted" for folder in losses)
        pairs = shlex.join(losses) if Path(folder, "forward").is_dir() else f"PAIR{' ...' * (len(losses) > 1)}"
        measure = f"python compute_aot.py --pair {pairs} --data {shlex.quote(data)} --permuted {permuted}"
        then("To set it beside the pair that is trained like it", measure)


def check_publishing(commanded: list[Command]) -> None:
    """SystemExit where a pair could not be published, before training and not after days of it."""
    from aot.base.folders import RESULTS
    from aot.publish.repositories import check_login, missing_licence
    from aot.tokens.windows import DIRECTIONS
    from aot.train.cards import licence_of

    for _, run, args in commanded:
        check_login(args.hub_model_id, args.hub_token)
        folders = [Path(args.output_dir, name) for name in DIRECTIONS]
        for name, folder in zip(DIRECTIONS, folders, strict=True):
            if name not in run.directions and not (folder / RESULTS).is_file():
                raise SystemExit(f"--push_to_hub: publishes a pair, and {folder} is not trained; see --direction")
        if unlicensed := missing_licence({args.hub_model_id: licence_of(run.license, *folders, run.data)}):
            raise SystemExit(unlicensed)


def main(argv: list[str] | None = None) -> None:
    commanded = commands(__doc__, argv)
    from aot.train.parallel import leave_together  # what takes seconds, which --help need not wait for
    from aot.train.training import prepare, train_pair

    _, run, args = commanded[0]
    publishes, first = args.push_to_hub, args.process_index == 0
    if publishes:
        check_publishing(commanded)
    for _, _, each in commanded:
        each.push_to_hub = False  # the Trainer would push a pickle, and one direction alone
    to_train = [(direction, *each[1:]) for each in commanded for direction in run.directions]
    for later in to_train[1:]:  # what would stop one of them had better do so before days of training the first
        prepare(*later)
    losses = {each[2].output_dir: train_pair(*each) for each in commanded}
    if first:
        print_losses(losses, run.data)
    leave_together()
    if publishes and first:  # after the others have left, who would not wait for an upload
        from aot.publish.hub import publish

        about = {"private": args.hub_private_repo, "revision": args.hub_revision or "main", "token": args.hub_token}
        for _, _, each in commanded:
            publish(each.output_dir, each.hub_model_id, license=run.license, **about)


if __name__ == "__main__":
    command(main)
