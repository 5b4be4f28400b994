"""What can go wrong before or while a script runs, one thing at a time, drawn at random."""

import json
import os
import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, get_args, get_origin

SCALARS = [None, True, -1, 0, 1, 2**70, 1e308, float("nan"), "", "x", "../../etc", [], {}, [[]], {"a": 1}]
WHOLE = "-1 0 1 2 3 7 255 65537 4294967296 9223372036854775807 18446744073709551616 1e3 1.5 -0 +2 0x10 nan x".split()
NUMBERS = "-1 -0.5 0 1e-320 0.5 0.9999999999999999 1 2 1e9 1e308 1e309 nan inf -inf 1/2 1,5 x".split()
TEXTS = ["", " ", "x", "-", "--", "~", ".", "..", "no/such", "text.txt", "data", "data/text", "runs/pair", "a b"]
TEXTS += ["a\nb", "é", "日本", "\udcff", "%s{}", "$(x)`'\"", "a" * 300, "/dev/null", "data/", "./x", "None", "é" * 90]
CELLS = ["", "x", "-1", "1e999", "nan", '"', "a,b", "\0", "日"]
BOOLS = ["true", "false", "1", "maybe", "None"]
VARIABLES = {
    "MPLBACKEND": ["module://matplotlib_inline.backend_inline", "TkAgg", "x"],
    "MPLCONFIGDIR": ["/proc", "/dev/null"],
    "TMPDIR": ["/no/such", "/dev/null"],
    "HOME": ["/no/such", "/dev/null", ""],
    "COLUMNS": ["1", "0", "-5", "x"],
    "LINES": ["x"],
    "TERM": ["dumb", "", "x"],
    "NO_COLOR": ["1"],
    "LANG": ["C", "de_DE.UTF-8", "x"],
    "LC_ALL": ["C", "x"],
    "TZ": ["x", "Asia/Tokyo"],
    "OMP_NUM_THREADS": ["0", "x", "7"],
    "CUDA_VISIBLE_DEVICES": ["", "x", "9"],
    "RANK": ["x", "3"],
    "LOCAL_RANK": ["x", "1"],
    "WORLD_SIZE": ["x", "0", "-1"],
    "ACCELERATE_USE_CPU": ["x", "true"],
    "ACCELERATE_MIXED_PRECISION": ["x", "bf16", "fp8"],
    "ACCELERATE_USE_DEEPSPEED": ["x"],
    "ACCELERATE_USE_FSDP": ["x"],
    "HF_HUB_OFFLINE": ["1", "x"],
    "HF_TOKEN": ["x", "\u2202"],
    "HF_HOME": ["/no/such", "/dev/null"],
    "TRANSFORMERS_VERBOSITY": ["x", "debug"],
    "TOKENIZERS_PARALLELISM": ["x", "false"],
    "PYTHONHASHSEED": ["7"],
    "PYTHONSAFEPATH": ["1"],
    "PYTHONUTF8": ["0"],
    "PYTHONIOENCODING": ["ascii", "latin-1"],
    "SLURM_PROCID": ["x"],
    "AOT_TRACEBACK": [""],
}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP]


@dataclass
class Mutation:
    """One thing that is not as it should be: what it is, and what of it a process has to do or to have."""

    kind: str  # of a file, an input, a flag, a variable or a signal
    what: str
    path: str | None = None  # which file was changed
    flags: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    fresh: bool = False  # in a process that is no fork, and reads its environment itself
    number: signal.Signals | None = None
    at: float = 0  # of the time that the script takes


def leaves(content, where: tuple = ()) -> Iterator[tuple]:
    """Paths of all that is in a JSON value."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*where, key)
        yield from leaves(value, (*where, key))


def change_json(path: Path, choose: random.Random) -> str | None:
    """Change a value of a JSON file, or take it away; None where that cannot be."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        where = choose.choice([*leaves(content)])
    except (ValueError, IndexError):
        return None
    outer = content
    for key in where[:-1]:
        outer = outer[key]
    value = choose.choice(SCALARS)
    if choose.random() < 0.3:
        del outer[where[-1]]
        said = "without"
    else:
        outer[where[-1]] = value
        said = f"{value!r} for"
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return f"{said} {'.'.join(map(str, where))}"


def change_cell(path: Path, choose: random.Random) -> str | None:
    """Change a cell of a CSV file, or the name of a column."""
    separator = "\t" if path.suffix == ".tsv" else ","
    lines = path.read_text(encoding="utf-8").split("\n")
    row = choose.randrange(len(lines))
    cells = lines[row].split(separator)
    column, value = choose.randrange(len(cells)), choose.choice(CELLS)
    cells[column] = value
    lines[row] = separator.join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")
    return f"{value!r} in row {row}, column {column}"


def flip(path: Path, choose: random.Random) -> str | None:
    content = bytearray(path.read_bytes())
    if not content:
        return None
    at = choose.randrange(len(content))
    content[at] ^= 1 << choose.randrange(8)
    path.write_bytes(content)
    return f"a bit of byte {at}"


def cut(path: Path, choose: random.Random) -> str:
    size = choose.randrange(path.stat().st_size + 1)
    os.truncate(path, size)
    return f"cut to {size} bytes"


def empty(path: Path, choose: random.Random) -> str:
    path.write_bytes(b"")
    return "empty"


def append(path: Path, choose: random.Random) -> str:
    more = choose.choice([b"\0", b"\n", b"x", b"\xff\xfe", b"{}", bytes(4096)])
    with path.open("ab") as file:
        file.write(more)
    return f"{more[:4]!r} behind it"


def remove(path: Path, choose: random.Random) -> str:
    path.unlink()
    return "gone"


def make_folder(path: Path, choose: random.Random) -> str:
    path.unlink()
    path.mkdir()
    return "a folder"


def link_to_nothing(path: Path, choose: random.Random) -> str:
    path.unlink()
    path.symlink_to("/no/such")
    return "a link to nothing"


def exchange(path: Path, choose: random.Random) -> str | None:
    """Put another file of the same folder in its place."""
    others = [each for each in sorted(path.parent.iterdir()) if each.is_file() and each != path]
    if not others:
        return None
    other = choose.choice(others)
    shutil.copyfile(other, path)
    return f"a copy of {other.name}"


ANY = (flip, flip, cut, empty, append, remove, make_folder, link_to_nothing, exchange)
BY_SUFFIX = {".json": (change_json,) * 9, ".csv": (change_cell,) * 5, ".tsv": (change_cell,) * 5}


def change_file(folder: Path, path: str, choose: random.Random) -> str:
    """Change a file in a random way; says how."""
    while True:
        done = choose.choice(ANY + BY_SUFFIX.get(Path(path).suffix, ()))(folder / path, choose)
        if done:
            return done


def change_flag(kinds: tuple, choose: random.Random) -> list[str]:
    """A flag of one of these dataclasses with a value that may or may not fit it."""
    kind = choose.choice(kinds)
    chosen = choose.choice([each for each in fields(kind) if each.init])
    of_type = str(chosen.type)
    values = [TEXTS] if choose.random() < 0.15 else []
    values += [WHOLE] * ("int" in of_type) + [NUMBERS] * ("float" in of_type) + [BOOLS] * ("bool" in of_type)
    values += [list(get_args(chosen.type))] * (get_origin(chosen.type) is Literal)
    values += [TEXTS] * ("str" in of_type or not values)
    given = [choose.choice(values[0] if choose.random() < 0.5 else choose.choice(values))]
    if choose.random() < 0.05:
        given = choose.choice([[], given * 2, [*given, "y"]])
    return [f"--{chosen.name}", *given]
