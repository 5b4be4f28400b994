"""One run, from its recipe to its results: the same command goes on where it stopped."""

import copy
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from accelerate.state import AcceleratorState
from transformers import PreTrainedModel, PreTrainedTokenizerBase, set_seed
from transformers.integrations import unset_hf_deepspeed_config

from aot.base.files import file_sha256, read_json, write_json, writing
from aot.base.folders import RESULTS, alone, differences
from aot.base.machine import provenance
from aot.base.messages import notice
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.tokenizers import checkpoint_tokenizer, data_tokenizer, tokenizer_sha256
from aot.tokens.windows import DIRECTIONS, Reading, ReverseTokenCollator, Windows
from aot.train.arguments import ReverseTrainingArguments, RunArguments
from aot.train.cards import CARD, licence_in, licence_of, model_card
from aot.train.commands import parse, repeatable
from aot.train.fast import arithmetic_of, use_fast_path
from aot.train.models import build_model, check_context, load_model
from aot.train.orders import order_in
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
from aot.train.sharing import guard, share
from aot.train.trackers import end_runs, name_run

# What has to be equal for two runs to be a pair, or for one to be continued, besides data, model and window order.
SETTINGS = (
    *("seed", "data_seed", "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "optim"),
    *("weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "bf16", "fp16"),
    *("optim_args", "neftune_noise_alpha", "num_train_epochs", "max_steps", "tf32"),
)

# What the configuration of a model has besides what makes the model.
NOT_MODEL = {"direction", "arrow_of_time", "architectures", "auto_map", "custom_pipelines", "dtype"}
NOT_MODEL |= {"transformers_version"}

# Files of a finished run whose hashes are kept.
LEARNED = ("*.safetensors*", "*config.json", "tokenizer*", "*.py", WINDOW_LOSSES, RECIPE, STATE)


def initial_model(
    direction: str, run: RunArguments, vocab_size: int, tokenizer: PreTrainedTokenizerBase, seed: int
) -> PreTrainedModel:
    """The model before its first step: the same weights in both directions, unless a pair is continued."""
    set_seed(seed)
    if run.model_name_or_path is None:
        shape = run.context, run.size, run.model_type, run.config_overrides
        model = build_model(vocab_size, *shape, tokenizer.bos_token_id, tokenizer.eos_token_id)
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
    declared, order = recipe_of(model.config).get("order"), order_in(run.reading(direction)).get("order")
    if declared is not None and (differ := differences(declared, order)):
        raise SystemExit(f"{run.model_name_or_path}: reads in another order (there / now): {'; '.join(differ)}")
    if tokenizer_sha256(checkpoint_tokenizer(model.name_or_path)) != tokenizer_sha256(tokenizer):
        raise SystemExit(
            f"{run.model_name_or_path}: has another tokenizer than {run.data}. Tokenize the text with that of the "
            "model: tokenize_lang.py --tokenizer, or make_synthetic.py --update_of."
        )
    model.get_input_embeddings().padding_idx = None  # with one, a token of the text could be one that is not learned
    return model


@dataclass
class Prepared:
    """What the run of one direction begins with."""

    model: PreTrainedModel
    reading: Reading
    recipe: dict
    windows: Windows
    held_out: Windows
    tokenizer: PreTrainedTokenizerBase
    meta: dict  # of the data, which may be gone at the end of days of training
    licence: str | None


def prepare(direction: str, run: RunArguments, args: ReverseTrainingArguments) -> Prepared:
    """What is trained on what; SystemExit, before anything is written, where this cannot be, or not in this folder."""
    meta = read_meta(run.data)
    windows = Windows(open_stream(run.data, "train"), run.context, run.stride)
    held_out = Windows(open_stream(run.data, "validation"), run.context, keep_tail=True)
    if len(windows) < args.windows_per_step or not held_out:
        raise SystemExit(
            f"{run.data}: {len(windows)} training windows of {run.context} tokens and {len(held_out)} held-out ones, "
            f"of {args.windows_per_step} and 1 needed. Use more text, a shorter --context or a smaller batch."
        )

    unset_hf_deepspeed_config()  # with it, ZeRO-3 would make the model in parts, from other random numbers
    tokenizer = data_tokenizer(run.data, direction=direction, model_max_length=run.context)
    model = initial_model(direction, run, meta["vocab_size"], tokenizer, args.seed)
    if args.deepspeed_plugin:
        args.deepspeed_plugin.set_deepspeed_weakref()
    recipe = {
        "direction": direction,
        "data_sha256": meta["data_sha256"],
        "tokenizer_sha256": meta["tokenizer_sha256"],
        "context": run.context,
        "stride": windows.stride,
        **order_in(run.reading(direction)),
        "windows_per_step": args.windows_per_step,
        "arithmetic": arithmetic_of(model),
        **{name: value for name, value in args.to_dict().items() if name in SETTINGS},
        "parameters": model.num_parameters(),
        **{f"model.{name}": value for name, value in model.config.to_diff_dict().items() if name not in NOT_MODEL},
        "continues": recipe_of(model.config) or None,
        "initial_weights_sha256": weights_sha256(model),
    }
    model.config.direction, model.config.arrow_of_time = direction, dict(recipe)
    guard(model.config, direction)
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
    licence = licence_of(run.license, run.data)
    return Prepared(model, run.reading(direction), recipe, windows, held_out, tokenizer, meta, licence)


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
            if run.license and run.license != licence_in(folder):
                notice(f"--license {run.license}: {folder / CARD} is left as it is; change its `license` there")
        return read_json(folder / RESULTS)
    with alone(folder) if first else nullcontext():
        if (checkpoint := args.resume_from_checkpoint) == "auto":
            with args.main_process_first(local=False):
                checkpoint = last_checkpoint(folder, clean=first)
        return fit(prepared, checkpoint, run, args, written)


def finished_twin(folder: Path, recipe: dict) -> Path | None:
    """Run folder of the other direction of the same pair, None unless it is trained to the end, or this is of none."""
    if recipe["direction"] not in DIRECTIONS:
        return None
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
    name_run(args, folder)
    trainer = ReverseTrainer(
        model=prepared.model,
        args=args,
        train_dataset=prepared.windows,
        eval_dataset=prepared.held_out,
        data_collator=ReverseTokenCollator(prepared.reading, prepared.tokenizer.bos_token_id),
        processing_class=prepared.tokenizer,
        twin=finished_twin(folder, recipe),
        shows_header=direction == DIRECTIONS[0] or not run.parallel_directions,
    )
    progress = trainer.train(resume_from_checkpoint=checkpoint)
    step = trainer.state.global_step
    if step not in evaluations(trainer.state.log_history):
        trainer.evaluate()
    end_runs(args.report_to)
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
        about = prepared.meta, prepared.held_out.stream, prepared.licence
        share(folder, direction, model_card(folder, results, recipe, *about))
        learned = {path for each in LEARNED for path in folder.glob(each)}
        write_json(folder / RESULTS, results | {"sha256": {path.name: file_sha256(path) for path in sorted(learned)}})
    if args.deepspeed_plugin:
        AcceleratorState._reset_state()  # DeepSpeed allows one engine in each, and the other direction makes its own
    if trainer.interruption.asked:  # after the last step, with nothing left to save
        raise SystemExit(143)
    return results


def train_apart(direction: str, argv: list[str], written: str) -> None:
    """Train one direction in a process of its own."""
    run, args = parse(argv)
    args.push_to_hub = False
    train(direction, run, args, written)


def train_pair(argv: list[str], run: RunArguments, args: ReverseTrainingArguments) -> dict[str, float]:
    """Train the directions of one seed; returns the held-out loss of each in nats per token."""
    written = repeatable(argv, args.world_size)
    if run.parallel_directions:
        at_once(train_apart, argv, written)
        results = {name: read_json(Path(args.output_dir, name, RESULTS)) for name in DIRECTIONS}
    else:
        results = {name: train(name, run, args, written) for name in run.directions}
    return {name: result["eval_loss"] for name, result in results.items()}
