"""Novels in thirteen languages, with tables of their books: data/corpora/{fr,en,de,...}.txt and .books.tsv.

    python -m experiments.fetch_corpora
    python -m experiments.fetch_corpora --languages fr hu
    python -m experiments.fetch_corpora --mirror FOLDER

The novels are those of the European Literary Text Collection (ELTeC), of 1840 to 1920, in its archives on GitHub at
pinned commits: of large collections a part, drawn at random, 50 MB in fr, en and de and 25 MB in the other languages
(experiments/corpora.json names the books). A document is a chapter, a line a paragraph (experiments/tei.py). An
archive that lies in OUTPUT_DIR/packages is not fetched again. The SHA-256 of each text is checked: those of archives
are none to rely on, since GitHub makes them anew when asked.

With --mirror, texts that a folder has ready are taken instead, in these and in other languages: NAME.txt, .txt.xz or
.txt.bz2, each with NAME.books.tsv, checked by the folder's SHA256SUMS where there are any.

Writes OUTPUT_DIR/NAME.txt, NAME.books.tsv and ORIGIN.md (sources, licences, hashes). A language is there whole or not
at all, and one that is there is not made again.
"""

import re
import tarfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry

from aot.base.cli import command, parse_arguments
from aot.base.files import file_sha256, read_json, writing
from aot.base.folders import alone
from aot.base.messages import count
from aot.tokens.blocks import decompressed
from aot.tokens.clusters import cluster_runs
from experiments.tei import novel

PINNED = Path(__file__).with_name("corpora.json")  # commits, books and SHA-256 of the texts; what mirrors may have
COLUMNS = "book_id author title year first_doc n_docs source".split()
ENDINGS = (".txt", ".txt.xz", ".txt.bz2")
LISTED = re.compile(r"^## (\S+)\n\n(.*)\n\n- \1\.txt ([0-9a-f]{64})\n- \1\.books\.tsv ([0-9a-f]{64})$", re.MULTILINE)
DAMAGE = (tarfile.TarError, EOFError, zlib.error, OSError)  # what reading a damaged .tar.gz raises
ADVICE = "delete it and run the same command again"


@dataclass
class CorporaArguments:
    languages: list[str] = field(
        default_factory=list,
        metadata={"help": "Which texts. Default: those in thirteen languages; with --mirror, all that are there."},
    )
    output_dir: str = field(default="data/corpora", metadata={"help": "Where texts and tables go."})
    mirror: str | None = field(default=None, metadata={"help": "Folder of ready texts to take in place of archives."})
    base_url: str = field(
        default="https://github.com/COST-ELTeC",
        metadata={"help": "Where BASE_URL/COLLECTION/archive/COMMIT.tar.gz are."},
    )


def fetch(url: str, path: Path) -> None:
    """Download to `path`, unless it is there, whole or not at all; SystemExit where it cannot be had."""
    if path.exists():
        return
    partial = path.with_name(f"{path.name}.partial")
    session = requests.Session()
    session.mount("http", HTTPAdapter(max_retries=Retry(3, backoff_factor=1, status_forcelist=[429, 502, 503, 504])))
    try:
        with session.get(url, stream=True, timeout=60) as answer:
            answer.raise_for_status()
            size = int(answer.headers.get("Content-Length", 0)) or None
            with partial.open("wb") as file, tqdm(desc=path.name, total=size, unit="B", unit_scale=True) as bar:
                for block in answer.iter_content(2**20):
                    file.write(block)
                    bar.update(len(block))
    except requests.RequestException as error:
        partial.unlink(missing_ok=True)
        cause = " ".join(str(error).split())
        raise SystemExit(
            f"{url}: cannot be downloaded ({cause}). Run the same command again, or put it at {path}."
        ) from error
    partial.replace(path)


def members(archive: Path, books: list[str]) -> dict[str, bytes]:
    """TEI files of books by name: of level 1 of ELTeC's mark-up, or else of 0 or 2; SystemExit where it lacks one."""
    found = {}
    wanted = re.compile(rf"[^/]+/level([012])/({'|'.join(map(re.escape, books))})\.xml")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if match := wanted.fullmatch(member.name):
                    rank, name = "102".index(match[1]), match[2]
                    if name not in found or rank < found[name][0]:
                        found[name] = rank, tar.extractfile(member).read()
    except DAMAGE as error:
        raise SystemExit(f"{archive}: damaged ({' '.join(str(error).split())}); {ADVICE}") from error
    if missing := [name for name in books if name not in found]:
        raise SystemExit(f"{archive}: has no {', '.join(missing)} at level1, level0 or level2; {ADVICE}")
    return {name: found[name][1] for name in books}


def converted(language: str, collections: dict[str, dict], packages: Path) -> tuple[str, str]:
    """Text and table of a language out of its archives; says what was left out. SystemExit where one is damaged."""
    documents, rows, seen, left_out = [], [], set(), 0
    for collection, pinned in collections.items():
        archive = packages / f"{collection}-{pinned['commit']}.tar.gz"
        bar = tqdm(members(archive, pinned["books"]).items(), desc=f"{language}: {collection}", mininterval=1)
        for name, content in bar:
            try:
                described, chapters, marks = novel(content)
            except ValueError as error:
                raise SystemExit(f"{archive}: {name}.xml {error}; {ADVICE}") from error
            new = [chapter for chapter in map("\n".join, chapters) if chapter not in seen]
            if repeated := len(chapters) - len(new):
                print(f"{name}: {count(repeated, 'document')} left out, of the same words as one before")
            seen.update(new)
            left_out += marks
            if new:
                rows.append([name, *described, str(len(documents)), str(len(new)), collection])
                documents += new
    print(
        f"{language}: {count(len(rows), 'book')}, {count(len(documents), 'document')}, "
        f"{sum(map(len, documents)):,} characters, without {left_out:,} in headings, notes and the like"
    )
    return "\n\n".join(documents) + "\n", "\n".join(map("\t".join, [COLUMNS, *rows])) + "\n"


def mirrored(folder: Path, name: str) -> tuple[str, str]:
    """Text and table that a folder has; SystemExit where it lacks one, or has one that its SHA256SUMS do not know."""
    text = next((path for ending in ENDINGS if (path := folder / f"{name}{ending}").exists()), None)
    table = folder / f"{name}.books.tsv"
    if text is None or not table.exists():
        raise SystemExit(f"{folder}: has no {name}.txt, .txt.xz or .txt.bz2 together with {table.name}")
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    known = {file.lstrip(" *"): sha256 for sha256, _, file in (line.partition(" ") for line in lines)}
    for path in (text, table):
        if known.get(path.name, sha256 := file_sha256(path)) != sha256:
            raise SystemExit(f"{path}: its SHA-256 is {sha256}, not {known[path.name]} as in {sums}; copy it anew")
    try:
        content = b"".join(decompressed(str(text), lambda _: None)).decode("utf-8")
        of_table = sum(number for _, number in cluster_runs(str(table)))
        if of_table != (there := content.strip("\n").count("\n\n") + 1):
            raise ValueError(f"has {count(there, 'document')}, but {table.name} counts {of_table:,}")
    except ValueError as error:
        raise SystemExit(f"{text}: {' '.join(str(error).split())}") from error
    return content, table.read_text(encoding="utf-8")


def origin(name: str, pinned: dict, mirror: str | None) -> str:
    """Where a text is from and who may do what with it, a line for ORIGIN.md; SystemExit for an unknown language."""
    if name in pinned["languages"]:
        commits = (f"{each} {of['commit']}" for each, of in pinned["languages"][name]["collections"].items())
        return f"{pinned['eltec']} Commits: {', '.join(commits)}.{' Taken ready.' if mirror else ''}"
    if not mirror:
        ours = " ".join(pinned["languages"])
        raise SystemExit(f"--languages {name}: must be of {ours}; others are taken ready, with --mirror")
    return pinned["mirrored"].get(name, "Of unknown origin: use, do not redistribute.")


def is_there(folder: Path, name: str, hashes: tuple[str, str]) -> bool:
    """Whether text and table of a language are there; SystemExit where one is not as it was written."""
    paths = [folder / f"{name}.txt", folder / f"{name}.books.tsv"]
    for path, known in zip(paths, hashes, strict=True):
        if path.exists() and (sha256 := file_sha256(path)) != known:
            raise SystemExit(f"{path}: its SHA-256 is {sha256}, not {known} as when it was written; {ADVICE}")
    return all(path.exists() for path in paths)


def write(path: Path, text: str, known: str | None = None) -> str:
    """Write `path`, whole or not at all, and return its SHA-256; SystemExit where that is not the `known` one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    sha256 = file_sha256(partial)
    if known not in (None, sha256):
        partial.unlink()
        raise SystemExit(
            f"{path}: its SHA-256 would be {sha256}, not {known}: an archive in {path.parent}/packages is damaged "
            "or another one; delete those of this language and run the same command again"
        )
    partial.replace(path)
    return sha256


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(CorporaArguments, doc=__doc__, argv=argv)
    folder, pinned, mirror = Path(args.output_dir), read_json(PINNED), args.mirror and Path(args.mirror)
    there = sorted(path.name.removesuffix(".books.tsv") for path in mirror.glob("*.books.tsv")) if mirror else []
    names = args.languages or there or ([] if mirror else list(pinned["languages"]))
    if not names:
        raise SystemExit(f"--mirror {mirror}: no such folder, or no NAME.books.tsv in it")
    origins = {name: origin(name, pinned, args.mirror) for name in names}
    index, packages = folder / "ORIGIN.md", folder / "packages"
    with alone(folder), writing(folder):
        listed = LISTED.findall(index.read_text(encoding="utf-8")) if index.exists() else []
        listed = {name: (source, *hashes) for name, source, *hashes in listed}
        for name, source in origins.items():
            if name in listed and is_there(folder, name, listed[name][1:]):
                if listed[name][0] != source:
                    raise SystemExit(f"{folder}: has another {name} ({listed[name][0]}); choose another --output_dir")
                print(f"{name}: finished before, hashes as they should be")
                continue
            if mirror:
                known, (text, table) = None, mirrored(mirror, name)
            else:
                packages.mkdir(exist_ok=True)
                collections, known = pinned["languages"][name]["collections"], pinned["languages"][name]["sha256"]
                for each, of in collections.items():
                    file = f"{of['commit']}.tar.gz"
                    fetch(f"{args.base_url}/{each}/archive/{file}", packages / f"{each}-{file}")
                text, table = converted(name, collections, packages)
            hashes = write(folder / f"{name}.txt", text, known), write(folder / f"{name}.books.tsv", table)
            listed[name] = (source, *hashes)
            sections = (
                f"## {each}\n\n{source}\n\n- {each}.txt {of_text}\n- {each}.books.tsv {of_table}\n"
                for each, (source, of_text, of_table) in sorted(listed.items())
            )
            write(index, "\n".join(["# Where these texts are from, and their SHA-256\n", *sections]))
    print(f"{folder}: {count(len(origins), 'text')}, {' '.join(origins)}")


if __name__ == "__main__":
    command(main)
