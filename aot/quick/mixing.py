"""Context mixing: what each symbol costs a learner that starts with nothing and learns from each one it has read.

The family of PAQ (Mahoney, 2005, "Adaptive weighing of context models for lossless data compression"), to which lpaq
and cmix belong. A symbol is a chain of binary decisions. For each decision, every context (the last k symbols; the
word so far and the words before it) has a table with the chance that it has seen there, and a logistic regression
mixes them. After each decision all chances and weights learn from it. Contexts do not reach across the beginning of a
document, but what was learned does. Numbers here were chosen by the code length of text, never by its arrow.

All learners of a profile read together: they share the tables, which do not depend on how they are mixed.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import int64, njit, uint32, uint64

from aot.quick.learners import ORDERS, WORDS, Learner
from aot.quick.symbols import Symbols

NODES = 16  # of a slot: what tells its context from others, and the chances of 4 decisions, 1 + 2 + 4 + 8
BLOCK = 2**18  # symbols after which the progress bar moves
# sets of weights by the number of contexts that are known, by the node of the decision, by the last symbol
BY_KNOWN, BY_NODE, BY_LAST = 32, 1024, 257
RATE = np.float32(0.0015)  # of learning, of weights
WEIGHT = 0.35  # of the log odds of each context, at the start
SURE = 11.9  # log odds that no prediction exceeds
STEPS = 4096  # of the tables of the logistic function, from -12 to 12, and of its inverse, from 0 to 1
MATCHES = 32  # symbols up to which the length of a match matters
LEAST_MATCH = 6  # symbols
PLACES = 2**20  # at which matches are looked for
SLOTS = 2**21  # of a context at most: 128 MB
# Sums may be added up in any order: the processor does several at once. The same machine always takes the same one.
COMPILED = {"cache": True, "nogil": True, "fastmath": {"reassoc", "contract", "nsz", "arcp"}}


class Plan(NamedTuple):
    """Which of the inputs, which are there for all, each of R learners mixes: 0 to `end` and `begin` to `last`."""

    orders: np.ndarray  # [K], int64, the lengths of all contexts of symbols but 0
    names: np.ndarray  # [C], uint64, which tell contexts apart in hashes: that of no symbol, of K lengths, of words
    words: bool
    match: bool
    end: np.ndarray  # [R], int64
    begin: np.ndarray
    last: np.ndarray
    adjust: np.ndarray  # [R], bool


class Tables(NamedTuple):
    """Functions that take too long to compute."""

    stretch: np.ndarray  # [STEPS], float32, log odds of a chance
    squash: np.ndarray  # [STEPS + 2], float64, chance of log odds
    rates: np.ndarray  # [1024], float64, of learning, of a chance that was seen so often
    trust: np.ndarray  # [1024], float32, in one


class Memory(NamedTuple):
    """All that a learner has learned, and where it is."""

    slots: np.ndarray  # [S, 16], uint32, a check, or a chance (22 bits) and how often it was seen (10)
    first: np.ndarray  # [C], int64, the first slot of each context
    size: np.ndarray  # [C], int64, the slots of each context, a power of two
    weights: np.ndarray  # [R, sets, inputs], float32
    places: np.ndarray  # [PLACES], int64, where the symbols with this hash came last
    matched: np.ndarray  # [2 MATCHES], float32, how often a match of a length was right, at a first decision and later
    adjusted: np.ndarray  # [R, BY_LAST, 34], float64
    words: np.ndarray  # [3], uint64, hashes of this word, the one before and the one before that
    at: np.ndarray  # [4], int64: document, its beginning, symbols that match, where the match goes on
    tables: Tables


def plan_of(learners: list[Learner]) -> Plan:
    """The inputs of these learners: a constant, two for each context from 0 symbols on, of words, of the match."""
    orders = [each for each in ORDERS if each <= max(learner.longest for learner in learners)]
    words = [-number for number in range(1, 1 + WORDS) if any(each.words for each in learners)]
    of_words = 1 + 2 * (1 + len(orders))
    of_match = of_words + 2 * len(words)
    begin = [of_words if each.words else of_match for each in learners]
    last = [of_match + 2 if each.match else of_match for each in learners]
    return Plan(
        orders=np.array(orders),
        names=np.array([0, *orders, *words]).astype(np.uint64),
        words=bool(words),
        match=any(each.match for each in learners),
        end=np.array([1 + 2 * (2 + orders.index(each.longest)) for each in learners]),
        begin=np.array(begin),
        last=np.maximum(last, begin),
        adjust=np.array([each.adjust for each in learners]),
    )


def empty_memory(plan: Plan, symbols: int, alphabet: int, slots: int) -> Memory:
    """The memory of learners before they read a text of n symbols, of which V are different."""
    most = 2 ** int(np.clip(np.ceil(np.log2(0.75 * symbols)), 8, np.log2(slots)))
    few = [2 ** int(np.ceil(np.log2(4 * alphabet * float(alphabet + 1) ** order))) for order in (0, *plan.orders[:3])]
    sizes = np.array([min(most, each) for each in few] + [most] * (len(plan.names) - len(few)))
    inputs = 1 + 2 * len(sizes) + 2
    weights = np.zeros((len(plan.end), BY_KNOWN + BY_NODE + BY_LAST, inputs), np.float32)
    weights[:, :, 1::2] = WEIGHT / 3
    chances = (np.arange(STEPS) + 0.5) / STEPS
    odds = np.arange(STEPS + 2) * 24 / STEPS - 12
    buckets = 1 / (1 + np.exp(12 - np.arange(34) * 24 / 32))
    seen = np.arange(1024)
    return Memory(
        slots=np.zeros((sizes.sum(), NODES), np.uint32),
        first=np.cumsum(sizes) - sizes,
        size=sizes,
        weights=weights,
        places=np.zeros(PLACES if plan.match else 1, np.int64),
        matched=np.full(2 * MATCHES, 0.75, np.float32),
        adjusted=np.tile(buckets, (len(plan.end), BY_LAST, 1)),
        words=np.zeros(3, np.uint64),
        at=np.array([-1, 0, 0, 0]),
        tables=Tables(
            stretch=np.log(chances / (1 - chances)).astype(np.float32),
            squash=1 / (1 + np.exp(-odds)),
            rates=np.maximum(1 / (seen + 1.5), 0.006),
            trust=(2 * np.sqrt(np.minimum(1, seen / 255))).astype(np.float32),
        ),
    )


def code_lengths(
    text: Symbols,
    learners: list[Learner],
    order: np.ndarray,
    turned: np.ndarray,
    slots: int = SLOTS,
    keep: slice = slice(0),
    watch: Callable[[int], object] = lambda symbols: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Nats [R, D] of each document for R learners that read all D in an `order` [D], those `turned` [D] backwards.

    Also those [R, m] of each symbol from `keep.start` to `keep.stop`, counted in the order of reading. `watch` gets
    the number of symbols read after each block. A context has at most `slots` slots, a power of two, of 64 bytes.
    """
    ids, begins = text.read(order, turned)
    plan = plan_of(learners)
    memory = empty_memory(plan, len(ids), len(text.counts), slots)
    first, end, _ = keep.indices(len(ids))
    nats, kept = np.zeros((len(learners), len(order))), np.zeros((len(learners), max(end - first, 0)))
    for begin in range(0, len(ids), BLOCK):
        end = min(begin + BLOCK, len(ids))
        read(ids, begins, begin, end, text.code, plan, memory, nats, kept, first)
        watch(end - begin)
    by_document = np.empty_like(nats)
    by_document[:, order] = nats
    return by_document, kept


@njit(inline="always")
def _hash(one, other):
    """64 bits that depend on all of both."""
    mixed = uint64(one) * uint64(0x9E3779B97F4A7C15) + uint64(other) * uint64(0xD6E8FEB86659FD93)
    mixed = (mixed + uint64(0x2545F4914F6CDD1D)) ^ (mixed >> uint64(32))
    mixed *= uint64(0xD6E8FEB86659FD93)
    return mixed ^ (mixed >> uint64(29))


@njit(inline="always")
def _set_contexts(contexts, ids, at, start, last, letter, orders, words_too, words):
    """Hashes of what was read before the symbol `at`, in the document from `start` on."""
    none = len(letter) - 1
    contexts[0] = uint64(0)
    hashed, k = uint64(0), 0
    for distance in range(1, orders[-1] + 1):
        symbol = ids[at - distance] if at - distance >= start else none
        hashed = _hash(hashed + uint64(symbol) + uint64(1), distance)
        if orders[k] == distance:
            k += 1
            contexts[k] = hashed
    if words_too:
        if at == start:
            words[:] = 0
        elif letter[last]:
            words[0] = _hash(words[0] + uint64(last) + uint64(1), 77)
        elif words[0] != 0:  # a word has ended
            words[2], words[1], words[0] = words[1], words[0], 0
        here = words[0] + (uint64(0) if letter[last] else uint64(last) + uint64(1))
        contexts[k + 1] = _hash(here, 101)
        contexts[k + 2] = _hash(here, words[1] + uint64(1))
        contexts[k + 3] = _hash(here + words[1] * uint64(0x9E3779B97F4A7C15), words[2] + uint64(2))


@njit(inline="always")
def _find_match(ids, begins, at, start, last, place_of, places):
    """Let the match go on, or look for another one; its length and place come into `place_of`."""
    length, place = place_of[2], place_of[3]
    if length and at > start and ids[place] == last and place + 1 < at and not begins[place + 1]:
        length, place = length + 1, place + 1
    else:
        length = 0
    if at - start >= LEAST_MATCH:
        hashed = uint64(0)
        for distance in range(1, LEAST_MATCH + 1):
            hashed = _hash(hashed + uint64(ids[at - distance]), 5)
        bucket = int64(hashed & uint64(len(places) - 1))
        before = places[bucket]
        if not length and before and not begins[before]:
            while length < MATCHES and at - 1 - length >= start and ids[before - 1 - length] == ids[at - 1 - length]:
                length += 1
                if begins[before - length]:
                    break
            place = before
            if length < LEAST_MATCH:  # another text with the same hash
                length = 0
        places[bucket] = at
    place_of[2], place_of[3] = length, place


@njit(inline="always")
def _find_slots(found, contexts, names, node, slots, first, size):
    """The slot of each context for the decisions from `node` on; of two places, one less seen gives way."""
    for c in range(len(contexts)):
        hashed = _hash(contexts[c] + names[c] * uint64(0xA24BAED4963EE407), node + 1)
        slot = first[c] + int64(hashed & uint64(size[c] - 1))
        check = uint32(hashed >> uint64(40)) | uint32(1)
        if slots[slot, 0] != check:
            if slots[slot ^ 1, 0] == check:
                slot ^= 1
            else:
                if slots[slot, 1] & 1023 > slots[slot ^ 1, 1] & 1023:
                    slot ^= 1
                slots[slot, 0] = check
                for inner in range(1, NODES):
                    slots[slot, inner] = uint32(1 << 31)  # a chance of one half, never seen
        found[c] = slot


@njit(**COMPILED)
def read(ids, begins, begin, end, code, plan, memory, nats, kept, first):
    """Read symbols from `begin` to `end`; what they cost goes to `nats` [R, D] and, from `first` on, `kept` [R, m]."""
    bits_of, length_of, child, letter = code
    orders, names, words_too, match_too, ends, others, last_ends, adjust = plan
    slots, slot_of, size_of, weights, places, matches, adjusted, words, place_of, tables = memory
    stretch, squash, rates, trust = tables
    learners, contexts_of = len(ends), len(names)
    of_match = 1 + 2 * contexts_of
    contexts, found = np.zeros(contexts_of, np.uint64), np.zeros(contexts_of, np.int64)
    inputs, seen = np.zeros(weights.shape[2], np.float32), np.zeros(contexts_of, np.int64)
    chances = np.ones(learners)
    inputs[0] = 0.3
    for at in range(begin, end):
        if begins[at]:
            place_of[0] += 1
            place_of[1] = at
        start = place_of[1]
        last = int64(ids[at - 1]) if at > start else len(letter) - 1
        _set_contexts(contexts, ids, at, start, last, letter, orders, words_too, words)
        if match_too:
            _find_match(ids, begins, at, start, last, place_of, places)
        matched, expected, length = place_of[2], ids[place_of[3]], 0
        after = min(last, BY_LAST - 1)
        symbol, node, inner = ids[at], 0, 1
        chances[:] = 1
        for depth in range(length_of[symbol]):
            if depth % 4 == 0:
                inner = 1
                _find_slots(found, contexts, names, node, slots, slot_of, size_of)
            decided = (bits_of[symbol] >> (length_of[symbol] - 1 - depth)) & 1
            for c in range(contexts_of):
                cell = slots[found[c], inner]
                times, chance = cell & 1023, cell >> 10
                seen[c] = times > 0
                inputs[1 + 2 * c] = stretch[chance >> 10] if times else np.float32(0)
                inputs[2 + 2 * c] = (np.float32(chance) * np.float32(2**-22) - np.float32(0.5)) * trust[times]
            inputs[of_match] = inputs[of_match + 1] = 0
            guess = 0
            if matched:
                guess = (bits_of[expected] >> (length_of[expected] - 1 - depth)) & 1
                length = 2 * min(matched, MATCHES - 1) + (depth == 0)
                right = matches[length]
                sign = np.float32(2 * guess - 1)
                inputs[of_match] = sign * stretch[int(right * (STEPS - 1))]
                inputs[of_match + 1] = sign * (right - np.float32(0.5)) * 4
            by_node = BY_KNOWN + min(node, BY_NODE - 1)
            for r in range(learners):
                end_of, other, last_end = ends[r], others[r], last_ends[r]
                known = 0
                for c in range(1, (end_of - 1) // 2):
                    known += seen[c]
                for c in range((other - 1) // 2, min(contexts_of, (last_end - 1) // 2)):
                    known += seen[c]
                w1, w2, w3 = weights[r, known], weights[r, by_node], weights[r, BY_KNOWN + BY_NODE + after]
                odds = np.float32(0)
                for i in range(end_of):
                    odds += (w1[i] + w2[i] + w3[i]) * inputs[i]
                for i in range(other, last_end):
                    odds += (w1[i] + w2[i] + w3[i]) * inputs[i]
                odds = min(max(odds, np.float32(-SURE)), np.float32(SURE))
                scaled = (odds + 12) * (STEPS / 24)
                step = int(scaled)
                chance = squash[step] + (squash[step + 1] - squash[step]) * (scaled - step)
                error = np.float32(decided - chance) * RATE
                for i in range(end_of):
                    change = error * inputs[i]
                    w1[i] += change
                    w2[i] += change
                    w3[i] += change
                for i in range(other, last_end):
                    change = error * inputs[i]
                    w1[i] += change
                    w2[i] += change
                    w3[i] += change
                if adjust[r]:
                    table = adjusted[r, after]
                    scaled = (odds + 12) * (32 / 24)
                    step = int(scaled)
                    upper = scaled - step
                    chance = 0.5 * chance + 0.5 * (table[step] * (1 - upper) + table[step + 1] * upper)
                    table[step] += (decided - table[step]) * 0.02 * (1 - upper)
                    table[step + 1] += (decided - table[step + 1]) * 0.02 * upper
                chances[r] *= chance if decided else 1 - chance
            for c in range(contexts_of):
                cell = slots[found[c], inner]
                times, chance = cell & 1023, int64(cell >> 10)
                chance += int64(((2**22 - 1) * decided - chance) * rates[times])
                slots[found[c], inner] = uint32(chance << 10) | uint32(times + (times < 1023))
            if matched:
                matches[length] += ((guess == decided) - matches[length]) * np.float32(0.01)
                if guess != decided:
                    matched = 0
            inner = 2 * inner + decided
            node = child[node, decided]
        for r in range(learners):
            cost = -np.log(chances[r])
            nats[r, place_of[0]] += cost
            if first <= at < first + kept.shape[1]:
                kept[r, at - first] = cost
