"""The Trainer with this project's loss and evaluation: all T tokens of every window, none of them twice."""

import math
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import Dataset, RandomSampler
from transformers import Trainer, TrainerCallback

from aot.base.files import writing
from aot.tokens.tokenizers import save_tokenizer
from aot.train.fast import has_fast_path
from aot.train.losses import losses_under
from aot.train.optimizers import MUON, muon_for
from aot.train.runs import WINDOW_LOSSES, evaluations, last_checkpoint, log_history, seal
from metrics.arrow_of_time.gap import arrow_from_totals

QUESTION_SECONDS = 2.0  # between two questions to all processes whether one was told to stop
UNLOGGED = "unlogged"  # key in `trainer_state.json` of the loss added up since the last log, and of the step of that


WINDOW_LOSS = np.dtype([("step", "<i4"), ("window", "<i4"), ("loss", "<f4")])  # a row of WINDOW_LOSSES


@dataclass
class Numbered(Dataset):
    """Windows that come with their numbers, which `batch` hands on as `window` [B] beside what `collate` makes."""

    windows: Dataset
    collate: Callable

    def __len__(self) -> int:
        return len(self.windows)

    def __getitems__(self, numbers: list[int]) -> tuple[list[int], np.ndarray | list[np.ndarray]]:
        return numbers, self.windows.__getitems__(numbers)

    def batch(self, numbered: tuple) -> dict[str, torch.Tensor]:
        numbers, windows = numbered
        return {**self.collate(windows), "window": torch.tensor(numbers)}


class WindowLosses:
    """Mean loss in nats of each window trained on, with its step and number: rows of WINDOW_LOSS.

    They stand in an order that does not depend on the number of processes, and is that of the other direction.
    """

    def __init__(self, accelerator: Accelerator):
        self.accelerator = accelerator
        self.kept = []  # arrays [n] of WINDOW_LOSS
        self.new = []  # step, numbers [B] and losses [B] of the batches since, on the device of each process

    def add(self, step: int, windows: torch.Tensor, losses: torch.Tensor) -> None:
        """The losses [B] of a batch of `windows` [B]; nothing waits for them."""
        self.new.append((step, windows, losses.detach()))

    def collect(self) -> None:
        """Bring what is new from all processes into `kept`."""
        if not self.new:
            return
        steps, *columns = zip(*self.new, strict=True)
        steps = np.repeat(steps, [len(windows) for windows in columns[0]])
        windows, losses = (self.accelerator.gather(torch.cat(column)).cpu().numpy() for column in columns)
        rows = np.empty(len(windows), WINDOW_LOSS)
        rows["step"], rows["window"], rows["loss"] = np.tile(steps, self.accelerator.num_processes), windows, losses
        self.kept.append(rows[np.lexsort((rows["window"], rows["step"]))])
        self.new = []

    def load(self, checkpoint: Path) -> None:
        """Those of a run up to a checkpoint of it."""
        self.kept = [np.load(checkpoint / WINDOW_LOSSES)]

    def save(self, folder: Path) -> None:
        """Write the loss of every window trained on so far; a matter of all processes."""
        self.collect()
        if self.accelerator.is_main_process:
            np.save(folder / WINDOW_LOSSES, np.concatenate([np.empty(0, WINDOW_LOSS), *self.kept]))


class ReverseTrainer(Trainer):
    """Trains one direction; with the run folder of its `twin`, each evaluation also gives ∂ at the same step."""

    def __init__(self, *args, twin: Path | None = None, **kwargs):
        super().__init__(*args, compute_metrics=self.exact_loss, **kwargs)
        self.twin = twin
        self.fast = has_fast_path(self.model)  # of the model itself: later it may be wrapped
        self.model_accepts_loss_kwargs = False  # compute_loss returns the mean of one micro-batch, and
        self.loss_is_scaled_for_ga = False  # all micro-batches have equally many tokens
        self.first_bad_step = torch.tensor(math.inf, device=self.args.device)
        self.window_losses = WindowLosses(self.accelerator)
        self.interruption = Interruption(self)
        self.add_callback(self.interruption)
        self.add_callback(StopAtNonFiniteLoss(self))

    def train(self, resume_from_checkpoint: str | None = None, **kwargs):
        """As the Trainer does; SIGTERM, with which clusters take a machine back, saves and ends it with status 143."""
        if resume_from_checkpoint:
            self.window_losses.load(Path(resume_from_checkpoint))
        if self.is_deepspeed_enabled:  # which compiles
            from aot.train.builds import wait_for_builds

            with self.args.main_process_first():
                if self.args.local_process_index == 0:
                    wait_for_builds()
        before = signal.signal(signal.SIGTERM, self.interruption.ask)
        try:
            return super().train(resume_from_checkpoint, **kwargs)
        finally:
            signal.signal(signal.SIGTERM, before)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Mean loss of all tokens in nats; the usual causal-LM loss would leave out the first token of each window."""
        outputs = losses_under(model, inputs, self.fast)
        self.window_losses.add(self.state.global_step + 1, inputs["window"], outputs.losses.mean(1))
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def create_optimizer(self, *model):
        if self.args.optim == MUON and self.optimizer is None:
            self.optimizer = muon_for(self.model, self.args, self.get_decay_parameter_names(self.model))
        return super().create_optimizer(*model)

    def _run_epoch(self, *args, **kwargs):
        """Nothing after the last step: the Trainer does one more when it resumes from there, with `max_steps`."""
        if self.state.global_step < self.state.max_steps:
            super()._run_epoch(*args, **kwargs)

    def training_step(self, *args, **kwargs):
        loss = super().training_step(*args, **kwargs)
        bad_step = torch.where(loss.isfinite(), math.inf, self.state.global_step + 1.0)
        self.first_bad_step = torch.minimum(self.first_bad_step, bad_step)  # stays on the device: nothing waits for it
        return loss

    def save_state(self):
        super().save_state()
        self.window_losses.save(Path(self.args.output_dir))

    def _get_train_sampler(self, train_dataset=None):
        """As many windows an epoch as make whole steps: 30 × 3 and 90 × 1 are the same training."""
        windows = train_dataset or self.train_dataset
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return RandomSampler(windows, num_samples=len(windows) // step * step)

    def get_train_dataloader(self):
        """Windows with their numbers, so that the loss of each can be kept."""
        windows, collate = self.train_dataset, self.data_collator
        self.train_dataset = Numbered(windows, collate)
        self.data_collator = self.train_dataset.batch
        try:
            return super().get_train_dataloader()
        finally:
            self.train_dataset, self.data_collator = windows, collate

    def evaluation_loop(self, *args, **kwargs):
        """Leaves the random state as it was, so that how often a run is evaluated changes nothing in it."""
        with torch.random.fork_rng(devices=[]):  # a data loader draws a seed on the CPU; evaluation draws nothing else
            return super().evaluation_loop(*args, **kwargs)

    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        """Losses [B, T] of the tokens in place of logits [B, T, V], and no mean of the batch: see `exact_loss`."""
        inputs = self._prepare_inputs(inputs)
        # DeepSpeed evaluates without its engine, and would do so without autocast
        autocast = torch.autocast(self.args.device.type, torch.bfloat16, enabled=self.args.bf16)
        with torch.no_grad(), self.compute_loss_context_manager(), autocast:
            losses = losses_under(model, inputs, self.fast).losses
        return None, losses, inputs["labels"]

    def exact_loss(self, prediction) -> dict[str, float]:
        """Held-out nats per token, each token once, added in float64; ∂ where the twin has been at this step."""
        scored = prediction.label_ids != -100
        loss = float(prediction.predictions[scored].mean(dtype="float64"))
        if not math.isfinite(loss):  # before a checkpoint of the same step is saved
            self.stop_at_bad_loss("held-out loss", self.state.global_step)
        metrics = {"loss": loss, "tokens": int(scored.sum())}
        twin_loss = evaluations(log_history(self.twin)).get(self.state.global_step) if self.twin else None
        return metrics if twin_loss is None else metrics | {"aot": self.aot(loss, twin_loss)}

    def aot(self, loss: float, twin_loss: float) -> float:
        """∂ from this run's held-out loss and the twin's."""
        pair = (loss, twin_loss) if self.model.config.direction == "forward" else (twin_loss, loss)
        return arrow_from_totals(*([value] for value in pair), [1])["aot"]

    def compare_with(self, twin: Path) -> None:
        """Log ∂ at the steps where it is not, as the twin was training then: as if it had been trained before."""
        losses = evaluations(log_history(twin))
        for entry in self.state.log_history:
            if "eval_loss" in entry and entry["step"] in losses:
                entry.setdefault("eval_aot", self.aot(entry["eval_loss"], losses[entry["step"]]))

    def stop_at_bad_loss(self, which: str, step: int) -> None:
        """SystemExit that says from where the run can go on."""
        folder = self.args.output_dir
        raise SystemExit(
            f"{folder}: the {which} was NaN or infinite at step {step}. Last good checkpoint: "
            f"{last_checkpoint(Path(folder)) or 'none'}. Lower --learning_rate, or try --bf16 false."
        )

    def _save_checkpoint(self, model, trial):
        """As the Trainer does, with the losses not logged so far; a manifest, written last, makes it complete."""
        loss = self.accelerator.reduce(self._tr_loss, "mean").item()
        self.state.stateful_callbacks[UNLOGGED] = {"loss": loss, "since": self._globalstep_last_logged}
        checkpoint = Path(self.args.output_dir, f"checkpoint-{self.state.global_step}")
        with writing(checkpoint):
            super()._save_checkpoint(model, trial)
            self.window_losses.save(checkpoint)
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                seal(checkpoint)

    def save_model(self, output_dir=None, _internal_call=False):
        """As the Trainer does; the checkpoint says at which step it was taken, and transformers 4 loads it too."""
        self.model.config.arrow_of_time["step"] = self.state.global_step
        super().save_model(output_dir, _internal_call)
        if self.args.should_save:
            save_tokenizer(self.processing_class, output_dir or self.args.output_dir)


class Interruption(TrainerCallback):
    """Ends a run after any step, and takes it up again, such that it is as if it had not been interrupted.

    `enable_jit_checkpoint` of transformers would save between gradient and step, and then end as if trained.
    """

    def __init__(self, trainer: ReverseTrainer):
        self.trainer, self.asked, self.agreed = trainer, False, False
        self.next_question, self.since = 0, (0, time.monotonic())  # step to ask at; step and time of the last question

    def ask(self, *_) -> None:
        self.asked = True

    def on_train_begin(self, args, state, control, **kwargs):
        if unlogged := state.stateful_callbacks.get(UNLOGGED):
            self.trainer._tr_loss += unlogged["loss"]
            self.trainer._globalstep_last_logged = unlogged["since"]

    def on_step_end(self, args, state, control, **kwargs):
        if self.trainer.accelerator.num_processes == 1:
            self.agreed = self.asked
        elif state.global_step >= min(self.next_question, state.max_steps):
            self.agree(state.global_step)
        control.should_save |= self.agreed

    def on_evaluate(self, *args, **kwargs):
        self.next_question = 0  # saves at once after a long evaluation, and not only after the next steps
        self.on_step_end(*args, **kwargs)

    def agree(self, step: int) -> None:
        """Ask all processes, which signals reach at different steps, and agree on when to ask again: a question makes
        them wait for each other, so there is one every `QUESTION_SECONDS`."""
        last, then = self.since
        rate = (time.monotonic() - then) / max(1, step - last)  # seconds per step
        mine = torch.tensor([self.asked, rate], dtype=torch.float64, device=self.trainer.args.device)
        asked, rates = self.trainer.accelerator.reduce(mine, "sum").tolist()
        self.agreed, self.since = asked > 0, (step, time.monotonic())
        self.next_question = step + max(1, int(QUESTION_SECONDS * self.trainer.accelerator.num_processes / rates))

    def on_save(self, args, state, control, **kwargs):
        if self.agreed:
            self.trainer.accelerator.wait_for_everyone()
            if state.is_world_process_zero:
                print(
                    f"{args.output_dir}: stopped by SIGTERM after step {state.global_step}, which is saved; the same "
                    "command goes on from there",
                    file=sys.stderr,
                )
            raise SystemExit(143)  # 128 + SIGTERM: not done, so nothing that needs the result may start


class StopAtNonFiniteLoss(TrainerCallback):
    """Makes sure, before anything is logged or saved, that no step so far had a NaN or infinite loss."""

    def __init__(self, trainer: ReverseTrainer):
        self.trainer = trainer

    def on_step_end(self, args, state, control, **kwargs):
        if control.should_log or control.should_save or control.should_evaluate:
            if (step := self.trainer.first_bad_step.item()) < math.inf:
                self.trainer.stop_at_bad_loss("loss", int(step))
            self.trainer.window_losses.collect()  # here, where the device was waited for
