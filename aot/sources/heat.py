"""Heat: a particle that hops on a ring of sites, further and further from equilibrium.

- `driven`: a steady force pushes it round, as the phase of an oscillator. Backwards it runs round the other way, which
  is the same rule with other names of sites.
- `ratchet`: a potential like the teeth of a saw is switched on and off at random, and moves it without a force (Prost
  et al. 1994). The switch is not seen: a hidden Markov chain.
- `relaxing`: it begins near site 0, and spreads from there without a force, as ink in water. All entropy production is
  the growth of its entropy from the start to the end of a line.

`--strength` is the logarithm of the chance of a hop over that of the hop back; the height of the teeth in units of
k T; and how steeply the chance of a start falls off. At 0 all are walks in equilibrium, and as likely backwards.
A line is two such walks of all tokens, as those of controls.py are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from aot.base.cli import at_least
from aot.sources import Source, blocks
from aot.sources.controls import alphabet, joined, stationary, walk
from aot.sources.exact import LARGEST, arrow_of_last_token, entropy_by_position, irreversibility

SWITCHED = 0.25  # chance that the potential of a ratchet is switched in a step
STEEPEST = 600  # logarithm of the chances of two starts; exp(-745) is 0


@dataclass
class HeatArguments:
    """Lines of two walks on a ring, the end-of-text token between them."""

    _argument_group_name = "--source driven | ratchet | relaxing"

    sites: int = field(default=8, metadata={"help": "Sites of the ring, which are the tokens."})
    steps: int = field(default=8, metadata={"help": "Tokens of each of the two walks of a line."})
    strength: float = field(default=1.0, metadata={"help": "How far from equilibrium; 0 is in equilibrium."})

    def __post_init__(self):
        at_least(self, sites=3, steps=2)
        if not 0 <= self.strength <= 100:
            raise ValueError(f"--strength {self.strength}: must be from 0 to 100")
        if self.sites > 256:
            raise ValueError(f"--sites {self.sites}: must be from 3 to 256")
        if (walks := self.sites * 3 ** (self.steps - 1)) > LARGEST:
            raise ValueError(
                f"--sites {self.sites} --steps {self.steps}: {walks:,} different walks, and entropies are counted for "
                f"up to {LARGEST:,}; ask for fewer"
            )


def hops(potential: np.ndarray, force: float = 0.0) -> np.ndarray:
    """Chances [L, L] of a step on a ring: to a neighbour, or none, in a potential [L] in units of k T and a force."""
    sites = np.arange(len(potential))
    transition = np.zeros((len(sites), len(sites)))
    for side in (1, -1):
        there = (sites + side) % len(sites)
        transition[sites, there] = np.minimum(1, np.exp(potential - potential[there])) * np.exp(side * force / 2)
    transition /= 1 + 2 * np.cosh(force / 2)
    transition[sites, sites] = 1 - transition.sum(1)
    return transition


def law(start: np.ndarray, transition: np.ndarray, seen: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """All walks [M, T] as they are `seen` [H], and their chances [M], by the forward algorithm."""
    alike = seen[:, None] == np.unique(seen)  # [H, L]
    words, chances = np.empty((1, 0), np.int64), None
    for step in range(steps):
        after = start[None] if step == 0 else chances @ transition
        split = after[:, None, :] * alike.T  # [M, L, H]
        before, token = np.nonzero(split.any(2))
        words, chances = np.column_stack([words[before], token]), split[before, token]
    return words, chances.sum(1)


def entropy_production(start: np.ndarray, transition: np.ndarray, steps: int) -> float:
    """Nats per step by which a step is more likely than the same step back, from what the step before has left."""
    total = 0.0
    for _ in range(steps - 1):
        after = start @ transition
        there, back = start[:, None] * transition, (after[:, None] * transition).T
        there, back = there[there > 0], back[there > 0]
        total += (there * np.log(there / back)).sum()
        start = after
    return float(total / (steps - 1))


def walks(flags: HeatArguments, start: np.ndarray, transition: np.ndarray, rng: np.random.Generator) -> Source:
    """Walks of a chain with hidden states [H], of which the site is seen: the number modulo the sites."""
    seen = np.arange(len(start)) % flags.sites
    chances = law(start, transition, seen, flags.steps)

    def lines(begin: int, count: int) -> Iterator[np.ndarray]:
        for block in blocks(begin, count):
            # All chance of a line stands in one row, so that lines do not depend on where blocks end.
            uniform = rng.random((block.stop - block.start, 2 * flags.steps))
            yield joined(*(seen[walk(start, transition, each)].astype(np.uint16) for each in np.split(uniform, 2, 1)))

    entropy = {
        direction: np.concatenate([nats, [0], nats]) for direction, nats in entropy_by_position(*chances).items()
    }
    produced = entropy_production(start, transition, flags.steps)
    facts = {
        "transition": transition.tolist(),
        "start": start.tolist(),
        "strength": produced,
        "theory": arrow_of_last_token(*chances),
        "entropy_production": produced,
        # What of it is seen: nats per step by which a walk is more likely than the same walk back.
        "irreversibility": irreversibility(*chances) / (flags.steps - 1),
    }
    return Source(alphabet(flags.sites), lines, entropy, facts)


def driven(flags: HeatArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """A steady force on a flat ring."""
    uniform = np.full(flags.sites, 1 / flags.sites)
    return walks(flags, uniform, hops(np.zeros(flags.sites), flags.strength), rng)


def ratchet(flags: HeatArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """A potential that rises from site to site and falls at once, on and off: hidden states are (switch, site)."""
    teeth = np.linspace(0, flags.strength, flags.sites)
    still, nothing = SWITCHED * np.eye(flags.sites), np.zeros(flags.sites)
    transition = np.block([
        [(1 - SWITCHED) * hops(teeth), still],
        [still, (1 - SWITCHED) * hops(nothing)],
    ])  # fmt: skip
    return walks(flags, stationary(transition), transition, rng)


def relaxing(flags: HeatArguments, counts: dict[str, int], rng: np.random.Generator) -> Source:
    """A flat ring without a force, and a start near site 0."""
    if flags.strength * (flags.sites // 2) > STEEPEST:
        raise SystemExit(
            f"--strength {flags.strength} --sites {flags.sites}: the chance to start at the site farthest from 0 is "
            "smaller than numbers go; ask for less of either"
        )
    sites = np.arange(flags.sites)
    start = np.exp(-flags.strength * np.minimum(sites, flags.sites - sites))
    return walks(flags, start / start.sum(), hops(np.zeros(flags.sites)), rng)
