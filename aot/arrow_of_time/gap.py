"""The arrow of time ∂ of paired losses, its interval, whose unit is the document, and what it may claim in words."""

import itertools

import numpy as np
from scipy import optimize, special, stats

ROUNDING = 1e-11  # share of the loss; float64 sums of a million tokens in another order differ by about 1e-13
MOST_NATS = np.log(1e6)  # per token: what guessing among a million tokens costs
LEARNED = 0.02  # a model that saves no more than this share of what counting tokens costs has hardly learned
COCHRAN = 25  # documents for each squared skewness; with fewer, an interval by t is not to be relied on
LEAST = 10  # documents; in fewer, not even one that has all of the difference would be seen to be skewed


def arrow(forward, backward, documents=None, weights=None, seeds=None, confidence=0.95, unigram=None):
    """∂ from forward, backward: [n] mean loss of each entry (nats/token); weights: [n] its tokens (default 1).

    documents: [n] ids, entries of a document are summed (default: each entry is its own document);
    seeds: [n] training seed of the pair; with several, each has scored the same documents. Or losses are [K, n], a row
    for each of K seeds, and seeds [K] their names, where these matter; unigram: as in `arrow_from_totals`.
    Returns the dict of `arrow_from_totals`. Raises ValueError naming the input, the index and the remedy.
    """
    forward, backward = check_losses(forward, backward)
    if forward.ndim == 2:
        forward, backward, documents, weights, seeds = _flat(forward, backward, documents, weights, seeds)
    n = forward.size
    weights = np.ones(n) if weights is None else _checked("weights", weights, positive=True)
    document, document_ids = _encoded("documents", range(n) if documents is None else documents)
    seed, seed_ids = _encoded("seeds", np.zeros(n, int) if seeds is None else seeds)
    columns = dict(forward=forward, backward=backward, weights=weights, documents=document, seeds=seed)
    for name, column in columns.items():
        if column.shape != (n,):
            raise ValueError(f"{name} has shape {column.shape} but forward has {n} entries: give one value per entry")
    if len(seed_ids) > 1 and documents is None:
        raise ValueError("documents is missing: with several seeds it says which entries are the same text")
    for name in ("forward", "backward"):
        if (mean := np.average(columns[name], weights=weights)) > MOST_NATS:
            raise ValueError(
                f"{name} has a mean of {mean:.4g}, and guessing among a million tokens costs {MOST_NATS:.1f} nats: "
                "these are no losses per token. Give the logarithm of a perplexity, or the mean of a sum and its "
                "tokens as weights"
            )

    shape = len(seed_ids), len(document_ids)
    cell = seed * shape[1] + document

    def total(values):
        return np.bincount(cell, values, minlength=shape[0] * shape[1]).reshape(shape)

    tokens = total(weights)
    missing = tokens < tokens.max(0) * (1 - 1e-9)
    if missing.any():
        k, d = np.argwhere(missing)[0]
        raise ValueError(
            f"seed {seed_ids[k]!r} has {tokens[k, d]:g} tokens of document {document_ids[d]!r}, "
            f"another seed has {tokens[:, d].max():g}: give every document in full for every seed"
        )
    return arrow_from_totals(total(weights * forward), total(weights * backward), tokens[0], confidence, unigram)


def check_losses(forward, backward):
    """Both as arrays [n] or [K, n] of one shape; ValueError naming the input, the index and the remedy."""
    forward, backward = _checked("forward", forward), _checked("backward", backward)
    if not forward.ndim == backward.ndim <= 2:
        raise ValueError(
            f"forward has shape {forward.shape} and backward {backward.shape}: give both as [entries], or as "
            "[seeds, entries]"
        )
    if forward.ndim == 2:
        _check_seeds(forward, backward)
    if forward.shape != backward.shape:
        raise ValueError(
            f"backward has shape {backward.shape} but forward has {forward.shape}: give one value of each per entry"
        )
    return forward, backward


def arrow_from_totals(forward, backward, tokens, confidence=0.95, unigram=None):
    """∂ from forward, backward: [K, D] total loss in nats of K training seeds on D documents; tokens: [D].

    unigram: nats per token that counting tokens costs, one number or that of each direction, if it is known.
    The interval is ∂ ± √(t²_ν V + t²_(K−1) S), S only with K > 1 seeds; its bounds are None below 2 documents.
    V, documents: the delete-one jackknife (Tukey, 1958), exact for a ratio: ∂ − ∂₍₋d₎ = e_d / (1 − h_d) with
      residual e_d = (Δ_d − ∂ m_d) / Σm of the difference Δ_d, and h_d = m_d / Σm the document's share of the loss
      m_d = ½(forward + backward). ν = 1/Σh² − 1, at least 1: Satterthwaite (1946) for variances that grow with h,
      which makes 1/Σh² the effective number of documents of Kish (1965).
    S, seeds: the variance of the seeds' Σ_d e_kd over K. Documents and seeds are crossed; adding the squared
      half-widths is the conservative combination of Banerjee (Sankhyā 22, 357, 1960).
    Raises ValueError on bad shapes, values or confidence, and where a seed's total loss is zero.
    """
    forward = np.atleast_2d(_checked("forward", forward))
    backward = np.atleast_2d(_checked("backward", backward))
    tokens = _checked("tokens", tokens, positive=True)
    _check_seeds(forward, backward)
    if not forward.shape == backward.shape == (len(forward), tokens.size):
        raise ValueError(
            f"forward {forward.shape}, backward {backward.shape} and tokens {tokens.shape} do not match: "
            "give [seeds, documents] twice and [documents]"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: give a number between 0 and 1, such as 0.95")
    loss = (forward + backward) / 2
    difference = _exact(backward - forward, loss)
    if not loss.sum(1).all():
        raise ValueError(f"the total loss of seed {loss.sum(1).argmin()} is zero: ∂ is a share of it, check the loss")
    for one, other in itertools.combinations(range(len(loss)), 2):
        if np.array_equal(forward[one], forward[other]) and np.array_equal(backward[one], backward[other]):
            raise ValueError(f"seeds {one} and {other} have the same losses: give each run once")

    mean_difference = difference.mean(0)
    easier, harder = int((mean_difference > 0).sum()), int((mean_difference < 0).sum())
    nats_forward, nats_backward = (float(nats.mean(0).sum() / tokens.sum()) for nats in (forward, backward))
    share = part_of_arrow(difference, loss, confidence)
    aot = share["aot"]
    result = {
        **share,
        "forward": nats_forward,
        "backward": nats_backward,
        "unigram": None if unigram is None else _of_both(unigram),
        "delta": float(mean_difference.sum() / tokens.sum()),
        "ratio": aot / (1 - aot / 2) if nats_forward else None,
        "tokens": float(tokens.sum()),
        "documents": tokens.size,
        "documents_forward_easier": easier / (easier + harder) if easier + harder else None,
    }
    return result | {"verdict": verdict(result)}


def part_of_arrow(difference, loss, confidence=0.95):
    """What some of the tokens add to ∂: their `difference` ℓ← − ℓ→ over the `loss` of all, [K, D] totals in nats.

    Parts that are all tokens together add up to ∂. Their intervals are those of `arrow_from_totals`, where Δ_d is the
    difference of these tokens in a document and m_d its loss, that of all of its tokens; which need no tokens of each.
    """
    difference = _exact(difference, loss)
    aot = float(difference.mean(0).sum() / loss.mean(0).sum())
    per_seed = (difference.sum(1) / loss.sum(1)).tolist()
    return {
        "aot": aot,
        **_interval(difference, loss, aot, confidence),
        "confidence": float(confidence),
        "seeds": len(loss),
        "seed_spread": float(np.std(per_seed, ddof=1)) if len(per_seed) > 1 else None,
        "per_seed": per_seed,
    }


def _exact(difference, loss):
    """A difference without what is rounding of the losses that it is a difference of."""
    return np.where(np.abs(difference) <= ROUNDING * loss, 0, difference)


def _interval(difference, loss, aot, confidence):
    """Bounds, standard error and what says whether they can be relied on; None where one document holds all the loss.

    `skewness` is that of what leaving out each document does to ∂; `carried_by` is how many documents, those with the
    largest such effect, make half of the variance.
    """
    seeds, documents = loss.shape
    total = loss.mean(0).sum()
    share = loss.mean(0) / total
    if share.max() == 1:
        return dict.fromkeys(("low", "high", "standard_error", "skewness", "carried_by"))
    residual = (difference - aot * loss) / total
    effect = residual.mean(0) / (1 - share)
    variance = (1 - 1 / documents) * np.sum(effect**2)
    freedom = max(1 / np.sum(share**2) - 1, 1)
    squared = variance * _quantile(1 - confidence, freedom) ** 2
    same = np.ptp(effect) <= ROUNDING * abs(aot)  # what is left is rounding, and has no shape
    largest = np.cumsum(np.sort(effect**2)[::-1])
    if seeds > 1:
        seed_variance = residual.sum(1).var(ddof=1) / seeds
        variance += seed_variance
        squared += seed_variance * _quantile(1 - confidence, seeds - 1) ** 2
    return {
        "low": float(aot - np.sqrt(squared)),
        "high": float(aot + np.sqrt(squared)),
        "standard_error": float(np.sqrt(variance)),
        "skewness": None if same else float(stats.skew(effect)),
        "carried_by": None if same else int(np.searchsorted(largest, largest[-1] / 2) + 1),
    }


def _quantile(p, freedom):
    """What |t| exceeds with probability p; `special` does it a hundred times as fast as `stats.t`."""
    return -special.stdtrit(freedom, p / 2)


def p_value(aot, margin, standard_error, seeds=1, seed_spread=None, confidence=0.95):
    """Smallest 1 − confidence, about, at which the interval of a result excludes 0: for tables of many results.

    All is as in the result. The freedom of the documents is the one that gives the margin; `seed_spread` stands for
    the spread that the interval was made with, in which seeds of larger losses weigh more.
    """
    of_seeds = seed_spread**2 / seeds if seeds > 1 else 0.0
    of_text = max(standard_error**2 - of_seeds, 0.0)
    if not aot or not of_text + of_seeds:
        return 0.0 if aot else 1.0

    def excess(log_p, freedom):
        squared = of_text * _quantile(np.exp(log_p), freedom) ** 2
        return squared + (of_seeds * _quantile(np.exp(log_p), seeds - 1) ** 2 if of_seeds else 0)

    def solved(function, low, high):  # the end that is nearer to 0, where it is on one side of it
        if function(low) * function(high) < 0:
            return optimize.brentq(function, low, high)
        return min(low, high, key=lambda each: abs(function(each)))

    freedom = np.exp(solved(lambda log: excess(np.log1p(-confidence), np.exp(log)) - margin**2, 0, 20))
    return float(np.exp(solved(lambda log_p: excess(log_p, freedom) - aot**2, -300, 0)))


def holm(p_values):
    """Adjusted p-values [n]: claims where they are at most α are all true but for a chance of α (Holm, 1979)."""
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values)
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def verdict(result, unit="documents"):
    """What a result may claim, in words; `unit` is what its interval takes for a sample.

    Where `seeds` is None, the losses are those of a learner without chance in it, which has no seeds.
    """
    aot, low, high, seeds = f"∂ = {result['aot']:+.3%}", result["low"], result["high"], result["seeds"]
    if low is None:
        words = [f"{aot}, without an interval: one of the {unit} holds all the loss and at least 2 are needed."]
    else:
        interval = f"{aot}, {result['confidence']:.4g} interval [{low:+.3%}, {high:+.3%}]"
        if seeds is None:
            words = [f"{interval} over {unit}: {finding(low, high)}, for this learner. Another one may say otherwise."]
        elif seeds > 1:
            words = [f"{interval}: {finding(low, high)}. The interval covers {unit} and {seeds} training seeds."]
        else:
            words = [f"{interval} over {unit}: {finding_of_two_models(low, high)}."]
    if seeds == 1:
        words.append(
            "One pair claims nothing about the text, since other seeds may say otherwise: a claim takes three or so, "
            "measured together (run_clm_reverse.py --seeds 1 2 3 trains them)."
        )
    return " ".join(words + cautions(result, unit))


def finding(low, high):
    """What an interval of ∂ that covers training seeds says of a text."""
    if low > 0:
        return "forward is easier"
    return "backward is easier" if high < 0 else "no arrow found at this precision"


def finding_of_two_models(low, high):
    """What an interval of ∂ that does not cover training seeds says: of this pair, and not of the text."""
    if low <= 0 <= high:
        return "these two models are not told apart at this precision"
    return f"of these two models, the {'forward' if low > 0 else 'backward'} one has the lower loss"


def cautions(result, unit="documents"):
    """Why a result may say less than it seems to, a sentence each.

    Skewness: the rule of Cochran (Sampling Techniques, 1977, section 2.15), n > 25 γ² for an interval by t, where the
    skewness is more than three of its standard errors, √(6/n), from 0.
    """
    found, documents = [], result["documents"]
    skewness, unigram = result["skewness"], result["unigram"]
    if skewness is not None and documents < LEAST:
        found.append(f"{documents} {unit} are too few to tell whether some of them carry the difference.")
    elif skewness is not None and documents < COCHRAN * skewness**2 and skewness**2 > 3**2 * 6 / documents:
        found.append(
            f"Few {unit} carry the difference: {result['carried_by']} of {documents:,} make half of its variance "
            f"(skewness {skewness:+.1f}). The interval may cover less often than it says: take more."
        )
    if unigram and any(result[name] > (1 - LEARNED) * costs for name, costs in _beside(unigram)):
        models = " and ".join(f"{result[name]:.4f} ({name})" for name, _ in _beside(unigram))
        counting = " and ".join(dict.fromkeys(f"{costs:.4f}" for costs in unigram))
        learners, lose = ("These models have", "they lose") if result["seeds"] else ("This learner has", "it loses")
        found.append(
            f"{learners} hardly learned, or there is nothing to learn: {lose} {models} where counting alone loses "
            f"{counting}."
        )
    return found


def _beside(unigram):
    return zip(("forward", "backward"), unigram, strict=True)


def _of_both(unigram):
    """One number or two as a list of two."""
    each = _checked("unigram", np.atleast_1d(unigram), positive=True)
    if each.shape not in ((1,), (2,)):
        raise ValueError(f"unigram has shape {each.shape}: give one number, or one for each direction")
    return np.broadcast_to(each, 2).tolist()


def _check_seeds(forward, backward):
    if len(forward) != len(backward):
        raise ValueError(
            f"forward has {len(forward)} seeds and backward {len(backward)}: each is a pair, give the losses of both"
        )


def _flat(forward, backward, documents, weights, seeds):
    """Losses [K, n] and what describes their columns and rows, with one value per entry and seed, [K × n] each."""
    k, n = forward.shape
    documents = range(n) if documents is None else documents
    for name, values, length in (("documents", documents, n), ("weights", weights, n), ("seeds", seeds, k)):
        if values is not None and np.shape(values) != (length,):
            raise ValueError(
                f"{name} has shape {np.shape(values)} but losses have {k} seeds and {n} entries: give {length} values"
            )
    if seeds is not None and len(set(seeds)) < k:
        raise ValueError(f"seeds {list(seeds)} repeat one: each row of losses is a seed of its own")
    weights = None if weights is None else np.tile(weights, k)
    seeds = np.repeat(range(k) if seeds is None else seeds, n)
    return forward.ravel(), backward.ravel(), [*documents] * k, weights, seeds


def _checked(name, values, positive=False):
    try:
        values = np.asarray(values, float)
    except ValueError as error:
        raise ValueError(f"{name} is not numbers in rows of equal length ({error})") from error
    if not values.size or not values.ndim:
        raise ValueError(f"{name} is empty or a single number: give one value per entry")
    bad = ~np.isfinite(values) | (values <= 0 if positive else values < 0)
    if bad.any():
        where = np.argwhere(bad)[0].tolist()
        remedy = "a finite number above 0" if positive else "a finite loss in nats, 0 or more"
        raise ValueError(f"{name}{where} is {values[bad][0]}: give {remedy}")
    return values


def _encoded(name, labels):
    """Labels [n] as integers [n] and the distinct labels, by first appearance."""
    labels = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    index = {}
    codes = np.array([index.setdefault(label, len(index)) for label in labels], int)
    for label in index:
        if label is None or label != label:
            raise ValueError(f"{name}[{labels.index(label)}] is {label}: give every entry a label")
    return codes, list(index)
