"""Publish a trained pair on the Hub, with its ∂, and what belongs to it.

    python push_pair.py --pair runs/NAME --scores scores/NAME --hub_model_id USER/NAME --dry_run
    python push_pair.py --pair runs/NAME --scores scores/NAME --hub_model_id USER/NAME --license cc0-1.0
    python push_pair.py --pair runs/NAME --hub_model_id USER/NAME --license cc0-1.0 --metric USER/arrow_of_time

Makes the repositories USER/NAME-forward and USER/NAME-backward, whose cards link to each other, with a tag `step-N`
for each checkpoint that both runs kept, and one collection of all. What is there already is not sent again: run the
same command after an interruption, or with more flags later. Log in first, with `hf auth login` or HF_TOKEN.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

from dataclasses import asdict, dataclass, field

from aot.base.cli import command, parse_arguments
from aot.base.messages import then


@dataclass
class PublishArguments:
    pair: str = field(metadata={"help": "Run folder with forward/ and backward/, both trained to the end."})
    hub_model_id: str = field(metadata={"help": "USER/NAME, for the repositories USER/NAME-forward and -backward."})
    scores: str | None = field(default=None, metadata={"help": "Folder of compute_aot.py with ∂ of this pair."})
    data: str | None = field(default=None, metadata={"help": "Publish this data folder too, as USER/FOLDER."})
    metric: str | None = field(
        default=None, metadata={"help": "Publish the metric too, as the Space USER/arrow_of_time."}
    )
    explorer: str | None = field(default=None, metadata={"help": "Publish the explorer too, as this Space."})
    license: str | None = field(
        default=None,
        metadata={"help": "Licence of models and data, such as cc0-1.0. Default: as in the cards beside them."},
    )
    language: str | None = field(default=None, metadata={"help": "Language tag, such as fr. Default: as in the data."})
    private: bool = field(default=False, metadata={"help": "Make what is new visible to its owners alone."})
    revision: str = field(
        default="main", metadata={"help": "Branch of both models to publish on, made where it is new."}
    )
    dry_run: bool = field(default=False, metadata={"help": "Print files and cards, and talk to no server."})


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(PublishArguments, doc=__doc__, argv=argv)
    from aot.publish.hub import publish  # takes seconds, which --help need not wait for

    publish(**asdict(args))
    if not args.dry_run:
        branch = f" --revision {args.revision}" * (args.revision != "main")
        pair = f"{args.hub_model_id}{branch}"
        then("To measure a text with it", f"python compute_aot.py --pair {pair} --text letter.txt")


if __name__ == "__main__":
    command(main)
