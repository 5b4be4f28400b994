"""Train a causal language model on a data folder, forward, backward, or both.

    python run_clm_reverse.py --data data/en --direction both --size micro
    python run_clm_reverse.py --data data/en --size micro --seeds 1 2 3         # three pairs, one after the other
    accelerate launch run_clm_reverse.py --data data/en --direction both        # GPT2-Medium, close to the paper
    accelerate launch run_clm_reverse.py recipe.yaml                            # the same flags from a file

Writes OUTPUT_DIR/{forward,backward}/: a checkpoint that any `AutoModelForCausalLM` loads, `trainer_state.json` (losses
of all steps), `recipe.json` (what has to be equal to go on) and, last of all, `results.json`. The same command again
goes on where it stopped. With `--push_to_hub --hub_model_id USER/NAME` the pair is then published as by push_pair.py.
The two runs of a pair are equal in data, order of windows, initial weights, schedule and
steps, and differ only in the order in which `ReverseTokenCollator` hands over the tokens of each window.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.process  # isort: skip  # noqa: F401  before torch

import copy
import math
import os
import shlex
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

import torch
from accelerate.state import AcceleratorState
from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments, set_seed
from transformers.integrations import unset_hf_deepspeed_config

from aot.base.cli import command, parse_arguments, spelled_out, without_effect
from aot.base.files import file_sha256, read_json, write_json, writing
from aot.base.folders import RESULTS, alone, differences
from aot.base.machine import provenance
from aot.base.messages import notice
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.tokenizers import checkpoint_tokenizer, data_tokenizer, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS, ReverseTokenCollator, Windows
from aot.train.fast import arithmetic_of, use_fast_path
from aot.train.models import build_model, check_context, load_model
from aot.train.optimizers import MUON, check_muon
from aot.train.pairs import load_config, recipe_of, without
from aot.train.parallel import at_once, wait_for
from aot.train.runs import (
    RECIPE,
    STATE,
    WINDOW_LOSSES,
    check_run_folder,
    damage,
    evaluations,
    last_checkpoint,
    start_or_continue,
    weights_sha256,
)
from metrics.arrow_of_time.gap import arrow_from_totals


@dataclass
class RunArguments:
    """What is trained on what."""

    data: str = field(metadata={"help": "Data folder made by tokenize_lang.py or make_synthetic.py."})
    direction: Literal["forward", "backward", "both"] = field(
        default="both",
        metadata={"help": "Order of reading. `both`: one after the other, or with --parallel_directions at once."},
    )
    context: int = field(
        default=256,
        metadata={
            "help": "Tokens per window, all of them predicted. Most windows of the paper: 256 positions, of which BOS "
            "takes one, so 255 tokens."
        },
    )
    stride: int | None = field(
        default=None,
        metadata={
            "help": "Tokens from one training window to the next. Default: the context. The paper: 127, half of 255."
        },
    )
    size: str = field(
        default="medium",
        metadata={
            "help": "Layers, heads and width: nano, micro, mini, small, gpt1, medium, large, xl; those of the paper, "
            "for LSTM and GRU from small to large (aot/train/models.py)."
        },
    )
    model_type: str = field(
        default="gpt2",
        metadata={"help": "gpt2, lstm, gru, or another causal LM of transformers, such as llama or mamba."},
    )
    config_overrides: str | None = field(
        default=None, metadata={"help": "Changes to the model's configuration: `n_layer=2,n_embd=64`."}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={
            "help": "Continue from these weights, folder or Hub id, instead of a new model. A pair's folder (with "
            "forward/ and backward/ in it) gives each direction its own."
        },
    )
    pickled_weights: bool = field(
        default=False,
        metadata={
            "help": "Of --model_name_or_path, read pytorch_model.bin if there are no safetensors: its tensors alone."
        },
    )
    arithmetic: Literal["fast", "stock"] = field(
        default="fast",
        metadata={
            "help": "fast: the same losses with less work, for gpt2, llama and nanochat; other models "
            "have none, and are as with stock, which is the model of transformers as it is."
        },
    )
    parallel_directions: bool = field(
        default=False,
        metadata={
            "help": "With --direction both: at once, each in a process of its own with half of the cores, and with a "
            "GPU of its own where there are two; a single GPU they share, and its memory."
        },
    )
    seeds: list[int] = field(
        default_factory=list,
        metadata={
            "help": "Instead of --seed: several, each trained as by a command of its own, one after the other. -seedN "
            "is put behind --output_dir and --hub_model_id."
        },
    )

    @property
    def directions(self) -> tuple[str, ...]:
        return DIRECTIONS if self.direction == "both" else (self.direction,)


def paper(name: str, value):
    """A field of TrainingArguments with another default and the same help."""
    return field(default=value, metadata=TrainingArguments.__dataclass_fields__[name].metadata)


@dataclass
class ReverseTrainingArguments(TrainingArguments):
    """Defaults: AdamW and batch of the paper (90 windows on each of 2 GPUs). Its cosine restarts are left out: a pair
    is compared at the end of a schedule, where the loss is lowest and least noisy, and a restart raises it there. The
    warm-up is a fraction of the run, of which the paper's 4,000 steps were 0.7 %."""

    output_dir: str | None = field(
        default="",
        metadata={"help": "Run folder. Default: runs/DATA-SIZE-T{context}-seed{seed}, with MODEL_TYPE- unless gpt2."},
    )
    bf16: bool | None = field(
        default=None,
        metadata={"help": "bfloat16 autocast. Default: where the GPU or CPU computes in it; weights stay float32."},
    )
    tf32: bool | None = field(
        default=False,
        metadata={"help": "Round float32 to 10 bits of mantissa in products on a GPU, also with --torch_compile."},
    )
    resume_from_checkpoint: str | None = field(
        default="auto", metadata={"help": "`auto`: the newest complete checkpoint of the run folder. Or a folder."}
    )
    per_device_train_batch_size: int = paper("per_device_train_batch_size", 90)
    per_device_eval_batch_size: int = paper("per_device_eval_batch_size", 32)
    learning_rate: float = paper("learning_rate", 1e-4)
    lr_scheduler_type: str = paper("lr_scheduler_type", "cosine")
    warmup_steps: float = paper("warmup_steps", 0.01)
    weight_decay: float = paper("weight_decay", 0.01)
    optim: str = field(
        default=TrainingArguments.default_optim,
        metadata={"help": "Optimizer: one of transformers, or muon: Muon for the matrices of the blocks, AdamW else."},
    )
    num_train_epochs: float = paper("num_train_epochs", 1.0)
    logging_steps: float = paper("logging_steps", 50)
    logging_nan_inf_filter: bool = paper("logging_nan_inf_filter", False)
    eval_strategy: str = paper("eval_strategy", "steps")
    eval_steps: float | None = paper("eval_steps", 0.1)
    save_steps: float = paper("save_steps", 0.1)
    save_total_limit: int | None = paper("save_total_limit", 2)
    remove_unused_columns: bool | None = paper("remove_unused_columns", False)

    def __post_init__(self):
        for must, (fits, names) in MUST_BE.items():
            for name in names:
                if (value := getattr(self, name)) is not None and not fits(value):
                    raise ValueError(f"--{name} {value}: must be {must}")
        if not (self.max_steps >= 1 or self.max_steps == -1 and 0 < self.num_train_epochs < math.inf):
            amount = f"--max_steps {self.max_steps} --num_train_epochs {self.num_train_epochs}"
            raise ValueError(f"{amount}: nothing would be trained; give one of them, above 0")
        self.use_cpu = self.use_cpu or not torch.accelerator.is_available()
        if self.bf16 is None:
            self.bf16 = not self.fp16 and computes_in_bf16(self.use_cpu)
        muon, self.optim = self.optim == MUON, "adamw_torch" if self.optim == MUON else self.optim
        super().__post_init__()
        precision = "fp16" if self.fp16 else "bf16" if self.bf16 else "no"
        if (asked := os.environ.get("ACCELERATE_MIXED_PRECISION", "no")) not in ("no", precision):
            notice(f"mixed_precision {asked}, as the launcher asks for, has no effect: --bf16 and --fp16 are for that")
            self.mixed_precision = precision
        if muon:  # which transformers does not know
            check_muon(self)
            self.optim = MUON
        if self.deepspeed_plugin:  # weights stay float32 by its `bf16: {}`; the Trainer does not fill in autocast
            autocast = self.deepspeed_plugin.hf_ds_config.config.get("torch_autocast", {})
            autocast |= {"enabled": self.bf16} if autocast.get("enabled") == "auto" else {}
        start = self.resume_from_checkpoint
        if start not in ("auto", None) and not Path(start, STATE).is_file():
            raise ValueError(f"--resume_from_checkpoint {start}: no checkpoint there (no {STATE} in it)")
        for name, (value, reason) in REFUSED.items():
            if getattr(self, name) != value:
                raise ValueError(f"--{name} {getattr(self, name)}: {reason}; leave it out")
        self.remove_unused_columns = False  # windows have no columns
        self.dataloader_drop_last = False  # all held-out windows count, and of the others whole steps are drawn


# What flags may be, those that libraries refuse late or never: then a run has begun, or trains nothing.
MUST_BE = {
    "a whole number above 0": (
        lambda value: value >= 1,
        ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
    ),
    "above 0": (lambda value: 0 < value < math.inf, ("learning_rate", "logging_steps", "eval_steps", "save_steps")),
    "0 or more": (
        lambda value: 0 <= value < math.inf,
        ("weight_decay", "adam_epsilon", "max_grad_norm", "warmup_steps", "dataloader_num_workers"),
    ),
    "from 0 to below 1": (lambda value: 0 <= value < 1, ("adam_beta1", "adam_beta2")),
    f"from 0 to {2**32 - 1}": (lambda value: 0 <= value < 2**32, ("seed", "data_seed")),  # what NumPy takes
}

# Flags that would let two runs of a pair differ unseen, or a resumed run from one that was not interrupted.
REFUSED = {
    "label_smoothing_factor": (0.0, "∂ compares cross-entropies as they are"),
    "load_best_model_at_end": (False, "the best step of one direction is not that of the other"),
    "auto_find_batch_size": (False, "one direction could be trained in smaller batches than the other"),
    "train_sampling_strategy": ("random", "both directions read the windows in the same random order"),
    "ignore_data_skip": (False, "what is resumed would read windows twice"),
    "bf16_full_eval": (False, "the final weights would be rounded to it"),
    "fp16_full_eval": (False, "the final weights would be rounded to it"),
    "save_on_each_node": (False, "one process writes a run, or files would change after their hashes were kept"),
    "save_only_model": (False, "what is resumed would have lost the state of the optimizer"),
}

# Flags of TrainingArguments that are accepted, and why nothing comes of them.
NO_EFFECT = {
    "do_train": "here: this script always trains",
    "do_eval": "here: --eval_strategy says when a run is evaluated",
    "do_predict": "here: compute_aot.py scores a text",
    "hub_strategy": "here: a pair is pushed when it is finished",
}


def computes_in_bf16(use_cpu: bool) -> bool:
    """Whether the processor has bfloat16 arithmetic; where it is emulated, autocast is slower than float32."""
    if use_cpu:
        return any("bf16" in name and has for name, has in torch.cpu.get_capabilities().items())
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)


# What has to be equal for two runs to be a pair, or for one to be continued, besides data, model and window order.
SETTINGS = (
    *("seed", "data_seed", "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "optim"),
    *("weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "bf16", "fp16"),
    *("optim_args", "neftune_noise_alpha", "num_train_epochs", "max_steps", "tf32"),
)
# What the configuration of a model has besides what makes the model.
NOT_MODEL = {"direction", "arrow_of_time", "architectures", "auto_map", "dtype", "transformers_version"}
# Files of a finished run whose hashes are kept.
LEARNED = ("*.safetensors*", "*config.json", "tokenizer*", "*.py", WINDOW_LOSSES, RECIPE, STATE)


def initial_model(direction: str, run: RunArguments, meta: dict, seed: int) -> PreTrainedModel:
    """The model before its first step: the same weights in both directions, unless a pair is continued."""
    set_seed(seed)
    if run.model_name_or_path is None:
        model = build_model(meta["vocab_size"], run.context, run.size, run.model_type, run.config_overrides)
        check_context(model.config, run.context)
        return use_fast_path(model) if run.arithmetic == "fast" else model
    folder = Path(run.model_name_or_path) / direction
    path = str(folder) if folder.is_dir() else run.model_name_or_path
    load_config(path)  # which says so where there is none
    model = load_model(path, fast=run.arithmetic == "fast", pickled=run.pickled_weights)
    check_context(model.config, run.context)
    declared = getattr(model.config, "direction", direction)
    if declared != direction:
        raise SystemExit(f"{run.model_name_or_path}: is a {declared} model, which cannot go on as a {direction} one")
    if tokenizer_sha256(checkpoint_tokenizer(model.name_or_path)) != meta["tokenizer_sha256"]:
        raise SystemExit(
            f"{run.model_name_or_path}: has another tokenizer than {run.data}. Tokenize the text with that of the "
            "model: tokenize_lang.py --tokenizer, or make_synthetic.py --update_of."
        )
    return model


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
    return f"{launcher} run_clm_reverse.py {shlex.join(leave_out(('--hub', '--push'), argv))}"


@dataclass
class Prepared:
    """What the run of one direction begins with."""

    model: PreTrainedModel
    recipe: dict
    windows: Windows
    held_out: Windows
    tokenizer: PreTrainedTokenizerBase


def prepare(direction: str, run: RunArguments, args: ReverseTrainingArguments) -> Prepared:
    """What is trained on what; SystemExit, before anything is written, where this cannot be, or not in this folder."""
    meta = read_meta(run.data)
    windows = Windows(open_stream(run.data, "train"), run.context, run.stride)
    held_out = Windows(open_stream(run.data, "validation"), run.context, keep_tail=True)
    windows_per_step = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    if len(windows) < windows_per_step or not held_out:
        raise SystemExit(
            f"{run.data}: {len(windows)} training windows of {run.context} tokens and {len(held_out)} held-out ones, "
            f"of {windows_per_step} and 1 needed. Use more text, a shorter --context or a smaller batch."
        )

    unset_hf_deepspeed_config()  # with it, ZeRO-3 would make the model in parts, from other random numbers
    model = initial_model(direction, run, meta, args.seed)
    if args.deepspeed_plugin:
        args.deepspeed_plugin.set_deepspeed_weakref()
    recipe = {
        "direction": direction,
        "data_sha256": meta["data_sha256"],
        "tokenizer_sha256": meta["tokenizer_sha256"],
        "context": run.context,
        "stride": windows.stride,
        "windows_per_step": windows_per_step,
        "arithmetic": arithmetic_of(model),
        **{name: value for name, value in args.to_dict().items() if name in SETTINGS},
        "parameters": model.num_parameters(),
        **{f"model.{name}": value for name, value in model.config.to_diff_dict().items() if name not in NOT_MODEL},
        "continues": recipe_of(model.config) or None,
        "initial_weights_sha256": weights_sha256(model),
    }
    model.config.direction, model.config.arrow_of_time = direction, dict(recipe)
    check_run_folder(Path(args.output_dir, direction), recipe)
    if (start := args.resume_from_checkpoint) not in ("auto", None):
        made_from = getattr(load_config(start), "arrow_of_time", {})
        if differ := differences({key: made_from[key] for key in made_from if key != "step"}, recipe):
            raise SystemExit(
                f"--resume_from_checkpoint {start}: belongs to another run (there / now): {'; '.join(differ)}. "
                "Of a pair, one --direction at a time can go on from a folder."
            )
        if problem := damage(Path(start)):
            raise SystemExit(f"--resume_from_checkpoint {start}: {problem}; `auto` finds the newest that is whole")
    return Prepared(model, recipe, windows, held_out, data_tokenizer(run.data, direction=direction))


def train(direction: str, run: RunArguments, args: ReverseTrainingArguments, written: str) -> dict:
    """Train one direction, or go on with it, or find it finished; returns its results, with the command `written`."""
    prepared = prepare(direction, run, args)
    folder, args, first = Path(args.output_dir, direction), copy.copy(args), args.process_index == 0
    args.output_dir = str(folder)
    with args.main_process_first(local=False):  # the others find what the first has started
        unfinished = start_or_continue(folder, prepared.recipe)
    if not unfinished:
        if first:
            print(f"{folder}: finished before, made from the same data and settings")
        return read_json(folder / RESULTS)
    with alone(folder) if first else nullcontext():
        if (checkpoint := args.resume_from_checkpoint) == "auto":
            with args.main_process_first(local=False):
                checkpoint = last_checkpoint(folder, clean=first)
        return fit(prepared, checkpoint, run, args, written)


def finished_twin(folder: Path, recipe: dict) -> Path | None:
    """Run folder of the other direction of the same pair, None unless it is trained to the end."""
    twin = folder.with_name(DIRECTIONS[recipe["direction"] == "forward"])
    is_twin = without(read_json(twin / RECIPE) or {}, ("direction",)) == without(recipe, ("direction",))
    return twin if is_twin and (twin / RESULTS).exists() else None


def fit(
    prepared: Prepared, checkpoint: str | None, run: RunArguments, args: ReverseTrainingArguments, written: str
) -> dict:
    """Train from a checkpoint, or from the start, to the end, and write the results, which are returned."""
    from aot.train.trainer import ReverseTrainer  # here, because --help need not wait for the Trainer

    folder, recipe = Path(args.output_dir), prepared.recipe
    direction = recipe["direction"]
    trainer = ReverseTrainer(
        model=prepared.model,
        args=args,
        train_dataset=prepared.windows,
        eval_dataset=prepared.held_out,
        data_collator=ReverseTokenCollator(direction),
        processing_class=prepared.tokenizer,
        twin=finished_twin(folder, recipe),
    )
    progress = trainer.train(resume_from_checkpoint=checkpoint)
    step = trainer.state.global_step
    if step not in evaluations(trainer.state.log_history):
        trainer.evaluate()
    if run.parallel_directions and direction == DIRECTIONS[1]:
        if trainer.interruption.asked:  # after the last step; the results may never come
            raise SystemExit(143)
        wait_for(folder.with_name(DIRECTIONS[0]) / RESULTS)
    if twin := finished_twin(folder, recipe):
        trainer.compare_with(twin)
    with writing(folder):
        trainer.save_model()
        trainer.save_state()
    results = {
        "direction": direction,
        "step": step,
        "train_tokens": step * recipe["windows_per_step"] * run.context,
        "eval_tokens": len(prepared.held_out.stream),
        "eval_loss": evaluations(trainer.state.log_history)[step],
        "train_seconds": progress.metrics["train_runtime"],
        "data": run.data,
        "command": written,
        "processes": args.world_size,
        "wrapper": type(trainer.model_wrapped).__name__,
        **provenance(),
    }
    if trainer.is_world_process_zero():
        learned = {path for each in LEARNED for path in folder.glob(each)}
        write_json(folder / RESULTS, results | {"sha256": {path.name: file_sha256(path) for path in sorted(learned)}})
    if args.deepspeed_plugin:
        AcceleratorState._reset_state()  # DeepSpeed allows one engine in each, and the other direction makes its own
    if trainer.interruption.asked:  # after the last step, with nothing left to save
        raise SystemExit(143)
    return results


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
        print("One pair describes two models; a claim about a text takes several seeds, such as three. To measure ∂:")
        print(f"    python compute_aot.py --pair {shlex.join(losses)} --data {shlex.quote(data)}")


def main(argv: list[str] | None = None) -> None:
    commanded = [(each, *parse(each)) for each in commands(spelled_out(argv))]
    _, run, args = commanded[0]
    publishes, first = args.push_to_hub, args.process_index == 0
    if publishes:
        from aot.publish.hub import check_login, publish
    for _, _, each in commanded:
        if publishes:
            check_login(each.hub_model_id, each.hub_token)  # before training, not after days of it
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
            publish(each.output_dir, each.hub_model_id, **about)


if __name__ == "__main__":
    command(main)
