"""Step 1: the text of one language, or any other sequence data, as a data folder to train on.

    python tokenize_lang.py --source corpora/en.txt --name en --language en --validation_fraction 0.1
    python tokenize_lang.py --source https://data.statmt.org/cc-100/fr.txt.xz --name fr --validation_tokens 64000000
    python tokenize_lang.py --source src/ --documents file --level byte --name code

Sources are text, JSON lines, CSV or Parquet files (.gz, .xz, .bz2, .zst too), folders or URLs of these, or ids of Hub
data sets; they are streamed, never held as a whole. The first reading counts the documents, splits them by a hash of
their text and trains the tokenizer on the train part only; the second one encodes. Run the same command again after an
interruption: the second reading continues where it stopped, and the result is the same byte for byte.

Writes data/NAME/{tokenizer files, train.bin, validation.bin, meta.json}, whole or not at all: flat streams of token
ids, one end-of-text token after each document, and their counts, hashes and origin. Until then it is at work in
data/NAME.partial/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where this project is, also with PYTHONSAFEPATH

import aot.base.collector  # isort: skip  # noqa: F401  before all others

from aot.base.cli import command, parse_arguments
from aot.tokens.arguments import TokenizeArguments


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(TokenizeArguments, doc=__doc__, argv=argv)
    from aot.tokens.making import make_data_folder  # takes seconds, which --help need not wait for
    from aot.tokens.summary import train_next

    made = make_data_folder(args)
    train_next(Path(args.output_dir, args.name), made["splits"]["train"]["tokens"])


if __name__ == "__main__":
    command(main)
