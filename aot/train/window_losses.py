"""The mean loss of each window that is trained on, which is a code length while it is read for the first time."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch.utils.data import Dataset

from aot.train.runs import WINDOW_LOSSES

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
