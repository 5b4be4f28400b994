"""What it costs to read in no order: the loss of a third model beside those of a pair, and ∂ as a share of it."""

import numpy as np

from aot.arrow_of_time.gap import part_of_arrow
from aot.statistics.samples import total_by


def cost_of_order(clusters: np.ndarray | None, forward, backward, permuted, confidence: float = 0.95) -> dict:
    """The cost (ℓπ − ½(ℓ→ + ℓ←)) / ½(ℓ→ + ℓ←) and ∂'s share of it, from totals [K, D] in nats of K seeds, D documents.

    Both are as of part_of_arrow, with intervals over seeds and documents, or `clusters` [D] of them. The share is
    (ℓ← − ℓ→) / (ℓπ − ½(ℓ→ + ℓ←)), and None unless the interval of the cost is above 0.
    """
    forward, backward, permuted = (
        total_by(clusters, np.atleast_2d(np.asarray(each, float))) for each in (forward, backward, permuted)
    )
    both = (forward + backward) / 2
    cost = part_of_arrow(permuted - both, both, confidence)
    costs = cost["low"] is not None and cost["low"] > 0  # else a ratio to it has no interval
    return {
        "cost": cost,
        "share": part_of_arrow(backward - forward, permuted - both, confidence) if costs else None,
    }
