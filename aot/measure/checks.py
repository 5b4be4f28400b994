"""Whether models can read a text, and in the direction they are said to: otherwise their ∂ means nothing."""

import numpy as np
from scipy.special import gammaln
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from aot.measure.scoring import score_as_fits
from aot.tokens.windows import DIRECTIONS, parts
from aot.train.pairs import recipe_of

COUNTED = 10**8  # tokens of a training text that tell well enough how often each comes; all may take minutes to read
SAMPLE = 4096  # tokens that are scored to see whether a model can read the text
REVERSED = ", or --reverse_text, if it was trained on reversed characters"
SAME = 1e-2  # nats per token, within which the losses of one model stay, however its weights are rounded


def unigram_loss(ids: np.ndarray, vocab_size: int, known: np.ndarray | None = None) -> float:
    """Nats per token that counting takes for `ids` [n] of V, after `known` [m]: of an adaptive code, at most ln V.

    The code of Krichevsky and Trofimov (1981, "The performance of universal encoding"): each id has been seen half a
    time before the text begins. In a text that is short for its V, less: all ids together a quarter of its length.
    Where nothing is known, a code has to learn the counts on its way, which in a short text costs more than they save.
    """
    known = ids[:0] if known is None else known
    vocab_size = max(vocab_size, int(ids.max()) + 1)  # some tokenizers leave numbers out
    counts, before = (
        sum((np.bincount(each[part], minlength=vocab_size) for part in parts(len(each))), np.zeros(vocab_size))
        for each in (ids, known)
    )
    before = before + min(vocab_size / 2, (len(ids) + len(known)) / 4) / vocab_size
    there = counts > 0
    seen = gammaln(counts[there] + before[there]) - gammaln(before[there])
    nats = gammaln(counts.sum() + before.sum()) - gammaln(before.sum()) - seen.sum()
    return float(min(np.log(vocab_size), nats / len(ids)))


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

    Those without a recipe of ours have to be two of one size, and to find their own direction easier than the other.
    """
    context, sizes = min(how.context, SAMPLE), {}

    def read(path: str, own: str) -> dict[str, np.ndarray]:
        """Loss [n] of each token of the sample by direction of reading, the model's own one first."""
        model, taken, bos = which.load(path).to(how.device), sample(ids[path], context), tokenizers[path].bos_token_id
        sizes[path] = f"{model.num_parameters():,}"
        read_in = [own] if recipe_of(configs[path]) else [own, DIRECTIONS[own == "forward"]]
        return {each: score_as_fits(model, taken, each, context, context, how.batch_size, bos) for each in read_in}

    for pair in pairs:
        losses = {path: read(path, how.reads(direction)) for direction, path in pair.items()}
        check_two(losses)
        if not how.by_text and len({sizes[path] for path in pair.values()}) > 1:
            raise SystemExit(
                f"{' and '.join(pair.values())}: no pair, they have {' and '.join(sizes[path] for path in losses)} "
                "parameters; --by_text compares them all the same"
            )
        for direction, path in pair.items():
            reversed_text = direction == "backward" and not how.reverse_text
            check_losses(path, direction, unigram[direction], losses[path], REVERSED * reversed_text)


def check_two(losses: dict[str, dict[str, np.ndarray]]) -> None:
    """SystemExit where both models give each token the same loss, `losses` [n] by path and direction of reading."""
    one, other = (each.get("forward", np.empty(0)) for each in losses.values())
    if len(one) == len(other) > 0 and np.abs(one - other).mean() < SAME:
        raise SystemExit(f"{' and '.join(losses)}: are one and the same model; a pair needs one for each direction")


def check_losses(path: str, direction: str, unigram: float, losses: dict[str, np.ndarray], hint: str) -> None:
    """SystemExit unless the first mean of `losses` [n], in a model's own direction, is below `unigram` and any other.

    A loss that is no number is left to scoring, which says of what token it is. `hint`: what else may be the cause.
    """
    means = {name: loss.mean(dtype=float) for name, loss in losses.items()}
    own, *other = means.values()
    if min(means.values()) >= unigram:
        raise SystemExit(
            f"{path}: cannot read this text: {own:.4f} nats per token in a sample of it, and counting tokens gives "
            f"{unigram:.4f}. Give a text like those it was trained on{hint}."
        )
    if other and own >= other[0]:
        told = " and ".join(f"{loss:.4f} {name}" for name, loss in means.items())
        raise SystemExit(
            f"{path}: is no {direction} model, going by the nats per token in a sample of this text: {told}. Swap "
            f"--forward and --backward{hint}."
        )
