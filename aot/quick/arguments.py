"""What the quick learner reads, and how: its flags of compute_aot.py."""

from dataclasses import dataclass, field
from typing import Literal

from aot.base.cli import at_least
from aot.quick.learners import PROFILE, Learner
from aot.tokens.transforms import DESTROY, KEEP

WHERE = ("6", "12", "6+words")  # learners of the table of --where


@dataclass
class QuickArguments:
    """--quick: ∂ in seconds, of learners by context mixing that read the text once in each direction."""

    quick: bool = field(default=False, metadata={"help": "No models: a profile of ∂ over learners of the text."})
    learners: list[str] = field(
        default_factory=list,
        metadata={
            "help": "Longest context of each learner, in symbols, and what else it has: words (contexts of words), "
            "match (the last place with the same 6 symbols), adjust (of the mixed chance). Default: "
            f"{' '.join(each.name for each in PROFILE)}."
        },
    )
    level: Literal["char", "byte", "token"] | None = field(
        default=None, metadata={"help": "What is predicted. Default: characters, but of a data folder its tokens."}
    )
    document_length: int | None = field(
        default=None, metadata={"help": "Cut what is longer into documents of so many characters, or bytes."}
    )
    max_symbols: int | None = field(
        default=None,
        metadata={
            "help": "Read documents in the order of a hash until there are so many symbols. With --after, so many are "
            "read of that split, and then all of the text."
        },
    )
    order_seed: int = field(default=0, metadata={"help": "Of the hash that puts documents in order."})
    after: str | None = field(
        default=None, metadata={"help": "Split of the data folder to read first, without counting it, such as train."}
    )
    destroy: Literal[DESTROY] | None = field(
        default=None, metadata={"help": "First destroy one kind of order: a control for where the arrow is."}
    )
    keep: Literal[KEEP] | None = field(
        default=None, metadata={"help": "First replace each word by one symbol, for its frequency or its length."}
    )
    where: bool = field(
        default=False,
        metadata={
            "help": "A table over all of --destroy and --keep instead. With models: also what each kind of token adds "
            "to ∂, by word, sentence, document, context and frequency."
        },
    )
    null: bool = field(default=True, metadata={"help": "Read the text again with half of its documents turned round."})
    per_symbol: bool = field(default=False, metadata={"help": "Keep the loss of each symbol in losses.npz."})

    def __post_init__(self):
        at_least(self, document_length=1, max_symbols=1, order_seed=0)
        if sum(map(bool, (self.destroy, self.keep, self.where))) > 1:
            raise ValueError("give one of --destroy, --keep and --where")
        if self.where and self.per_symbol:
            raise ValueError("--per_symbol: has no effect with --where, which keeps no losses")
        names = self.learners or (WHERE if self.where else [each.name for each in PROFILE])
        self.learners = [Learner.parse(each).name for each in names]
        if len(set(self.learners)) < len(self.learners):
            raise ValueError(f"--learners {' '.join(names)}: give each once")
