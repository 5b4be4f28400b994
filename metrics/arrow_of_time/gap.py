"""The arrow of time ∂ of paired losses, with an interval whose unit is the document."""

import numpy as np
from scipy import stats

ROUNDING = 1e-11  # share of the loss; float64 sums of a million tokens in another order differ by about 1e-13


def arrow(forward, backward, documents=None, weights=None, seeds=None, confidence=0.95):
    """∂ from forward, backward: [n] mean loss of each entry (nats/token); weights: [n] its tokens (default 1).

    documents: [n] ids, entries of a document are summed (default: each entry is its own document);
    seeds: [n] training seed of the pair; with several, each has scored the same documents.
    Returns the dict of `arrow_from_totals`. Raises ValueError naming the input, the index and the remedy.
    """
    forward, backward = _checked("forward", forward), _checked("backward", backward)
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
    return arrow_from_totals(total(weights * forward), total(weights * backward), tokens[0], confidence)


def arrow_from_totals(forward, backward, tokens, confidence=0.95):
    """∂ from forward, backward: [K, D] total loss in nats of K training seeds on D documents; tokens: [D].

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
    if not forward.shape == backward.shape == (len(forward), tokens.size):
        raise ValueError(
            f"forward {forward.shape}, backward {backward.shape} and tokens {tokens.shape} do not match: "
            "give [seeds, documents] twice and [documents]"
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}: give a number between 0 and 1, such as 0.95")
    loss = (forward + backward) / 2
    difference = backward - forward
    difference[np.abs(difference) <= ROUNDING * loss] = 0
    if not loss.sum(1).all():
        raise ValueError(f"the total loss of seed {loss.sum(1).argmin()} is zero: ∂ is a share of it, check the loss")

    aot = float(difference.mean(0).sum() / loss.mean(0).sum())
    per_seed = (difference.sum(1) / loss.sum(1)).tolist()
    margin, standard_error = _margin(difference, loss, aot, confidence)
    low, high = (None, None) if margin is None else (aot - margin, aot + margin)
    mean_difference = difference.mean(0)
    easier, harder = int((mean_difference > 0).sum()), int((mean_difference < 0).sum())
    nats_forward, nats_backward = (float(nats.mean(0).sum() / tokens.sum()) for nats in (forward, backward))
    return {
        "aot": aot,
        "low": low,
        "high": high,
        "standard_error": standard_error,
        "confidence": float(confidence),
        "forward": nats_forward,
        "backward": nats_backward,
        "delta": float(mean_difference.sum() / tokens.sum()),
        "ratio": aot / (1 - aot / 2) if nats_forward else None,
        "tokens": float(tokens.sum()),
        "documents": tokens.size,
        "seeds": len(forward),
        "documents_forward_easier": easier / (easier + harder) if easier + harder else None,
        "sign_test_p": float(stats.binomtest(easier, easier + harder).pvalue) if easier + harder else None,
        "seed_spread": float(np.std(per_seed, ddof=1)) if len(per_seed) > 1 else None,
        "per_seed": per_seed,
        "verdict": _verdict(aot, low, high, confidence, len(per_seed)),
    }


def _margin(difference, loss, aot, confidence):
    """Half-width of the interval of ∂ and its standard error; (None, None) where one document holds all the loss."""
    seeds, documents = loss.shape
    total = loss.mean(0).sum()
    share = loss.mean(0) / total
    if share.max() == 1:
        return None, None
    residual = (difference - aot * loss) / total
    variance = (1 - 1 / documents) * np.sum((residual.mean(0) / (1 - share)) ** 2)
    freedom = max(1 / np.sum(share**2) - 1, 1)
    squared = variance * stats.t.ppf((1 + confidence) / 2, freedom) ** 2
    if seeds > 1:
        seed_variance = residual.sum(1).var(ddof=1) / seeds
        variance += seed_variance
        squared += seed_variance * stats.t.ppf((1 + confidence) / 2, seeds - 1) ** 2
    return float(np.sqrt(squared)), float(np.sqrt(variance))


def _verdict(aot, low, high, confidence, seeds):
    noise = (
        "One training seed: training noise is not in the interval."
        if seeds == 1
        else f"The interval covers documents and {seeds} training seeds."
    )
    if low is None:
        return f"∂ = {aot:+.3%}, without an interval: one document holds all the loss and at least 2 are needed."
    return f"∂ = {aot:+.3%}, {confidence:.4g} interval [{low:+.3%}, {high:+.3%}]: {finding(low, high)}. {noise}"


def finding(low, high):
    """What an interval of ∂ says in words."""
    if low > 0:
        return "forward is easier"
    return "backward is easier" if high < 0 else "no arrow found at this precision"


def _checked(name, values, positive=False):
    values = np.asarray(values, float)
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
