"""Whether models can read a text, and in the direction they are said to: otherwise their ∂ means nothing."""

import numpy as np
from scipy.special import gammaln
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from aot.data import DIRECTIONS, parts
from aot.pairs import recipe_of
from aot.scoring import score_as_fits

SAMPLE = 4096  # tokens that are scored to see whether a model can read the text
SAME = 1e-2  # nats per token, within which the losses of one model stay, however its weights are rounded


def unigram_loss(ids: np.ndarray, vocab_size: int) -> float:
    """Nats per token that counting takes for `ids` [n] of V: of an adaptive code, and no more than ln V.

    The code of Krichevsky and Trofimov (1981, "The performance of universal encoding"): each id has been seen half a
    time before the text begins. In a text that is short for its V, less: all ids together a quarter of its length.
    """
    vocab_size = max(vocab_size, int(ids.max()) + 1)  # some tokenizers leave numbers out
    tokens, before = len(ids), min(vocab_size / 2, len(ids) / 4)
    counts = sum(np.bincount(ids[part], minlength=vocab_size) for part in parts(tokens))
    seen = gammaln(counts[counts > 0] + before / vocab_size) - gammaln(before / vocab_size)
    return float(min(np.log(vocab_size), (gammaln(tokens + before) - gammaln(before) - seen.sum()) / tokens))


def sample(ids: np.ndarray, context: int) -> np.ndarray:
    """Windows of `context` tokens, evenly spaced over `ids` [n] and joined, `SAMPLE` tokens at most; or all [n]."""
    if len(ids) <= SAMPLE:
        return np.asarray(ids)
    numbers = np.linspace(0, len(ids) // context - 1, SAMPLE // context).astype(int)
    return np.concatenate([ids[number * context : (number + 1) * context] for number in numbers])


def check_models(
    pairs: list[dict[str, str]],
    configs: dict[str, PretrainedConfig],
    tokenizers: dict[str, PreTrainedTokenizerBase],
    ids: dict[str, np.ndarray],
    unigram: dict[str, float],
    which,
    how,
) -> None:
    """SystemExit unless every model reads a sample of its text `ids` [n] with fewer nats per token than `unigram`.

    Those without a recipe of ours have to be two, and to find their own direction easier than the other one.
    """
    context = min(how.context, SAMPLE)

    def read(path: str, own: str) -> dict[str, np.ndarray]:
        """Loss [n] of each token of the sample by direction of reading, the model's own one first."""
        model, taken, bos = which.load(path).to(how.device), sample(ids[path], context), tokenizers[path].bos_token_id
        read_in = [own] if recipe_of(configs[path]) else [own, DIRECTIONS[own == "forward"]]
        return {each: score_as_fits(model, taken, each, context, context, how.batch_size, bos) for each in read_in}

    for pair in pairs:
        losses = {path: read(path, how.reads(direction)) for direction, path in pair.items()}
        check_two(losses)
        for direction, path in pair.items():
            check_losses(path, direction, unigram[direction], losses[path])


def check_two(losses: dict[str, dict[str, np.ndarray]]) -> None:
    """SystemExit where both models give each token the same loss, `losses` [n] by path and direction of reading."""
    one, other = (each.get("forward", np.empty(0)) for each in losses.values())
    if len(one) == len(other) > 0 and np.abs(one - other).mean() < SAME:
        raise SystemExit(f"{' and '.join(losses)}: are one and the same model; a pair needs one for each direction")


def check_losses(path: str, direction: str, unigram: float, losses: dict[str, np.ndarray]) -> None:
    """SystemExit unless the first mean of `losses` [n], in a model's own direction, is below `unigram` and any other.

    A loss that is no number is left to scoring, which says of what token it is.
    """
    means = {name: loss.mean(dtype=float) for name, loss in losses.items()}
    own, *other = means.values()
    if min(means.values()) >= unigram:
        raise SystemExit(
            f"{path}: cannot read this text: {own:.4f} nats per token in a sample of it, and counting tokens gives "
            f"{unigram:.4f}. Give a text like those it was trained on, or --reverse_text if the backward model was "
            "trained on reversed characters."
        )
    if other and own >= other[0]:
        told = " and ".join(f"{loss:.4f} {name}" for name, loss in means.items())
        raise SystemExit(
            f"{path}: is no {direction} model, going by the nats per token in a sample of this text: {told}. Swap "
            "--forward and --backward, or give --reverse_text if the backward one was trained on reversed characters."
        )
