"""A text by pairs of models: the loss of each unit in both directions, what each had expected, and ∂."""

import numpy as np

from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.progress import quietly
from aot.explore.expected import Expected
from aot.explore.limits import MOST_TOKENS
from aot.explore.offered import Pair, by_seed, open_pairs, together
from aot.explore.pieces import Pieces
from aot.explore.texts import documents_to_measure
from aot.explore.units import Unit, encode_units
from aot.measure.checks import unigram_loss
from aot.measure.scoring import document_totals, score, tokens_read
from aot.tokens.tokenizers import encode, vocabulary_size
from aot.tokens.windows import DIRECTIONS, document_starts

WORK = 2e11  # tokens times parameters of all models: seconds on two cores
CHANCES = 2**26  # tokens times vocabulary: the probabilities that are kept at a time take 256 MB
UNKNOWN, CUT = 0.1, 0.5  # shares of tokens; with more of them a tokenizer is not made for the text
ALPHABET = 256  # characters that a text may have, about
DIGITS = 6  # of a loss in nats


def measure(pairs: list[str], text: str, reverse: bool = False) -> dict:
    """What the page shows of a text by pairs, whose losses are those of `compute_aot.py --stride T/2`.

    ValueError or SystemExit in one line where there is no text, or a pair cannot be had. A text that is too long is
    cut, and where a pair cannot read it, its result says so in place of ∂. Losses are in nats.
    """
    with quietly():
        groups = by_seed(open_pairs(pairs))
        every = [pair for group in groups for pair in group]
        most = most_tokens(every)
        why = "" if most == MOST_TOKENS else " with models this large"

        def count(documents: list[str]) -> int:
            return max(len(encode(documents, each.backend_tokenizer, each.eos_token_id)) for each in tokenizers)

        tokenizers = [group[0].tokenizer for group in groups]
        documents, notices = documents_to_measure(text, reverse, count, most, why)
        results = [result_of(group, documents) for group in groups]
    return {"kind": "pair", "documents": documents, "reversed": reverse, "notices": notices, "results": results}


def most_tokens(pairs: list[Pair]) -> int:
    """How many tokens all of them together read in seconds."""
    work = together(pairs)
    chances = max(vocabulary_size(pair.tokenizer) for pair in pairs)
    return int(min(MOST_TOKENS, WORK // work, CHANCES // chances))


def result_of(group: list[Pair], documents: list[str]) -> dict:
    """What pairs that differ in the seed alone say of documents."""
    tokenizer, context = group[0].tokenizer, min(pair.context for pair in group)
    ids, units = encode_units(documents, tokenizer)
    pieces, starts = Pieces(tokenizer), document_starts(ids, tokenizer.eos_token_id)
    read = [unit for unit in units if unit.tokens]
    first = {"forward": np.array([unit.token for unit in read])}
    first["backward"] = np.array([unit.token + unit.tokens - 1 for unit in read])
    losses, expected, before = {}, {}, {}
    for direction in DIRECTIONS:
        seen = Expected(first[direction], len(ids), direction)
        windows = context, max(1, context // 2)
        losses[direction] = np.array([losses_of(pair, ids, direction, *windows, seen) for pair in group])
        expected[direction] = seen.likeliest(len(group), pieces)
        before[direction] = tokens_read(len(ids), *windows, direction)[first[direction]].tolist()
    unigram = unigram_loss(ids, len(tokenizer))
    message = why_unreadable(ids, losses, documents, pieces)
    totals = [[document_totals(row, starts) for row in losses[direction]] for direction in DIRECTIONS]
    lengths = np.diff([*starts, len(ids)])
    of_read = {unit.token: at for at, unit in enumerate(read)}
    rows = []
    for unit in units:
        at = of_read[unit.token] if unit.tokens else None
        rows.append(row_of(unit, losses) | details(at, before, expected))
    return {
        "name": name_of(group),
        "pairs": [pair.name for pair in group],
        "parameters": group[0].parameters,
        "context": context,
        "message": message,
        "report": None if message else arrow_from_totals(*totals, lengths, unigram=unigram),
        "units": rows,
        "tokens": {
            "ids": ids.tolist(),
            "texts": [pieces.text(number) for number in ids.tolist()],
            "starts": starts.tolist(),
            **{name: [[round(loss, DIGITS) for loss in row] for row in of.tolist()] for name, of in losses.items()},
        },
    }


def losses_of(pair: Pair, ids: np.ndarray, direction: str, context: int, stride: int, seen: Expected) -> np.ndarray:
    """Loss [n] in nats of each token, which `seen` sees, too; SystemExit where one is no number."""
    model, bos = pair.models[direction], pair.tokenizer.bos_token_id
    losses = score(model, ids, direction, context, stride, bos=bos, watch=seen.add)
    if not (finite := np.isfinite(losses)).all():
        at = int(finite.argmin())
        raise SystemExit(f"{pair.name}: its {direction} model gives token {at:,} a loss of {losses[at]}; no ∂ follows")
    return losses


def name_of(group: list[Pair]) -> str:
    """What pairs of several seeds are called together."""
    more = len(group) - 1
    return group[0].name + (f" and {more} more seed{'s' * (more > 1)}" if more else "")


def row_of(unit: Unit, losses: dict[str, np.ndarray]) -> dict:
    """A unit with its loss in each direction, the mean of the seeds [K, n]."""
    part = slice(unit.token, unit.token + unit.tokens)
    means = {name: round(float(of[:, part].sum(1, dtype=float).mean()), DIGITS) for name, of in losses.items()}
    return {"text": unit.text, "document": unit.document, "token": unit.token, "tokens": unit.tokens, **means}


def details(at: int | None, before: dict, expected: dict) -> dict:
    """What each direction had read and expected at the first token of the unit `at`; None: one without tokens."""
    if at is None:
        return {"read": [0, 0], "expected": {direction: [] for direction in DIRECTIONS}}
    return {
        "read": [before[direction][at] for direction in DIRECTIONS],
        "expected": {direction: expected[direction][at] for direction in DIRECTIONS},
    }


def why_unreadable(ids: np.ndarray, losses: dict, documents: list[str], pieces: Pieces) -> str | None:
    """Why these models, whose losses are [K, n], cannot read the documents of `ids` [n]; None if they can.

    Then their ∂ would mean nothing. Of tokens that are cut small, counting gives away less than of characters.
    """
    start, text = "This pair cannot read this text", ids != pieces.tokenizer.eos_token_id
    if not text.any():
        return f"{start}: its tokenizer leaves out all of it."
    if (share := pieces.unknown(ids[text])) > UNKNOWN:
        return f"{start}: its tokenizer does not know {share:.0%} of it."
    if (share := pieces.cut(ids[text])) > CUT:
        return f"{start}: {share:.0%} of its tokens are pieces of characters, for which it has no tokens of their own."
    characters = np.frombuffer("".join(documents).encode("utf-32-le"), np.uint32)
    counting = {"token": (unigram_loss(ids, len(pieces.tokenizer)), ids >= 0, len(ids))}
    counting["character"] = (unigram_loss(characters, ALPHABET), text, len(characters))
    for kind, (counted, part, number) in counting.items():
        nats = {direction: float(of[:, part].sum(1, dtype=float).max()) / number for direction, of in losses.items()}
        worst = max(nats, key=nats.get)
        if nats[worst] >= counted:
            return (
                f"{start}: its {worst} model loses {nats[worst]:.2f} nats per {kind}, and counting {kind}s alone "
                f"would lose {counted:.2f}."
            )
    return None
