"""Look at the arrow of time of a text, token by token, and let both models of a pair write: a page.

    make explorer                                               # the pairs that ship, and those of `make demo`
    python -m space.app --pair runs/en-seed1 USER/NAME

Serves a page on this machine, and writes nothing but what the page lets download. How it becomes a Space: README.md.
"""

from dataclasses import dataclass, field
from pathlib import Path

from aot.base.cli import command, parse_arguments
from aot.explore.names import known_pairs

try:
    from aot.explore.server import build, room, serve
except ModuleNotFoundError as error:
    if error.name != "gradio":
        raise
    raise SystemExit('the explorer needs gradio, which is not installed: pip install ".[explorer]"') from error

FOLDER = Path(__file__).resolve().parent


@dataclass
class ExplorerArguments:
    pair: list[str] = field(
        default_factory=list,
        metadata={"help": "Pairs to begin with: run folders, or NAME for NAME-forward and NAME-backward on the Hub."},
    )
    host: str | None = field(
        default=None,
        metadata={"help": "Address to listen at. Default: 127.0.0.1, for this machine alone; 0.0.0.0 is for all."},
    )
    port: int | None = field(default=None, metadata={"help": "Default: the first free one from 7860."})


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(ExplorerArguments, doc=__doc__, argv=argv)
    names = known_pairs(args.pair, FOLDER / "README.md")
    if not names:
        raise SystemExit("there is no pair in runs/: run `make demo` first, or give one with --pair")
    for name in args.pair:
        room("offered").open_pair(name)  # an error is better seen here than on the page
    first = args.pair or names[:1]
    serve(build(FOLDER, names, first), first, args.host, args.port)


if __name__ == "__main__":
    command(main)
