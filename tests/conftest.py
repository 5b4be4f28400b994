"""Small data, small models, and what the tests of training and scoring need of both."""

import json
import os
import shutil
import signal
import time
from tempfile import TemporaryDirectory

from hub_server import HOME, HUB
from pages import address, browser, console, page, phone, served, space  # noqa: F401

os.environ["HF_ENDPOINT"] = HUB.url  # before any import of a library that reads it; there is no other Hub in the tests
os.environ["HF_HOME"] = HOME.name
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_TOKEN"] = ""

from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

import compute_aot
import make_synthetic
import run_clm_reverse
from aot.base.files import SEAL, file_sha256, read_json, write_json
from aot.base.folders import RESULTS
from aot.tokens.data_folder import data_sha256, open_stream, read_meta
from aot.tokens.windows import DIRECTIONS
from aot.train.runs import RECIPE, STATE

torch.set_num_threads(1)
BUILDS = TemporaryDirectory()
if "PYTEST_XDIST_WORKER" not in os.environ:  # DeepSpeed compiles once for all workers, which inherit it
    os.environ["TORCH_EXTENSIONS_DIR"] = BUILDS.name
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in a background job, whose children would ignore it, too
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent
FEW = ["--learners", "2", "4+words"]  # of compute_aot.py --quick

# 2,030 held-out tokens: 253 windows of 8 and one of 6.
LINES = "--bits 4 --ones 1 --noise 0.1 --train_lines 2000 --validation_lines 203".split()
TINY = "n_layer=1,n_head=2,n_embd=16,initializer_range=0.3"  # large, so that the context matters at once
MODELS = {
    "gpt2": TINY,
    "lstm": "num_hidden_layers=2,hidden_size=16,initializer_range=0.3",
    "gru": "num_hidden_layers=2,hidden_size=16,initializer_range=0.3",
}
SETTINGS = (
    f"--config_overrides {TINY} --context 8 --per_device_train_batch_size 8 --max_steps 12 --learning_rate 1e-2 "
    "--save_steps 4 --eval_steps 4 --logging_steps 1 --bf16 false --disable_tqdm true"
).split()

# added to them: enough steps to read the data far better in the direction trained than in the other, 2 s a pair
LEARNED = "--max_steps 100 --learning_rate 2e-2 --per_device_train_batch_size 32".split()
LEARNED += "--save_strategy no --eval_strategy no".split()


def started_here() -> set[psutil.Process]:
    """The processes that this one has started and that run, without those that multiprocessing keeps for itself."""
    running = set()
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            its_own = any(name in " ".join(process.cmdline()) for name in ("resource_tracker", "forkserver"))
            if process.status() != psutil.STATUS_ZOMBIE and not its_own:
                running.add(process)
    return running


@pytest.fixture(autouse=True)
def no_process_is_left():
    """Not even where a test fails, or is out of time."""
    before = started_here()
    yield
    _, left = psutil.wait_procs(started_here() - before, timeout=5)  # which some take to end
    for process in left:
        with suppress(psutil.NoSuchProcess):
            for each in (*process.children(recursive=True), process):
                each.kill()
    assert not left


def train(output_dir: Path, data: Path, *flags: str) -> Path:
    """A finished run folder; of two equal flags the later one counts."""
    run_clm_reverse.main(["--data", str(data), "--output_dir", str(output_dir), *SETTINGS, *map(str, flags)])
    return output_dir


def of_kind(kind: str) -> list[str]:
    """The flags of a tiny model of a kind."""
    return ["--model_type", kind, "--config_overrides", MODELS[kind]]


def weights(checkpoint: Path) -> bytes:
    """The tensors of a checkpoint, for comparisons bit for bit."""
    return (checkpoint / "model.safetensors").read_bytes()


def logged(checkpoint: Path, key: str) -> dict[int, float]:
    """One quantity that the Trainer logged, by step."""
    return {entry["step"]: entry[key] for entry in read_json(checkpoint / STATE)["log_history"] if key in entry}


def rewrite(source: Path, target: Path, change) -> Path:
    """A data folder whose streams [n] are `change(ids, split)` of those of another one."""
    meta = read_meta(source)
    target.mkdir(parents=True)
    for path in source.glob("tokenizer*"):
        (target / path.name).write_bytes(path.read_bytes())
    for split, counts in meta["splits"].items():
        ids = np.asarray(change(np.array(open_stream(source, split)), split), meta["dtype"])
        ids.tofile(target / f"{split}.bin")
        counts |= {"tokens": len(ids), "sha256": file_sha256(target / f"{split}.bin")}
    meta["data_sha256"] = data_sha256(meta["splits"], meta["dtype"], meta["tokenizer_sha256"])
    write_json(target / "meta.json", meta)
    return target


def edit(path: Path, change) -> None:
    """Let `change` change the content of a JSON file, which is sealed again if it was."""
    sealed, content = SEAL in path.read_text(encoding="utf-8"), read_json(path)
    change(content)
    if sealed:
        write_json(path, content)
    else:
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def without_hashes(pair: Path) -> Path:
    """A pair as older versions wrote it, so that what it holds is looked at, and not only whether it was changed."""
    for direction in DIRECTIONS:
        edit(pair / direction / RESULTS, lambda results: results.pop("sha256"))
    return pair


def left_behind(builds: Path) -> Path:
    """A lock under which an extension was compiled in the folder of all, by a process that was killed an hour ago."""
    lock = builds / "killed" / "lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    os.utime(lock, (time.time() - 3600,) * 2)
    return lock


def one_line(stopped: pytest.ExceptionInfo) -> bool:
    """Whether a script ended with a message that a person can read, and not as a success."""
    return isinstance(stopped.value.code, str) and stopped.value.code.strip() and "\n" not in stopped.value.code


def refused(*flags) -> str:
    """The message with which compute_aot.py refuses these flags."""
    with pytest.raises(SystemExit) as stopped:
        compute_aot.main([*map(str, flags)])
    assert one_line(stopped), stopped.value.code
    return stopped.value.code


@pytest.fixture
def text(tmp_path) -> Path:
    """Some documents of a real text."""
    path = tmp_path / "text.txt"
    documents = (ROOT / "corpora/en.txt").read_text(encoding="utf-8").split("\n\n")
    path.write_text("\n\n".join(document[:700] for document in documents[:20]), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Data folder of a noisy linear language, ten tokens a line."""
    folder = tmp_path_factory.mktemp("data")
    make_synthetic.main([*LINES, "--output_dir", str(folder), "--name", "linear"])
    return folder / "linear"


@pytest.fixture(scope="session")
def pair(data, tmp_path_factory) -> Path:
    """Run folder of a trained pair."""
    return train(tmp_path_factory.mktemp("runs") / "pair", data)


@pytest.fixture(scope="session")
def able(data, tmp_path_factory) -> Path:
    """Run folder of a pair that has learned something."""
    return train(tmp_path_factory.mktemp("runs") / "able", data, *LEARNED)


@pytest.fixture(scope="session")
def strangers(able, tmp_path_factory) -> dict[str, Path]:
    """The same two checkpoints as others would have saved them: they say nothing of their direction and origin."""
    return {name: undeclared(able / name, tmp_path_factory.mktemp("strangers") / name) for name in DIRECTIONS}


OURS = ("direction", "arrow_of_time", "custom_pipelines")


def undeclared(checkpoint: Path, target: Path) -> Path:
    """A copy of a checkpoint without what this project has added."""
    ours = ("checkpoint-*", RECIPE, RESULTS, STATE, "README.md", "pipeline.py", ".git*")
    shutil.copytree(checkpoint, target, ignore=shutil.ignore_patterns(*ours))
    for file in ("config.json", "tokenizer_config.json"):
        edit(target / file, lambda content: [content.pop(key, None) for key in OURS])
    return target


@pytest.fixture(scope="session", params=MODELS)
def kind(request) -> str:
    """Each kind of model of which this project has sizes."""
    return request.param


@pytest.fixture(scope="session")
def pair_of_kind(kind, pair, data, tmp_path_factory) -> Path:
    """Run folder of a trained pair of this kind."""
    return pair if kind == "gpt2" else train(tmp_path_factory.mktemp("runs") / kind, data, *of_kind(kind))


@pytest.fixture(scope="session")
def second_pair(data, tmp_path_factory) -> Path:
    """The same with another seed."""
    return train(tmp_path_factory.mktemp("runs") / "second", data, "--seed", "1")
