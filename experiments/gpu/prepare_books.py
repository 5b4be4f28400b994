"""Books as a data folder whose held-out part is whole books: what 2_french.py trains on. Needs no GPU.

    python experiments/gpu/prepare_books.py --text data/books/fr.txt.xz --books data/books/fr.books.tsv --name books-fr

The text has a document, such as a chapter, between two blank lines. The table has a line per book, in the order of the
text: book_id, author, title, year, first_doc (its first document, from 0) and n_docs, separated by tabs. The books
with the lowest hashes are held out, until they are enough; the tokenizer is trained on the others.

Writes data/NAME/ as tokenize_lang.py does, and in it books.json: the book of each held-out document.
"""

import csv
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import booking  # noqa: F401  finds what lies in the folder of the project
from transformers import PreTrainedTokenizerBase

from aot.cli import command, parse_arguments
from aot.data import EOS_ID, check_name, read_meta, stream_dtype
from aot.runs import differences, provenance, sync, write_json, writing
from aot.splitting import position
from aot.streams import COUNTS, chunks, describe_streams
from aot.text import describe, read_documents
from aot.tokenizers import encode, save_tokenizer, train_bpe

BOOKS = "books.json"


@dataclass
class BooksArguments:
    text: str = field(default="data/books/fr.txt.xz", metadata={"help": "Documents, as for tokenize_lang.py."})
    books: str = field(default="data/books/fr.books.tsv", metadata={"help": "Which documents are which book."})
    name: str = field(default="books-fr", metadata={"help": "Name of the data folder."})
    output_dir: str = field(default="data", metadata={"help": "Where the data folder is made."})
    language: str | None = field(default="fr", metadata={"help": "Language tag to record."})
    vocab_size: int = field(default=16384, metadata={"help": "Vocabulary of the BPE."})
    least_books: int = field(default=12, metadata={"help": "Hold out so many books or more: units of the interval."})
    least_share: float = field(default=0.05, metadata={"help": "And so much of the text or more."})
    largest: float = field(default=0.02, metadata={"help": "Share of the text of one book, above which it stays in."})
    seed: int = field(default=0, metadata={"help": "Of the hash of the books."})


def read_books(path: Path, documents: int) -> list[dict]:
    """The rows of the table of books; ValueError unless each of so many documents belongs to one, in order."""
    with path.open(newline="", encoding="utf-8") as file:
        books = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    end = 0
    for line, book in enumerate(books, start=2):
        if int(book["first_doc"]) != end:
            raise ValueError(f"{path}, line {line}: begins at document {book['first_doc']}, must be at {end}")
        end += int(book["n_docs"])
    if end != documents:
        raise ValueError(f"{path}: has books of {end:,} documents, but the text has {documents:,}")
    return books


def hold_out(sizes: dict[str, int], args: BooksArguments) -> set[str]:
    """Ids of the books held out, of `sizes` in bytes by id; ValueError where too few can be."""
    total = sum(sizes.values())
    # of an interval over books, one that is most of the text would leave little
    small = [book for book, size in sizes.items() if size <= args.largest * total]
    small.sort(key=lambda book: position(book.encode(), args.seed))
    for count in range(args.least_books, len(small) + 1):
        if args.least_share * total <= sum(map(sizes.get, small[:count])) < total:
            return set(small[:count])
    raise ValueError(
        f"{args.books}: of {len(sizes)} books, {len(small)} are short enough to be held out, where {args.least_books} "
        f"and {args.least_share:.0%} of the text are needed, and others to train on"
    )


def write_stream(documents: Iterable[bytes], path: Path, tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Write the ids of all documents; gives their counts, in which end-of-text tokens count as tokens only."""
    counts, dtype = dict.fromkeys(COUNTS, 0), stream_dtype(len(tokenizer))
    with path.open("wb") as file:
        for chunk in chunks(documents):
            texts = [document.decode() for document in chunk]
            ids = encode(texts, tokenizer.backend_tokenizer, EOS_ID)
            file.write(ids.astype(dtype))
            here = len(chunk), len(ids), sum(map(len, chunk)), sum(map(len, texts))
            counts = {name: counts[name] + more for name, more in zip(COUNTS, here, strict=True)}
    return counts


def run(args: BooksArguments) -> None:
    """Make the data folder; ValueError for what it cannot be made from."""
    check_name(args.name)
    for path in (args.text, args.books):
        if not Path(path).is_file():
            raise ValueError(f"{path}: not there; the French novels are those of github.com/COST-ELTeC/ELTeC-fra")
    final = Path(args.output_dir, args.name)
    given = {key: value for key, value in asdict(args).items() if key not in ("text", "books", "output_dir")}
    made_from = {"arguments": given, "inputs": [describe(each, None, "train") for each in (args.text, args.books)]}
    if final.exists():
        if differ := differences({key: read_meta(final)[key] for key in made_from}, made_from):
            raise ValueError(f"{final}: made from something else (there / now): {'; '.join(differ)}")
        print(f"{final}: finished before, from the same inputs and arguments")
        return
    documents = [document.encode() for document in read_documents(args.text)]
    books = read_books(Path(args.books), len(documents))
    of_document = [book["book_id"] for book in books for _ in range(int(book["n_docs"]))]
    sizes = dict.fromkeys(of_document, 0)
    for book, document in zip(of_document, documents, strict=True):
        sizes[book] += len(document)
    held_out = hold_out(sizes, args)
    pairs = list(zip(of_document, documents, strict=True))
    validation = [(book, document) for book, document in pairs if book in held_out]
    known = {document for _, document in validation}  # a title page may stand in two books
    train = [document for book, document in pairs if book not in held_out and document not in known]

    folder = final.with_name(f"{args.name}.partial") / args.name
    shutil.rmtree(folder.parent, ignore_errors=True)
    with writing(folder):
        folder.mkdir(parents=True)
        tokenizer = train_bpe((document.decode() for document in train), args.vocab_size)
        save_tokenizer(tokenizer, folder)
        counts = {
            "train": write_stream(train, folder / "train.bin", tokenizer),
            "validation": write_stream((each for _, each in validation), folder / "validation.bin", tokenizer),
        }
        about = [book for book in books if book["book_id"] in held_out]
        write_json(folder / BOOKS, {"documents": [book for book, _ in validation], "books": about})
        dtype = stream_dtype(len(tokenizer))
        meta = describe_streams(folder, args.name, "bpe", tokenizer, dtype, counts) | {"language": args.language}
        write_json(folder / "meta.json", meta | made_from | {"commit": provenance()["commit"]})
        sync(folder)
        folder.rename(final)
    folder.parent.rmdir()
    for book in about:
        print(f"held out: {book['author']}, {book['title']} ({book['year']}), {sizes[book['book_id']]:,} bytes")
    for name, count in counts.items():
        print(f"{name}: {', '.join(f'{number:,} {what}' for what, number in count.items())}")
    size = sum(path.stat().st_size for path in final.iterdir())
    print(f"{final}: {size / 1e6:.1f} MB")


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(BooksArguments, doc=__doc__, argv=argv)
    try:
        run(args)
    except (ValueError, OSError) as error:
        raise SystemExit(f"prepare_books.py: {' '.join(str(error).split())}") from error


if __name__ == "__main__":
    command(main)
