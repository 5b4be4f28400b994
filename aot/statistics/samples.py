"""What an interval is over: documents, or clusters of them where there are enough."""

import sys

import numpy as np

from aot.arrow_of_time.gap import arrow_from_totals, verdict
from aot.base.messages import count

LEAST = 10  # clusters from which an interval is over them; fewer are too few to tell how much they vary


def samples_of(clusters: list[str] | None, documents: int) -> np.ndarray | None:
    """Number [D] from 0 of the cluster of each of the documents, or None where documents are the samples.

    They are if there are no clusters; and if there are fewer than 10, which is said.
    """
    if not clusters:
        return None
    numbers: dict[str, int] = {}
    of_documents = np.array([numbers.setdefault(name, len(numbers)) for name in clusters])
    if len(numbers) < LEAST:
        print(
            f"The interval is over documents: {count(len(numbers), 'cluster')} would be too few to tell how much they "
            f"vary, and {LEAST} are enough.",
            file=sys.stderr,
        )
        return None
    return of_documents


def total_by(clusters: np.ndarray | None, values: np.ndarray) -> np.ndarray:
    """Sums [..., C] of values [..., D] over the documents of each cluster; as they are without clusters."""
    if clusters is None:
        return values
    totals = np.zeros((*values.shape[:-1], clusters.max() + 1))
    np.add.at(totals, (..., clusters), values)
    return totals


def arrow_over(clusters: np.ndarray | None, forward, backward, units, *how) -> dict:
    """∂ as of arrow_from_totals, of totals [K, D] and units [D] of documents, whose interval is over clusters if there
    are any; `samples` says what it is over, and so what is counted as `documents`."""
    samples = "documents" if clusters is None else "clusters"
    result = arrow_from_totals(*(total_by(clusters, np.asarray(each)) for each in (forward, backward, units)), *how)
    return result | {"samples": samples, "verdict": verdict(result, samples)}
