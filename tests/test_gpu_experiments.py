"""Experiments for a GPU: at tiny size on a CPU all parts run, are kept when cut off, and are not done twice."""

import csv
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import compute_aot
from aot.data import DIRECTIONS, EOS_ID, document_starts, open_stream, read_meta
from aot.models import build_model
from aot.rates import attention_kernels, flops_per_token, kernel_shares, matmul_flops
from aot.tokenizers import load_tokenizer

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "experiments/gpu"
PARTS = """
import importlib, os, time, torch
from booking import Booking, parser

def works(report, batch):
    report(twice=2 * batch, several=[1, 2])

def fits(report, batch):
    if batch > 2:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
    report(batch=batch)

def fails(report):
    report(before=1.5)
    raise ValueError("one line\\nanother")

def dies(report):
    os.kill(os.getpid(), 9)

def lasts(report):
    report(before=1)
    time.sleep(60)

if __name__ == "__main__":
    args = parser("").parse_args()
    booking = Booking("parts", args.out, args.results, args.minutes, args.tiny)
    booking.part("fails", 1, fails)
    booking.part("dies", 1, dies)
    print("largest", importlib.import_module("1_check").largest(booking, "fits", [4, 2, 1], 1, fits)["batch"])
    booking.part("works", 1, works, batch=3)
    booking.part("too long", 6000, works, batch=3)
    booking.deadline = min(booking.deadline, time.monotonic() + 3)
    booking.part("lasts", 1, lasts)
    booking.finish()
"""


@pytest.fixture(scope="module")
def scripts():
    """Imports the scripts, which find each other in their folder."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module
    sys.path.remove(str(SCRIPTS))


def start(script: str, *arguments) -> subprocess.Popen:
    """A script in a process group of its own, without a terminal."""
    command = [sys.executable, SCRIPTS / script, *map(str, arguments)]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, **streams, text=True, process_group=0, env=os.environ | {"OMP_NUM_THREADS": "1"})


def run(script: str, *arguments, status: int = 0) -> str:
    """What a script prints."""
    process = start(script, *arguments)
    printed, _ = process.communicate()
    assert process.returncode == status, printed
    return printed


def rows(out: Path, name: str) -> dict[str, dict]:
    """The rows of an experiment, which stand in both of its files."""
    found = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    with (out / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        table = {row.pop("part"): row for row in csv.DictReader(file)}
    assert list(table) == list(found)
    for part, row in found.items():
        for key, value in row.items():
            if not isinstance(value, list | dict):
                assert table[part][key] == ("" if value is None else str(value))
    return found


def write_books(folder: Path) -> dict[str, list[str]]:
    """The chapters of twenty books, in the two files that prepare_books.py reads."""
    random, words = np.random.default_rng(0), "le la un chat chien mange voit dort maison grand petit rouge".split()
    books, table = {}, ["book_id\tauthor\ttitle\tyear\tfirst_doc\tn_docs\tsource"]
    for book in range(20):
        table.append(f'B{book}\tan author\ta "title\t1900\t{sum(map(len, books.values()))}\t{2 + book % 3}\tx')
        heads = (f"livre {book} chapitre {chapter} " for chapter in range(2 + book % 3))
        books[f"B{book}"] = [head + " ".join(random.choice(words, 60)) for head in heads]
    (folder / "fr.txt").write_text("\n\n".join(sum(books.values(), [])) + "\n", encoding="utf-8")
    (folder / "fr.books.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")
    return books


def flags_of(folder: Path) -> list[str]:
    """What makes a data folder of the books in a folder."""
    flags = f"--text {folder}/fr.txt --books {folder}/fr.books.tsv --output_dir {folder} --name books"
    return f"{flags} --vocab_size 300 --largest 0.2 --least_books 5".split()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, scripts) -> tuple[Path, dict]:
    """Data folder of the books, and the books."""
    folder = tmp_path_factory.mktemp("books")
    books, main = write_books(folder), scripts("prepare_books").main
    main(flags_of(folder))
    main(flags_of(folder))  # finished before
    with pytest.raises(SystemExit, match="made from something else .*vocab_size: 300 / 400"):
        main([*flags_of(folder), "--vocab_size", "400"])
    return folder / "books", books


def test_whole_books_are_held_out(prepared):
    folder, books = prepared
    tokenizer, parts = load_tokenizer(folder), {}
    for split in ("train", "validation"):
        ids = np.asarray(open_stream(folder, split))
        parts[split] = [tokenizer.decode(part[:-1]) for part in np.split(ids, document_starts(ids)[1:])]
        assert len(parts[split]) == read_meta(folder)["splits"][split]["documents"] and ids[-1] == EOS_ID
    about = json.loads((folder / "books.json").read_text(encoding="utf-8"))
    held_out = dict.fromkeys(about["documents"])
    assert [row["book_id"] for row in about["books"]] == list(held_out) and 5 <= len(held_out) < len(books)
    assert parts["validation"] == [text for book in held_out for text in books[book]]
    assert about["documents"] == [book for book in held_out for _ in books[book]]
    assert parts["train"] == [text for book in books if book not in held_out for text in books[book]]


@given(
    sizes=st.dictionaries(st.text(min_size=1), st.integers(1, 1000), min_size=1, max_size=30),
    least_books=st.integers(1, 8),
    least_share=st.floats(0, 0.5),
    largest=st.floats(0.05, 1),
)
def test_books_are_held_out_by_their_names_until_they_are_enough(scripts, sizes, **bounds):
    prepare = scripts("prepare_books")
    args, total = prepare.BooksArguments(**bounds), sum(sizes.values())
    try:
        held_out = prepare.hold_out(sizes, args)
    except ValueError:
        small = [size for size in sizes.values() if size <= args.largest * total]
        too_few = len(small) < args.least_books or sum(small) < args.least_share * total
        assert too_few or len(small) == len(sizes)  # of which none would be left to train on
        return
    assert held_out == prepare.hold_out(dict(sorted(sizes.items())), args)
    held_out_sizes = [sizes[book] for book in held_out]
    assert len(held_out) >= args.least_books and args.least_share * total <= sum(held_out_sizes) < total
    assert max(held_out_sizes) <= args.largest * total


def test_a_table_that_is_not_of_the_text_is_refused(tmp_path, scripts):
    write_books(tmp_path)
    table = tmp_path / "fr.books.tsv"
    table.write_text("\n".join(table.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")
    main = scripts("prepare_books").main
    with pytest.raises(SystemExit, match="has books of 56 documents, but the text has 59"):
        main(flags_of(tmp_path))
    with pytest.raises(SystemExit, match="none.txt: not there"):
        main([*flags_of(tmp_path), "--text", "none.txt"])
    with pytest.raises(SystemExit, match="of 20 books, 20 are short enough to be held out, where 20 and"):
        write_books(tmp_path)
        main([*flags_of(tmp_path), "--least_books", "20"])
    assert not (tmp_path / "books").exists()


def test_a_part_that_fails_is_a_row_and_loses_no_other(tmp_path):
    (tmp_path / "parts.py").write_text(PARTS, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, tmp_path / "parts.py", tmp_path, "--tiny"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "FAIL: fails, dies, lasts; see" in done.stderr and "largest 2" in done.stdout
    found = rows(tmp_path, "parts")
    assert found["fails"]["failed"] == "ValueError: one line" and found["fails"]["before"] == 1.5
    assert found["dies"]["failed"] == "its process ended with status -9"
    assert found["fits, batch 4"]["failed"].startswith("out of memory: CUDA") and "fits, batch 1" not in found
    assert found["works"]["twice"] == 6 and found["works"]["several"] == [1, 2]
    assert found["too long"].keys() == {"skipped"}
    assert found["lasts"]["failed"].endswith("the time is up") and 2 < found["lasts"]["seconds"] < 60
    again = subprocess.run([*command, "--minutes", "0"], env=environment, capture_output=True, text=True)
    assert again.returncode == 0 and "not done again: fits, batch 4, fits, batch 2, works\n" in again.stdout
    assert {part for part, row in rows(tmp_path, "parts").items() if "skipped" in row} == found.keys() - {
        *("fits, batch 4", "fits, batch 2", "works")
    }


def test_losses_agree_only_where_the_fast_ones_are_as_near_as_those_of_stock(scripts):
    check, random = scripts("1_check"), np.random.default_rng(0)
    reference = random.gamma(4, 2, (3, 4, 16))
    noise = {"fast float32": 1e-6} | dict.fromkeys(("stock bf16", "fast bf16", "fast bf16 compiled"), 0.01)

    def apart(changed: str | None = None, change=lambda losses: losses) -> dict:
        losses = {name: reference + scale * random.normal(size=reference.shape) for name, scale in noise.items()}
        losses = {name: change(each) if name == changed else each for name, each in losses.items()}
        return {name: check.distances(each, reference) for name, each in losses.items()}

    assert not check.disagreements(apart())
    for name in ("fast float32", "fast bf16", "fast bf16 compiled"):
        shifted = check.disagreements(apart(name, lambda losses: losses + 0.05))
        other_text = check.disagreements(apart(name, lambda losses: losses[..., ::-1]))
        no_number = check.disagreements(apart(name, lambda losses: losses * np.nan))
        assert all(line.startswith(name) for line in shifted + other_text + no_number)
        assert shifted and other_text and no_number


def test_rates():
    with torch.device("meta"):
        medium = build_model(50_257, 256, "medium", "gpt2", None)
    assert flops_per_token(medium) == pytest.approx(2.2e9, rel=0.01)
    assert matmul_flops(torch.device("cpu"), seconds=0) > 0
    query = torch.randn(1, 2, 8, 4)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        torch.nn.functional.scaled_dot_product_attention(query, query, query, is_causal=True)
    assert attention_kernels(profile) == ["flash"] and 0 < sum(kernel_shares(profile).values()) <= 1.001


def test_all_parts_of_the_check_run(tmp_path):
    printed = run("1_check.py", tmp_path / "out", "--tiny")
    found = rows(tmp_path / "out", "1_check")
    assert not any("failed" in row or "skipped" in row for row in found.values()), printed
    assert {*(path.name for path in (tmp_path / "out").iterdir())} == {"1_check.json", "1_check.csv"}
    assert found["losses agree"]["attention, fast bf16 compiled"] == "flash"
    assert found["losses agree"]["attention, fast bf16"] == found["fast eager, batch 4"]["attention"] == "blockwise"
    for name in ("fast compiled", "fast eager", "stock eager", "stock compiled", "as in the paper, float32"):
        assert found[f"{name}, batch 4"]["tokens_per_second"] > 0
    assert found["kill and resume"]["weights_apart"] == found["kill and resume"]["losses_apart"] == 0
    assert found["goals"]["times_paper"] > 0 and found["goals"]["times_stock"] > 0
    printed = run("1_check.py", tmp_path / "again", "--tiny", "--minutes", 0, "--results", tmp_path / "out")
    assert "there already" in printed and "seconds" not in printed  # and nothing was left to be skipped
    assert rows(tmp_path / "again", "1_check") == found


def test_pairs_are_trained_though_cut_off_and_no_part_is_done_twice(prepared, tmp_path):
    data, out = prepared[0], tmp_path / "out"
    flags = ["--tiny", "--data", data, "--runs", tmp_path / "run", "--seeds", 1, "--epochs", 1]
    process = start("2_french.py", out, *flags)
    while not (line := process.stdout.readline()).startswith("seed 1 forward: seconds"):
        assert line, "it ended by itself"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = rows(out, "2_french")
    assert list(np.load(out / "2_french_seed1.npz")) == ["forward"]

    elsewhere = tmp_path / "elsewhere"  # a machine without the forward model
    flags[flags.index(tmp_path / "run")] = tmp_path / "elsewhere-run"
    printed = run("2_french.py", elsewhere, *flags, "--results", out)
    found = rows(elsewhere, "2_french")
    assert "there already, and not done again: plan, seed 1 forward" in printed
    assert all(found[part] == before[part] for part in ("plan", "seed 1 forward"))
    assert {path.name for path in elsewhere.iterdir()} == {"2_french.json", "2_french.csv", "2_french_seed1.npz"}

    losses, ids = np.load(elsewhere / "2_french_seed1.npz"), open_stream(data, "validation")
    for direction in DIRECTIONS:
        assert losses[direction].shape == ids.shape and losses[direction].dtype == np.float32
        row = found[f"seed 1 {direction}"]
        assert row["evaluations"].keys() == {str(row["step"] // 2), str(row["step"])}
        assert losses[direction].mean(dtype=float) == pytest.approx(row["eval_loss"], abs=2e-3)  # that is bfloat16
    totals = [losses[direction].sum(dtype=float) for direction in DIRECTIONS]
    arrow = found["∂ of seed 1"]
    assert arrow["aot"] == pytest.approx(2 * (totals[1] - totals[0]) / sum(totals))
    assert arrow["low_over_books"] < arrow["aot"] < arrow["high_over_books"] and len(arrow["by_book"]) >= 5
    assert found["seed 1 forward"]["step"] == found["seed 1 backward"]["step"]

    models = f"--forward {tmp_path}/run-seed1/forward --backward {tmp_path}/elsewhere-run-seed1/backward"
    compute_aot.main(f"{models} --data {data} --output_dir {tmp_path}/scores --device cpu".split())
    assert json.loads((tmp_path / "scores/aot.json").read_text(encoding="utf-8"))["aot"] == pytest.approx(arrow["aot"])

    printed = run("2_french.py", tmp_path / "late", *flags, "--minutes", 0, "--results", out)
    late = rows(tmp_path / "late", "2_french")
    assert "skipped" in late["seed 1 backward"] and late["seed 1 forward"] == before["seed 1 forward"]
    assert "no ∂ of seed 1" in printed and "∂ of seed 1" not in late
