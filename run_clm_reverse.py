"""Train a causal language model on a data folder, forward, backward, or both.

    python run_clm_reverse.py --data data/en --direction both --size micro
    python run_clm_reverse.py --data data/en --size micro --seeds 1 2 3         # three pairs, one after the other
    accelerate launch run_clm_reverse.py --data data/en --direction both        # GPT2-Medium, close to the paper
    accelerate launch run_clm_reverse.py recipe.yaml                            # the same flags from a file

Writes OUTPUT_DIR/{forward,backward}/: a checkpoint that any `AutoModelForCausalLM` loads, `trainer_state.json` (losses
of all steps), `recipe.json` (what has to be equal to go on), the card of the model, what `hf upload` needs and, last
of all, `results.json`. The same command again goes on where it stopped. With `--push_to_hub --hub_model_id USER/NAME`
and a licence, the pair is then published as by push_pair.py. The two runs of a pair are equal in data, order of
windows, initial weights, schedule and steps, and differ only in the order in which `ReverseTokenCollator` hands over
the tokens of each window.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.process  # isort: skip  # noqa: F401  before torch

import shlex

import torch

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.cli import command, parse_arguments, without_effect
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.base.messages import paragraph, then
from aot.base.places import as_called_here
from aot.base.recipes import spelled_out
from aot.tokens.windows import DIRECTIONS
from aot.train.arguments import NO_EFFECT, ReverseTrainingArguments, RunArguments
from aot.train.cards import licence_of
from aot.train.parallel import at_once
from aot.train.training import prepare, train


def leave_out(beginnings: tuple[str, ...], argv: list[str]) -> list[str]:
    """`argv` without the flags that begin like these, and without their values."""
    kept, keep = [], True
    for word in argv:
        if word.startswith("--"):
            keep = not word.startswith(beginnings)
        if keep:
            kept.append(word)
    return kept


def repeatable(argv: list[str], processes: int) -> str:
    """The command as anybody can run it again: without the flags about the Hub, one of which is a token."""
    launcher = "python" if processes == 1 else f"accelerate launch --num_processes {processes}"
    return as_called_here(f"{launcher} run_clm_reverse.py {shlex.join(leave_out(('--hub', '--push'), argv))}")


def parse(argv: list[str]) -> tuple[RunArguments, ReverseTrainingArguments]:
    """The arguments, with the run folder; SystemExit where they do not go together."""
    run, args = parse_arguments(RunArguments, ReverseTrainingArguments, doc=__doc__, argv=argv)
    without_effect(run.given, NO_EFFECT)
    if not args.push_to_hub:
        hub = {name for name in run.given if name.startswith("hub_")}
        without_effect(run.given, dict.fromkeys(hub, "without --push_to_hub"))
    model = run.size if run.model_type == "gpt2" else f"{run.model_type}-{run.size}"
    args.output_dir = args.output_dir or f"runs/{Path(run.data).name}-{model}-T{run.context}-seed{args.seed}"
    if run.pickled_weights and run.model_name_or_path is None:
        raise SystemExit("--pickled_weights: is about --model_name_or_path, which is not given")
    if run.parallel_directions and (run.direction != "both" or args.world_size > 1):
        raise SystemExit(
            "--parallel_directions starts one process for each direction: it goes with --direction both, and not with "
            "a launcher of several processes"
        )
    if run.parallel_directions:  # of several GPUs each direction sees one, and a step is of as many windows
        args._n_gpu = min(1, args.n_gpu)
    return run, args


def commands(argv: list[str]) -> list[list[str]]:
    """`argv` as one command for each of its --seeds, or as it is; SystemExit where it does not go with several."""
    run, args = parse_arguments(RunArguments, ReverseTrainingArguments, doc=__doc__, argv=argv)
    if not run.seeds:
        return [argv]
    if len(set(run.seeds)) < len(run.seeds):
        raise SystemExit(f"--seeds {' '.join(map(str, run.seeds))}: give each of them once")
    if any(word.partition("=")[0] == "--seed" for word in argv):
        raise SystemExit("give one of --seed and --seeds")
    if args.data_seed is not None:
        raise SystemExit("--data_seed: would give all of --seeds one order of windows, and their spread is to hold it")
    if args.resume_from_checkpoint != "auto":
        raise SystemExit(
            f"--resume_from_checkpoint {args.resume_from_checkpoint}: is of one run, give its --seed; with --seeds "
            "each goes on from the newest checkpoint of its own"
        )
    rest = leave_out(("--seeds", "--output", "--hub_model_id", "--hub-model-id"), argv)
    names = [("--output_dir", args.output_dir), ("--hub_model_id", args.hub_model_id)]
    named = [(flag, name.rstrip("/")) for flag, name in names if name]
    return [
        [*rest, "--seed", f"{seed}", *(word for flag, name in named for word in (flag, f"{name}-seed{seed}"))]
        for seed in run.seeds
    ]


def train_apart(direction: str, argv: list[str], written: str) -> None:
    """Train one direction in a process of its own."""
    run, args = parse(argv)
    args.push_to_hub = False
    train(direction, run, args, written)


def train_all(argv: list[str], run: RunArguments, args: ReverseTrainingArguments) -> dict[str, float]:
    """Train the directions of one seed; returns the held-out loss of each in nats per token."""
    written = repeatable(argv, args.world_size)
    if run.parallel_directions:
        at_once(train_apart, argv, written)
        results = {name: read_json(Path(args.output_dir, name, RESULTS)) for name in DIRECTIONS}
    else:
        results = {name: train(name, run, args, written) for name in run.directions}
    return {name: result["eval_loss"] for name, result in results.items()}


def print_losses(losses: dict[str, dict[str, float]], data: str) -> None:
    """What has been trained, from the held-out loss of each direction by run folder, and what measures it."""
    for folder, each in losses.items():
        line = f"{folder}: {', '.join(f'{name} {loss:.4f}' for name, loss in each.items())} nats per held-out token"
        if pair := len(each) == len(DIRECTIONS):
            line += f", ∂ = {arrow_from_totals(*([each[name]] for name in DIRECTIONS), [1])['aot']:+.3%}"
        print(line)
    if pair:
        print(paragraph("One pair describes two models; a claim about a text takes several seeds, such as three."))
        then("To measure ∂", f"python compute_aot.py --pair {shlex.join(losses)} --data {shlex.quote(data)}")


def main(argv: list[str] | None = None) -> None:
    commanded = [(each, *parse(each)) for each in commands(spelled_out(argv, RunArguments, ReverseTrainingArguments))]
    _, run, args = commanded[0]
    publishes, first = args.push_to_hub, args.process_index == 0
    if publishes:
        from aot.publish.hub import publish
        from aot.publish.repositories import check_login, missing_licence
    for _, _, each in commanded:
        if publishes:  # checked before training, not after days of it
            check_login(each.hub_model_id, each.hub_token)
            before = [Path(each.output_dir, name) for name in DIRECTIONS]
            if unlicensed := missing_licence({each.hub_model_id: licence_of(run.license, *before, run.data)}):
                raise SystemExit(unlicensed)
        each.push_to_hub = False  # the Trainer would push a pickle, and one direction alone
    to_train = [(direction, *each[1:]) for each in commanded for direction in run.directions]
    for later in to_train[1:]:  # what would stop one of them had better do so before days of training the first
        prepare(*later)
    losses = {each[2].output_dir: train_all(*each) for each in commanded}
    if first:
        print_losses(losses, run.data)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()  # a process that left while others still wrote would take them down
        torch.distributed.destroy_process_group()
    if publishes and first:  # after the others have left, who would not wait for an upload
        about = {"private": args.hub_private_repo, "revision": args.hub_revision or "main", "token": args.hub_token}
        for _, _, each in commanded:
            publish(each.output_dir, each.hub_model_id, license=run.license, **about)


if __name__ == "__main__":
    command(main)
