"""The command line of run_clm_reverse.py: what its flags come to, for each of several seeds and out of a text."""

import shlex
from collections.abc import Callable
from pathlib import Path

from aot.base.cli import parse_arguments, without_effect
from aot.base.places import as_called_here
from aot.base.recipes import spelled_out
from aot.tokens.own_text import OwnText
from aot.tokens.windows import PERMUTED
from aot.train.arguments import NO_EFFECT, ReverseTrainingArguments, RunArguments

Command = tuple[list[str], RunArguments, ReverseTrainingArguments]


def leave_out(unwanted: Callable[[str], bool], argv: list[str]) -> list[str]:
    """`argv` without the flags whose names are `unwanted`, and without their values."""
    kept, keep = [], True
    for word in argv:
        if word.startswith("--"):
            keep = not unwanted(word.partition("=")[0].removeprefix("--").replace("-", "_"))
        if keep:
            kept.append(word)
    return kept


def repeatable(argv: list[str], processes: int) -> str:
    """The command as anybody can run it again: without the flags about the Hub, one of which is a token."""
    launcher = "python" if processes == 1 else f"accelerate launch --num_processes {processes}"
    flags = leave_out(lambda name: name.startswith(("hub", "push")), argv)
    return f"{launcher} run_clm_reverse.py {shlex.join(flags)}"


def parse(argv: list[str]) -> tuple[RunArguments, ReverseTrainingArguments]:
    """The arguments, with the run folder; SystemExit where they do not go together."""
    run, args = parse_arguments(RunArguments, ReverseTrainingArguments, doc="", argv=argv)
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
    if run.direction != PERMUTED and (flags := sorted(name for name in run.given if name.startswith("order_"))):
        raise SystemExit(f"--{flags[0]}: is about --direction {PERMUTED}, which is not given")
    if run.direction == PERMUTED and args.push_to_hub:
        raise SystemExit(f"--push_to_hub: publishes a pair, of which a model of --direction {PERMUTED} is none")
    try:
        run.reading(run.direction)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if run.parallel_directions:  # of several GPUs each direction sees one, and a step is of as many windows
        args._n_gpu = min(1, args.n_gpu)
    return run, args


def with_data(argv: list[str], doc: str) -> list[str]:
    """`argv` with --data in the place of the text that it names, which is tokenized into that folder if need be."""
    run, text, args = parse_arguments(RunArguments, OwnText, ReverseTrainingArguments, doc=doc, argv=argv)
    flags = set(OwnText.__dataclass_fields__)
    if not text.source:
        if unused := sorted(flags & run.given):
            raise SystemExit(f"--{unused[0]}: is about a text, --train_file or --dataset_name, which is not given")
        if run.data is None:
            raise SystemExit("give a data folder, --data, or a text: --train_file FILE or --dataset_name ID")
        return argv
    folder = run.data or text.folder
    if args.world_size > 1 and not Path(folder, "meta.json").is_file():  # the others would wait, and not for hours
        name = f"--name {shlex.quote(Path(folder).name)} --output_dir {shlex.quote(str(Path(folder).parent))}"
        made_by = as_called_here(f"python tokenize_lang.py {name} {shlex.join(text.flags())}")
        raise SystemExit(f"{folder}: several processes train on a data folder that is there; first {made_by}")
    with args.main_process_first(local=False):
        if args.process_index == 0:
            text.tokenize(folder)
    return [*leave_out(lambda name: name in {*flags, "data"}, argv), "--data", folder]


def each_seed(argv: list[str]) -> list[list[str]]:
    """`argv` as one command for each of its --seeds, or as it is; SystemExit where it does not go with several."""
    run, args = parse_arguments(RunArguments, ReverseTrainingArguments, doc="", argv=argv)
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
    names = {name: getattr(args, name) for name in ("output_dir", "hub_model_id", "run_name")}
    rest = leave_out(lambda name: name == "seeds" or name in names, argv)
    named = [(f"--{flag}", name.rstrip("/")) for flag, name in names.items() if name]
    return [
        [*rest, "--seed", f"{seed}", *(word for flag, name in named for word in (flag, f"{name}-seed{seed}"))]
        for seed in run.seeds
    ]


def commands(doc: str, argv: list[str] | None) -> list[Command]:
    """What the command line comes to: the flags of each seed, as they were written and as they are read."""
    written = with_data(spelled_out(argv, RunArguments, OwnText, ReverseTrainingArguments), doc)
    return [(each, *parse(each)) for each in each_seed(written)]
