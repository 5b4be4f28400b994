"""Files that are written here and read again: whole or not at all, and as they were written."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from aot.base.progress import Bar

LARGE = 2**27  # bytes that take a while to read
VERIFIED = ".verified.json"  # which files of a folder that are so large were seen to be as they were written
SEAL = "sha256_of_the_rest"  # the key of a JSON file under which a hash of its other keys stands
AGAIN = "fetch it again, or delete the folder and train again"
MEASURE, START = "delete {} and measure again", "delete {} and start again"
KINDS = {  # what the JSON files that are read here must have, and what to do where one is damaged; {} is its folder
    "meta.json": (("splits", "data_sha256"), "delete {} and make it again"),
    "recipe.json": (("data_sha256",), "restore it, a config.json of the run has it as arrow_of_time; or train again"),
    "results.json": (("eval_loss", "step", "data"), AGAIN),
    "config.json": ((), AGAIN),
    "aot.json": (("request", "verdict"), MEASURE),
    "prequential.json": (("request", "curve"), MEASURE),
    "request.json": (("pairs",), MEASURE),
    "survey.json": (("made_from", "cut", "read"), START),
    "progress.json": (("train", "validation"), START),
}


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """What fails in it fails to write `path`: SystemExit that says so in one line."""
    try:
        yield
    except Exception as error:
        import torch  # here, since much that writes files needs none of it

        # tokenizers and safetensors, written in Rust, have no OSError, and torch.save makes a RuntimeError of it
        elsewhere = isinstance(error, torch.OutOfMemoryError | torch.distributed.DistError)
        if elsewhere or not isinstance(error, OSError | RuntimeError) and "os error" not in str(error):
            raise
        room = shutil.disk_usage(next(folder for folder in Path(path).absolute().parents if folder.is_dir())).free
        raise SystemExit(
            f"{path}: cannot be written ({' '.join(str(error).split())}), {room / 1e6:,.0f} MB are free there. "
            "Make room and run the same command again: it goes on where it stopped."
        ) from error


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A name to write to, which takes the place of `path` in the end: that holds all of it, or what it held before."""
    partial = Path(f"{path}.partial")
    with writing(path):
        yield partial
        partial.replace(path)


def seal_of(content: dict) -> str:
    """Hash of the content of a JSON file, whatever the order of its keys and the white space between them."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sealed(content: dict) -> dict:
    """What is to be written as JSON, and last in it a hash of it all."""
    content = json.loads(json.dumps(content))
    content.pop(SEAL, None)  # of what was read with another reader than ours
    return content | {SEAL: seal_of(content)}


def unsealed(content) -> dict:
    """What was sealed, without its seal; ValueError if it is damaged. One without a seal is older, or of others."""
    if not isinstance(content, dict):
        raise ValueError("it holds no object")
    if content.pop(SEAL, None) not in (None, seal_of(content)):
        raise ValueError("it was changed after it was written")
    return content


def write_json(path: str | Path, content: dict) -> None:
    """Write `content`, sealed; whole, as with `replacing`, and on disk when this returns."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        json.dump(sealed(content), file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def opened(path: str | Path) -> dict | None:
    """The content of a JSON file without its seal, None where there is no such file; ValueError if it is damaged."""
    try:
        return unsealed(json.loads(Path(path).read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_json(path: str | Path, advice: str | None = None) -> dict | None:
    """What `write_json` wrote, None where there is no such file. SystemExit where it is damaged, with what to do."""
    path = Path(path)
    needed, known_advice = KINDS.get(path.name, ((), "restore it from where there is a copy"))
    try:
        content = opened(path)
        if missing := [key for key in needed if content is not None and key not in content]:
            raise ValueError(f"it has no {missing[0]!r}")
    except OSError as error:
        raise SystemExit(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SystemExit(f"{path}: is damaged ({error}); {advice or known_advice.format(path.parent)}") from error
    return content


def try_json(path: str | Path) -> dict | None:
    """The content of a JSON file, None where there is no such file or it is damaged: of what can be done without."""
    try:
        return opened(path)
    except ValueError:
        return None


def sync(folder: Path) -> None:
    """Have the files of a folder on disk before anything says that they are complete."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def file_sha256(path: str | Path, most: int | None = None) -> str:
    """Hash of a file's bytes, or of the first `most` of them, with a progress bar where it takes long."""
    path, digest = Path(path), hashlib.sha256()
    left = path.stat().st_size if most is None else most
    about = {"desc": f"hash of {path.name}", "unit": "B", "unit_scale": True, "delay": 2, "leave": False}
    with path.open("rb") as file, Bar(total=left, **about) as bar:
        while block := file.read(2**20 if most is None else min(2**20, left)):
            digest.update(block)
            left -= len(block)
            bar.update(len(block))
    return digest.hexdigest()


@cache
def sha256_of(path: Path, size: int, modified: int) -> str:
    """Hash of a file that has not changed since, read once in this process."""
    return file_sha256(path)


def check_hash(path: Path, sha256: str | None, advice: str) -> None:
    """SystemExit unless a file is there with the hash that was kept of it; None was kept by older versions.

    That a large one has it is remembered beside it, until it is another file or its size or a time of it changes; what
    a failing disk does to it meanwhile is not seen.
    """
    if not path.is_file():
        raise SystemExit(f"{path}: is not there; {advice}")
    about = path.stat()
    large, remembered = about.st_size >= LARGE and sha256 is not None, path.parent / VERIFIED
    which = {name: getattr(about, f"st_{name}") for name in ("dev", "ino", "size", "mtime_ns", "ctime_ns")}  # no copy
    now = which | {"sha256": sha256}
    if large and (try_json(remembered) or {}).get(path.name) == now:
        return
    if sha256 not in (None, sha256_of(path.absolute(), about.st_size, about.st_mtime_ns)):
        raise SystemExit(f"{path}: is damaged, its SHA-256 is another than when it was written; {advice}")
    if large:
        with suppress(SystemExit):  # in a folder that cannot be written to it is read again
            write_json(remembered, (try_json(remembered) or {}) | {path.name: now})
