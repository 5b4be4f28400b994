"""The benchmark measures what it says beside its peers; what fails is a row, and no row is lost."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bench
from aot.measure.scoring import score
from aot.tokens.tokenizers import train_bpe
from aot.tokens.windows import EOS_ID
from aot.train.fast import use_fast_path
from aot.train.models import build_model
from aot.train.rates import flops_per_token
from experiments import peers, run_clm, speed
from experiments.speed import STAGES, Case, Contestant

ROOT = Path(__file__).parent.parent
SLOW = dict.fromkeys(("processes", "pair"), pytest.mark.slow)  # what they launch has tests of its own
TINY = (
    "--settings nano:300 --context 8 --batch 2 --steps 2 --pair_steps 2 --text_mb 1 --repeats 1 --windows 1000".split()
)


@pytest.fixture
def text(tmp_path) -> Path:
    """A small text of some documents."""
    path = tmp_path / "text.txt"
    documents = (ROOT / "corpora/en.txt").read_text(encoding="utf-8").split("\n\n")
    path.write_text("\n\n".join(document[:2000] for document in documents), encoding="utf-8")
    return path


@pytest.fixture
def in_root(monkeypatch):
    """Where bench.py starts measurements."""
    monkeypatch.chdir(ROOT)


def read(folder: Path, stage: str) -> list[dict]:
    with (folder / f"bench_{stage}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("stage", [pytest.param(each, marks=SLOW.get(each, ())) for each in STAGES])
def test_every_contestant_of_a_stage_does_the_same_work(stage, tmp_path, text, in_root):
    folder = tmp_path / "bench"
    folder.mkdir()
    sizes = {"size": "nano", "vocab_size": 300, "context": 8, "batch": 2, "steps": 2, "pair_steps": 2, "text_mb": 1}
    told = sizes | {"stage": stage, "windows": 1000, "text": str(text), "folder": str(folder)}
    speed.prepare(Case(who="", **told))
    names = [contestant.who for contestant in STAGES[stage].contestants] or ["1 MB"]
    results = {who: STAGES[stage].work(Case(who=who, **told)) for who in names}
    assert all(result["seconds"] > 0 for result in results.values())
    assert len({result["amount"] / result.get("scored_share", 1) for result in results.values()}) == 1
    if stage in ("train", "score"):
        assert [result["arithmetic"] for result in results.values()] == ["fast", *["stock"] * (len(names) - 1)]
        assert all(result["attention"] in ("blockwise", "flash", "math") for result in results.values())
        expected = "blockwise" if stage == "train" else "flash"
        assert results["ours"]["attention"] == expected and "%" in results["ours"]["profile"]
    if stage == "lines":
        assert results["ours"]["scored_share"] == 1 > results["perplexity"]["scored_share"] > 0.1


def test_a_row_holds_what_was_measured_and_where(tmp_path, capsys):
    bench.main(["--stages", "train", "interval", "--output_dir", str(tmp_path), *TINY])
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    ours, peer, with_settings = read(tmp_path, "train")
    assert [row["who"] for row in (ours, peer)] == ["ours", "as run_clm"]
    assert [row["process_settings"] for row in (ours, peer, with_settings)] == ["True", "False", "True"]
    for row, printed in zip((ours, peer, with_settings), summary["train"], strict=True):
        assert {key: "" if value is None else str(value) for key, value in printed.items()} == row
        assert float(row["ours_is_faster_by"]) > 0 and int(row["peak_megabytes"]) > 0
        assert 0 < float(row["of_matmul_rate"]) < 1 and float(row["load_average"]) >= 0
        assert (row["size"], row["vocab_size"], row["cores"]) == ("nano", "300", str(len(os.sched_getaffinity(0))))
        assert row["dtype"] in ("bfloat16", "float32") and int(row["threads"]) > 0
    assert {row["dtype"] for row in (ours, peer, with_settings)} == {ours["dtype"]}
    assert (peer["goal"], with_settings["goal"]) == ("1.5", "1.2")
    assert summary["interval"][0]["windows_per_second"] > 0


def test_what_fails_is_a_row_and_the_others_are_measured(tmp_path, capsys):
    flags = [*TINY, "--settings", "giant:300", "--stages", "pair", "score", "interval", "--output_dir", str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        bench.main(flags)
    assert stopped.value.code == 1
    for stage, why in {"pair": "while preparing: --size giant: unknown", "score": "--size giant: unknown"}.items():
        rows = read(tmp_path, stage)
        assert [row["who"] for row in rows] == [contestant.who for contestant in STAGES[stage].contestants]
        assert all(row["failed"].startswith(why) and row["repeats"] == "0" for row in rows)
    assert read(tmp_path, "interval")[0]["repeats"] == "1"
    printed = capsys.readouterr()
    summary = json.loads(printed.out.splitlines()[-1])
    said = [f"score giant:300, {row['who']}: {row['failed']}" for row in summary["score"]]
    assert printed.err.rstrip("\n").split("\n")[-3:] == said and "windows_per_second" in summary["interval"][0]


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self.pid)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    with pytest.raises(SystemExit):
        bench.main(["--stages", "interval", "--timeout", "0.2", "--output_dir", str(tmp_path), *TINY])
    assert read(tmp_path, "interval")[0]["failed"] == "no result after 0.2 seconds"
    with pytest.raises(ProcessLookupError):
        os.killpg(started[0], 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_bench_keeps_its_rows_and_leaves_no_process(number, tmp_path):
    flags = ["--stages", "interval", *TINY, "--repeats", "1000", "--output_dir", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "bench.py", *flags], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    table, parent = tmp_path / "bench_interval.csv", psutil.Process(process.pid)
    while not table.exists() or not (children := parent.children()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    said = process.stderr.read()
    assert process.wait() in (-number, 128 + number)
    assert ("interrupted" in said.splitlines()[-1]) == (number == signal.SIGINT)
    assert int(read(tmp_path, "interval")[0]["repeats"]) >= 1
    assert not psutil.wait_procs(children, timeout=20)[1]


@given(st.lists(st.tuples(*[st.floats(0.1, 1000)] * 2), min_size=1, max_size=9), st.integers(0, 9))
def test_ratios_are_of_the_same_repeat(rates, measured):
    case = Case("train", "ours", "nano", 300, 8, 2, 2, 2, 1000, "text", 1, "folder")
    ours, peer = (
        bench.Runs(Contestant(who), case, [{"amount": rate, "seconds": 1.0} for rate in column])
        for who, column in zip(("ours", "peer"), zip(*rates, strict=True), strict=True)
    )
    peer.results = peer.results[:measured]  # then it failed
    row = peer.row(STAGES["train"], ours)
    ratios = [our / my for our, my in rates[:measured]]
    assert row["repeats"] == len(ratios)
    if ratios:
        found = [row["lowest"], row["ours_is_faster_by"], row["highest"]]
        assert found == pytest.approx([min(ratios), np.median(ratios), max(ratios)], abs=2e-3)
    else:
        assert row["ours_is_faster_by"] is None is row["tokens_per_second"]


def test_the_perplexity_of_the_peer_is_that_of_our_losses():
    texts = ["A text of some words.", "Another", "one that is longer than what the model reads at a time"]
    tokenizer = train_bpe(texts, 300)
    model = build_model(len(tokenizer), 16, "nano", "gpt2", None).eval()
    ids = [np.array(row[:15]) for row in peers.ids_alone(texts, tokenizer.backend_tokenizer)]
    perplexities, scored = peers.perplexity_of_texts(model, tokenizer, texts, 16)
    assert scored == sum(map(len, ids))
    losses = [score(use_fast_path(model), row, "forward", 16, bos=EOS_ID).mean() for row in ids]
    assert perplexities == pytest.approx(np.exp(losses), rel=1e-4)


def test_the_windows_of_run_clm_are_those_of_the_stream(tmp_path):
    np.arange(10, dtype=np.uint16).tofile(tmp_path / "train.bin")
    assert run_clm.windows(tmp_path / "train.bin", 4).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_the_reason_is_the_error_and_not_what_follows_it():
    stderr = "Traceback:\n  File\nValueError: too small\n[W123] a warning of something that ended\n"
    assert speed.last_words(stderr) == "ValueError: too small"
    assert speed.last_words("one line\n") == "one line"


def test_the_arithmetic_of_gpt2_medium():
    with torch.device("meta"):
        medium = build_model(50_257, 256, "medium", "gpt2", None)
    assert flops_per_token(medium) == pytest.approx(2.2e9, rel=0.01)
