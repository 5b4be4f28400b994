"""Write text in both directions from a prompt: what comes next, and what came before.

    python generate.py --pair runs/en-micro-T128-seed42 --prompt " she said to him."
    python generate.py --pair USER/NAME --prompts lines.txt --num_return_sequences 4 --output samples.jsonl
    cat lines.txt | python generate.py --backward runs/en-micro-T128-seed42/backward --prompts - --do_sample false

Prints the text, as it grows where there is only one. With --output, writes one JSON object a line (direction,
prompt, number of its line and of the sample, new text, tokens, whether the document ended there), whole or not at all,
and beside it OUTPUT.request.json, what it was made with; the same command again goes on where it was interrupted.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from dataclasses import dataclass, field
from typing import Literal

from aot.base.cli import command, parse_arguments
from aot.measure.prompts import ModelArguments, Prompts, SamplingArguments, read_prompts


@dataclass
class PromptArguments(Prompts):
    """From what, and on which side of it."""

    direction: Literal["both", "forward", "backward"] = field(
        default="both", metadata={"help": "What comes next, what came before, or both: of the models that are given."}
    )
    cut_prompts: bool = field(
        default=False,
        metadata={"help": "Of a prompt that is too long, read only the part that the new text joins."},
    )


def main(argv: list[str] | None = None) -> None:
    which, what, how = parse_arguments(ModelArguments, PromptArguments, SamplingArguments, doc=__doc__, argv=argv)
    from aot.measure.texts import locate_models, write

    models, prompts = locate_models(which, what.direction), read_prompts(what)
    how.say_unused()
    write(models, prompts, which, what, how)


if __name__ == "__main__":
    command(main)
