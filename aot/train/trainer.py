"""The Trainer with this project's loss and evaluation: all T tokens of every window, none of them twice."""

import logging
import math
import signal
import warnings
from pathlib import Path

import accelerate
import torch
from torch.utils.data import RandomSampler
from transformers import PrinterCallback, Trainer, trainer_utils
from transformers.trainer import DEFAULT_PROGRESS_CALLBACK

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import writing
from aot.tokens.tokenizers import save_tokenizer
from aot.train.fast import has_fast_path
from aot.train.interruption import UNLOGGED, Interruption, StopAtNonFiniteLoss
from aot.train.losses import losses_under
from aot.train.optimizers import MUON, muon_for
from aot.train.progress import Progress
from aot.train.runs import evaluations, last_checkpoint, log_history, seal
from aot.train.window_losses import Numbered, WindowLosses

# Warnings of transformers about what is as it should be: checkpoints of small models within a second, which it then
# orders by their numbers; and, when a run goes on, --eval_steps 0.1 that are not the 6 it has made of them.
FALSE_ALARMS = ("mtime may not be reliable", "Warning: The following arguments do not match")
logging.getLogger(trainer_utils.__name__).addFilter(lambda record: not record.getMessage().startswith(FALSE_ALARMS))

warnings.filterwarnings("ignore", "`torch.distributed.all_gather_into_tensor`", FutureWarning)  # of accelerate


class ReverseTrainer(Trainer):
    """Trains one direction; with the run folder of its `twin`, each evaluation also gives ∂ at the same step."""

    def __init__(self, model, args, *, twin: Path | None = None, shows_header: bool = False, **kwargs):
        import_no_deepspeed(unless=args.deepspeed_plugin is not None)
        super().__init__(model, args, compute_metrics=self.exact_loss, **kwargs)
        self.twin = twin
        self.fast = has_fast_path(self.model)  # of the model itself: later it may be wrapped
        self.model_accepts_loss_kwargs = False  # compute_loss returns the mean of one micro-batch, and
        self.loss_is_scaled_for_ga = False  # all micro-batches have equally many tokens
        self.first_bad_step = torch.tensor(math.inf, device=self.args.device)
        self.window_losses = WindowLosses(self.accelerator)
        self.interruption = Interruption(self)
        self.add_callback(self.interruption)
        self.add_callback(StopAtNonFiniteLoss(self))
        self.pop_callback(PrinterCallback if self.args.disable_tqdm else DEFAULT_PROGRESS_CALLBACK)
        self.add_callback(Progress(self, shows_header))

    def train(self, resume_from_checkpoint: str | None = None, **kwargs):
        """As the Trainer does; SIGTERM, with which clusters take a machine back, saves and ends it with status 143."""
        if resume_from_checkpoint:
            self.window_losses.load(Path(resume_from_checkpoint))
        if self.is_deepspeed_enabled:  # which compiles
            from aot.train.builds import wait_for_builds  # here, because it needs setuptools, as DeepSpeed does

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

    def _issue_warnings_after_load(self, load_result):
        """As the Trainer does, but for weights that are tied to others, which no checkpoint has twice."""
        tied = set(self.model.all_tied_weights_keys)
        super()._issue_warnings_after_load(load_result._replace(missing_keys=[*{*load_result.missing_keys} - tied]))

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
        step = self.args.windows_per_step
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


def import_no_deepspeed(unless: bool) -> None:
    """Keep accelerate from importing DeepSpeed where it is installed and not used: it takes two seconds, and warns."""
    accelerate.utils.other.is_deepspeed_available = accelerate.utils.is_deepspeed_available if unless else bool
