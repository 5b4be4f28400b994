"""What ends training early: a signal, after a checkpoint; and a loss that is no number."""

import math
import sys
import time

import torch
from transformers import Trainer, TrainerCallback

UNLOGGED = "unlogged"  # key in `trainer_state.json` of the loss added up since the last log, and of the step of that
QUESTION_SECONDS = 2.0  # between two questions to all processes whether one was told to stop


class Interruption(TrainerCallback):
    """Ends a run after any step, and takes it up again, such that it is as if it had not been interrupted.

    `enable_jit_checkpoint` of transformers would save between gradient and step, and then end as if trained.
    """

    def __init__(self, trainer: Trainer):
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

    def __init__(self, trainer: Trainer):
        self.trainer = trainer

    def on_step_end(self, args, state, control, **kwargs):
        if control.should_log or control.should_save or control.should_evaluate:
            if (step := self.trainer.first_bad_step.item()) < math.inf:
                self.trainer.stop_at_bad_loss("loss", int(step))
            self.trainer.window_losses.collect()  # here, where the device was waited for
