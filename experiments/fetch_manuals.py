"""The same text in 13 languages, from packages of Debian: data/manuals/{en,fr,de,...}.txt.

    python -m experiments.fetch_manuals

The text is the help of LibreOffice, whose paragraphs have the same ids in every translation. A paragraph is kept
where all languages have translated it, so that all files hold the same paragraphs in the same order, one a line, and
the same pages, one a document. `apt-get download` and `dpkg-deb` fetch and read the packages, and install nothing; a
package that lies in OUTPUT_DIR/packages is not fetched again. SHA-256 of packages and texts are checked.

Writes OUTPUT_DIR/XX.txt and OUTPUT_DIR/ORIGIN.md (licence, packages, hashes), all of them or none.
"""

import html
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from aot.base.cli import command, parse_arguments
from aot.base.files import file_sha256, read_json, sync, writing

PINNED = Path(__file__).with_name("manuals.json")  # version, and SHA-256 of the package and text of each language
LANGUAGES = "en fr de es it pt sv fi el tr vi id ru".split()
PARAGRAPH = re.compile(r'<(h[1-6]|p) id="((?:par|hd)_id\w+)"[^>]*>(.*?)</\1>', re.DOTALL)  # they do not nest
HIDDEN = re.compile(r'<span hidden="true".*?</span>', re.DOTALL)  # what other operating systems would show
TAG = re.compile(r"<[^>]*>")
LEAST = 200  # characters of a page in English


@dataclass
class ManualsArguments:
    output_dir: str = field(default="data/manuals", metadata={"help": "Where the texts go."})
    version: str | None = field(
        default=None,
        metadata={"help": "Version of the packages. Default: the one whose hashes are known; others are not checked."},
    )


def package(language: str) -> str:
    return f"libreoffice-help-{'en-us' if language == 'en' else language}"


def fetch(package: str, version: str, architecture: str, folder: Path) -> Path:
    """A package in `folder`; SystemExit where it cannot be had."""
    name = f"{package}_{version.replace(':', '%3a')}_{architecture}.deb"
    if not (folder / name).exists():
        try:
            subprocess.run(
                ["apt-get", "download", f"{package}:{architecture}={version}"],
                cwd=folder, check=True, capture_output=True, text=True,
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError) as error:
            cause = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
            raise SystemExit(
                f"{package}={version}: cannot be downloaded ({cause}). Run `apt-get update`, or put {name} "
                f"into {folder} yourself, or name another --version: `apt-cache policy {package}`."
            ) from error
    return folder / name


def paragraphs(page: str) -> dict[str, str]:
    """Text of each paragraph of an HTML page by its id, what is common to all pages left out."""
    content = page.partition('id="DisplayArea"')[2].partition('id="SearchFrame"')[0]
    texts = {}
    for _, name, inner in PARAGRAPH.findall(content):
        if text := " ".join(html.unescape(TAG.sub("", HIDDEN.sub("", inner))).split()):
            texts.setdefault(name, text)
    return texts


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files of a package whose name is wanted; SystemExit where it is no package."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                if member.isfile() and wanted(member.name):
                    yield member.name, archive.extractfile(member).read()
    if process.returncode:
        raise SystemExit(f"{path}: dpkg-deb cannot read it; delete it and run the same command again")


def read_package(path: Path) -> dict[tuple[str, str], str]:
    """Text of each paragraph of a package by page and id, in the order of pages by name."""
    pages = {}
    for name, content in members(path, lambda name: name.endswith(".html") and "/text/" in name):
        pages[name.partition("/text/")[2]] = paragraphs(content.decode("utf-8"))
    return {(page, name): text for page in sorted(pages) for name, text in pages[page].items()}


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def translated(text: str | None, english: set[str]) -> bool:
    """Whether fewer than half of its words stand in the English paragraph; names and menus may."""
    return text is not None and 2 * len(words(text) & english) < len(words(text))


def parallel(texts: dict[str, dict]) -> dict[str, list[list[str]]]:
    """Pages of paragraphs by language: those translated into all, each once, on pages that are long enough."""
    english, *others = texts.values()
    first = {text: key for key, text in reversed(english.items())}  # where a text repeats, its first place
    pages = {}
    for key, text in tqdm(english.items(), desc="compare", mininterval=1):
        if first[text] == key and all(translated(other.get(key), words(text)) for other in others):
            pages.setdefault(key[0], []).append(key)
    kept = [keys for keys in pages.values() if sum(len(english[key]) for key in keys) >= LEAST]
    return {language: [[text[key] for key in keys] for keys in kept] for language, text in texts.items()}


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(ManualsArguments, doc=__doc__, argv=argv)
    folder, pinned = Path(args.output_dir), read_json(PINNED)
    version = args.version or pinned["version"]
    known = pinned["sha256"] if version == pinned["version"] else {}

    def check(path: Path) -> str:
        sha256 = file_sha256(path)
        if known.get(path.name, sha256) != sha256:
            raise SystemExit(
                f"{path}: its SHA-256 is {sha256}, not {known[path.name]}; delete it and ORIGIN.md, run this again"
            )
        return sha256

    if (listed := folder / "ORIGIN.md").exists():
        known = dict(re.findall("^- (.*) ([0-9a-f]{64})$", listed.read_text(encoding="utf-8"), re.MULTILINE))
        there = next(name for name in known if name.endswith(".deb")).split("_")[1].replace("%3a", ":")
        if args.version not in (None, there):
            raise SystemExit(f"{folder}: holds version {there}, not {args.version}; choose another --output_dir")
        for language in LANGUAGES:
            if not (folder / f"{language}.txt").exists():
                raise SystemExit(f"{folder}: {language}.txt is gone; delete ORIGIN.md and run this again")
            check(folder / f"{language}.txt")
        return print(f"{folder}: finished before, version {there}, hashes as they should be")
    packages, partial = folder / "packages", folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    with writing(folder):
        packages.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
        names = map(package, tqdm(LANGUAGES, desc="fetch"))
        files = [fetch(name, version, "all", packages) for name in names]
        hashes = [check(file) for file in files]
        texts = {each: read_package(file) for each, file in zip(tqdm(LANGUAGES, desc="read"), files, strict=True)}
        for language, pages in parallel(texts).items():
            (partial / f"{language}.txt").write_text("\n\n".join(map("\n".join, pages)) + "\n", encoding="utf-8")
        lines = [f"- {file.name} {sha256}" for file, sha256 in zip(files, hashes, strict=True)]
        lines += [f"- {language}.txt {check(partial / f'{language}.txt')}" for language in LANGUAGES]
        origin = (
            "The help of LibreOffice, copyright LibreOffice contributors and Oracle, Mozilla Public License 2.0. "
            "Paragraphs were selected, and mark-up was taken away. SHA-256 of the packages and of the texts:"
        )
        (partial / "ORIGIN.md").write_text("\n".join([origin, "", *lines, ""]), encoding="utf-8")
        sync(partial)
        for path in sorted(partial.glob("*.txt")) + [partial / "ORIGIN.md"]:  # which says that all is there
            path.replace(folder / path.name)
    partial.rmdir()
    print(f"{folder}: {len(pages)} pages of {sum(map(len, pages))} paragraphs in {len(LANGUAGES)} languages")


if __name__ == "__main__":
    command(main)
