"""A pair that follows a linear language as it changes: Bob, who decides about each update, and Carol, his twin.

Both start from the same weights, and read the same lines in the same order, one of them from the end. A line is read
alone, without a mark of its end, so that it is as long on both sides of its colon.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from aot.sources import FIRST
from aot.sources.linear import ALPHABET, written
from aot.sources.updates import EITHER, FORWARD, draw, flip, pack, proposed, unpack
from aot.tokens.windows import DIRECTIONS, ReverseTokenCollator
from aot.train.models import build_model, use_fast_path


@dataclass(frozen=True)
class Lives:
    """The language, the models, and how long they learn it."""

    bits: int  # m of x and of y, all 2^m of which are listed
    generations: int
    first_steps: int  # on the first language
    steps: int  # on each that is proposed
    batch: int  # lines of a step
    held_out: int  # words whose lines are read by nobody
    rate: float  # of learning, at its highest
    layers: int
    width: int

    @property
    def entropy(self) -> float:
        """Nats per token of a line, in both directions."""
        return self.bits * np.log(2) / (2 * self.bits + 1)

    @property
    def near(self) -> float:
        """Nats per token below which Bob has learned a language: half a bit of a line above its entropy."""
        return self.entropy + np.log(2) / 2 / (2 * self.bits + 1)


def twins(lives: Lives, seed: int) -> dict[str, PreTrainedModel]:
    """Two models with the same weights, one for each direction."""
    torch.manual_seed(seed)
    # as in experiments/sources.sh: an exact rule wants no dropout, and few characters large initial weights
    shape = f"n_layer={lives.layers},n_head=4,n_embd={lives.width},initializer_range=0.1"
    overrides = f"{shape},resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"
    model = build_model(FIRST + len(ALPHABET), 2 * lives.bits + 1, "micro", "gpt2", overrides)
    return {each: use_fast_path(copy.deepcopy(model)) for each in DIRECTIONS}


def lines_of(language: np.ndarray, first: int, words: np.ndarray) -> np.ndarray:
    """Token ids [n, 2m + 1], int64, of lines that have `words` [n, m] as what the direction `first` reads first.

    Words are given in its order of reading.
    """
    given = words if first == FORWARD else words[:, ::-1]
    followed = (given.astype(np.int64) @ unpack(language[first]).T % 2).astype(np.uint8)
    return written(*(given, followed) if first == FORWARD else (followed, given)).astype(np.int64)


def teach(model: PreTrainedModel, direction: str, lines: np.ndarray, rate: float) -> None:
    """Train a model on lines [steps, batch, T], with a rate that rises for a tenth of the steps and at last falls."""
    collate, steps = ReverseTokenCollator(direction), len(lines)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    for step, batch in enumerate(lines, start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, 10 * step / steps, 4 * (1 - (step - 1) / steps))
        inputs = collate(batch)
        model(input_ids=inputs["input_ids"], targets=inputs["labels"]).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@torch.no_grad()
def loss_of(model: PreTrainedModel, direction: str, lines: np.ndarray) -> float:
    """Nats per token of lines [n, T]."""
    inputs = ReverseTokenCollator(direction)(lines)
    return model(input_ids=inputs["input_ids"], targets=inputs["labels"]).losses.double().mean().item()


def live(lives: Lives, alice: int, bob: int, seed: int) -> Iterator[dict]:
    """The languages and losses of a pair: one for the identity, which both learn first, and one for each generation.

    Alice proposes a flip, as in `updates.walk`. Bob is the model of his direction, or by a coin of either, and the
    update is adopted if he learns the new language in so many steps; then Carol learns it for as many. Else nothing of
    it is left. Held out are lines by the word that Bob reads first.
    """
    rng, of_lines = (np.random.default_rng([seed, stream]) for stream in range(2))
    coins, entries = draw(rng, lives.generations, lives.bits)
    first = rng.integers(2) if bob == EITHER else bob
    words = (of_lines.permutation(2**lives.bits)[:, None] >> np.arange(lives.bits) & 1).astype(np.uint8)
    held_out, seen = words[: lives.held_out], words[lives.held_out :]
    models, language = twins(lives, seed), pack(np.eye(lives.bits, dtype=np.uint8))

    def drawn(steps: int) -> np.ndarray:
        chosen = seen[of_lines.integers(len(seen), size=steps * lives.batch)]
        return lines_of(language, first, chosen).reshape(steps, lives.batch, -1)

    def measured(direction: str) -> float:
        return loss_of(models[direction], direction, lines_of(language, first, held_out))

    def adopts(learner: str, side: int, row: int, column: int) -> bool:
        if row < 0:  # no proposal
            return False
        before = models[learner]
        models[learner] = copy.deepcopy(before)
        flip(language, side, row, column)
        lines = drawn(lives.steps)
        teach(models[learner], learner, lines, lives.rate)
        if measured(learner) >= lives.near:
            flip(language, side, row, column)  # takes it back
            models[learner] = before
            return False
        (other,) = {*DIRECTIONS} - {learner}
        teach(models[other], other, lines, lives.rate)
        return True

    lines = drawn(lives.first_steps)
    for direction, model in models.items():
        teach(model, direction, lines, lives.rate)
    adopted = 0
    for generation in range(lives.generations + 1):
        if generation:
            coin_of_alice, coin_of_bob = coins[generation - 1]
            side = coin_of_alice if alice == EITHER else alice
            learner = DIRECTIONS[coin_of_bob if bob == EITHER else bob]
            adopted += adopts(learner, side, *proposed(language, side, entries[generation - 1]))
        found = {"generation": generation, "adopted": adopted, "language": language.tolist()}
        yield found | {direction: measured(direction) for direction in DIRECTIONS}
