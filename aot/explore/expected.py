"""What a model had expected: the likeliest tokens, from the passes over the text that give the losses."""

import numpy as np
import torch

from aot.explore.pieces import Pieces
from aot.tokens.windows import orient

MOST = 5  # tokens that are named
DIGITS = 4  # of a probability


class Expected:
    """Probabilities [m, V] of what may stand at some tokens of a text in one direction, summed over seeds."""

    def __init__(self, at: np.ndarray, tokens: int, direction: str):
        """`at` [m]: positions in a text of n `tokens`."""
        row = np.full(tokens, -1)
        row[at] = np.arange(len(at))
        self.rows = orient(row, direction)  # of each token in reading order, -1 for those that are not asked for
        self.asked, self.sum = len(at), None

    def add(self, part: slice, logits: torch.Tensor) -> None:
        """Logits [m, V] of a part of the tokens, counted in reading order, as `score` gives them to its `watch`."""
        rows = torch.from_numpy(self.rows[part].copy())
        asked = rows >= 0
        probabilities = torch.softmax(logits[asked.to(logits.device)].float(), -1).cpu()
        if self.sum is None:
            self.sum = torch.zeros(self.asked, logits.shape[-1])
        self.sum[rows[asked]] += probabilities

    def likeliest(self, seeds: int, pieces: Pieces) -> list[list]:
        """The likeliest tokens [m, 5] as pairs of their text and their probability, the mean of the seeds."""
        best = torch.topk(self.sum, min(MOST, self.sum.shape[-1]))  # as it may have 256 MB, nothing else of its size
        both = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [
            [[pieces.shown(number), round(share / seeds, DIGITS)] for number, share in zip(*each, strict=True)]
            for each in both
        ]
