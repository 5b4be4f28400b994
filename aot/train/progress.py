"""What training shows: a header, a bar on a terminal, and a line at each evaluation."""

from pathlib import Path

import torch
from transformers import PreTrainedModel, TrainerCallback

from aot.base.machine import cores
from aot.base.messages import notice, once
from aot.base.progress import Bar, say
from aot.tokens.windows import PERMUTED, Order, Windows
from aot.train.arguments import ReverseTrainingArguments
from aot.train.rates import matmul_flops

LONG, CPU_FLOPS = 600, 1e12  # seconds worth a measurement; FLOP a second of a fast CPU


def header(
    model: PreTrainedModel, windows: Windows, held_out: Windows, args: ReverseTrainingArguments, steps: int
) -> str:
    """What is trained on what, for both directions of a pair the same."""
    config, folder = model.config, Path(args.output_dir)
    per_step = args.windows_per_step
    epochs = steps * per_step / len(windows)
    arithmetic = "float16" if args.fp16 else "bfloat16" if args.bf16 else "float32"
    device = torch.cuda.get_device_name() if args.device.type == "cuda" else f"{args.device.type}, {cores()} cores"
    if args.world_size > 1:
        device = f"{args.world_size} × {device}"
    rows = {
        "model": f"{config.model_type}, {model.num_parameters() / 1e6:,.2f}M parameters, context {windows.context}",
        "data": f"{len(windows):,} windows to train on, {len(held_out.stream):,} tokens held out",
        "steps": f"{steps:,}, each of {per_step:,} windows; the data are read {epochs:.3g} times",
        "device": f"{device}, {arithmetic}",
        "seed": f"{args.seed}",
    }
    return "\n".join([f"{folder.parent}", *(f"  {name:<8}{what}" for name, what in rows.items())])


def warn_of_days(flop: float, device: torch.device) -> None:
    """Say so where training takes a processor half a day or more; GPT2-Medium, the default, takes a CPU months."""
    if device.type != "cpu" or flop < LONG * CPU_FLOPS:
        return
    with torch.random.fork_rng(devices=[]):  # a run is not to depend on whether this was measured
        days = flop / matmul_flops(device) / 86_400
    if days >= 0.5:
        notice(
            f"on this CPU a direction takes {days:,.1f} days or more, at the speed of its matrix products; for a CPU "
            "there are --size micro and mini"
        )


class Progress(TrainerCallback):
    """In the place of the bars and dictionaries of the Trainer; one process of all shows it."""

    def __init__(self, trainer, shows_header: bool):
        self.trainer, self.shows_header = trainer, shows_header
        reading = trainer.data_collator.direction
        self.direction = PERMUTED if isinstance(reading, Order) else reading
        self.bar, self.trained = None, ""

    def on_train_begin(self, args, state, control, **kwargs):
        if not state.is_world_process_zero:
            return
        if self.shows_header:
            trainer = self.trainer
            once(header(trainer.model, trainer.train_dataset, trainer.eval_dataset, args, state.max_steps))
            tokens = (state.max_steps - state.global_step) * args.windows_per_step * trainer.train_dataset.context
            warn_of_days(6 * trainer.model.num_parameters() * tokens, args.device)
        if state.global_step:
            say(f"{self.direction:<9} goes on after step {state.global_step:,}")
        about = {"desc": self.direction, "total": state.max_steps, "initial": state.global_step, "unit": "step"}
        if not args.disable_tqdm:
            self.bar = Bar(**about, delay=0, leave=False)

    def on_step_end(self, args, state, control, **kwargs):
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_prediction_step(self, args, state, control, eval_dataloader=None, **kwargs):
        if self.bar is not None and self.bar.on_terminal:
            self.bar.set_postfix_str("reads held-out text", refresh=self.bar.postfix != "reads held-out text")

    def on_log(self, args, state, control, logs=None, **kwargs):
        if not state.is_world_process_zero:
            return
        if "loss" in logs:
            self.trained = f"  in training {logs['loss']:.4f}"
            if self.bar is not None:
                self.bar.set_postfix_str(f"loss {logs['loss']:.4f}", refresh=False)
        line = f"{self.direction:<9} step {state.global_step:>{len(f'{state.max_steps:,}')},}/{state.max_steps:,}"
        if "eval_loss" in logs:
            arrow = f"  ∂ {logs['eval_aot']:+.3%}" if "eval_aot" in logs else ""
            say(f"{line}  held out {logs['eval_loss']:.4f}{arrow}{self.trained}")
            self.trained = ""
        elif "loss" in logs and args.eval_strategy == "no":
            say(line + self.trained)

    def on_train_end(self, args, state, control, **kwargs):
        if self.bar is not None:
            self.bar.close()
            self.bar = None
