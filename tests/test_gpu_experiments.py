"""Experiments for a GPU: at tiny size on a CPU all parts run, are kept when cut off, and are not done twice."""

import csv
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import edit

import compute_aot
import report
from aot.tokens.data_folder import open_stream
from aot.tokens.streams import read_clusters
from aot.tokens.tokenizers import load_tokenizer
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.commands import parse
from aot.train.models import build_model
from aot.train.rates import attention_kernels, flops_per_token, kernel_shares, matmul_flops

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
    """The chapters of thirty books, in the two files that prepare.sh reads."""
    random, words = np.random.default_rng(0), "le la un chat chien mange voit dort maison grand petit rouge".split()
    books, table = {}, ["book_id\tauthor\ttitle\tyear\tfirst_doc\tn_docs\tsource"]
    for book in range(30):
        table.append(f'B{book}\tan author\ta "title\t1900\t{sum(map(len, books.values()))}\t{4 + book % 3}\tx')
        heads = (f"livre {book} chapitre {chapter} " for chapter in range(4 + book % 3))
        books[f"B{book}"] = [head + " ".join(random.choice(words, 60)) for head in heads]
    (folder / "fr.txt").write_text("\n\n".join(sum(books.values(), [])) + "\n", encoding="utf-8")
    (folder / "fr.books.tsv").write_text("\n".join(table) + "\n", encoding="utf-8")
    return books


def prepare(number: int, folder: Path, *flags: str, cut: str = "", status: int = 0) -> str:
    """What prepare.sh prints, of texts and data folders in `folder`; `cut` stands for the 44 megabytes of a text."""
    text = (SCRIPTS / "prepare.sh").read_text(encoding="utf-8").replace('"$(dirname "$0")/../.."', f'"{ROOT}"')
    text = text.replace('"${megabytes}000000"', f'"{cut}"') if cut else text
    paths = {"CORPORA": folder, "DATA": folder, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-c", text, "prepare.sh", str(number), "--vocab_size", "300", *flags]
    environment = os.environ | {key: str(path) for key, path in paths.items()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Path, dict]:
    """Folder of the data folder of French, and the books."""
    folder = tmp_path_factory.mktemp("prepared")
    books = write_books(folder)
    assert re.search(r"^0\.\d MB  \S+/gpu-2\.tar\.xz$", prepare(2, folder), flags=re.MULTILINE)
    return folder, books


def documents(data: Path, split: str) -> list[str]:
    """The text of each document of a split of a data folder."""
    ids, tokenizer = np.asarray(open_stream(data, split)), load_tokenizer(data)
    return [tokenizer.decode(part[:-1]) for part in np.split(ids, document_starts(ids)[1:])]


def test_whole_books_are_held_out_and_four_chapters_of_each_kept(prepared):
    folder, books = prepared
    held_out = read_clusters(folder / "gpu-fr", "validation")
    assert set(Counter(held_out).values()) == {4} and len(set(held_out)) == 14
    assert set(documents(folder / "gpu-fr", "validation")) < {text for book in held_out for text in books[book]}
    kept = [text for book in books if book not in held_out for text in books[book]]
    assert documents(folder / "gpu-fr", "train") == kept


def test_what_is_taken_along_is_what_was_made(prepared, tmp_path):
    folder, _ = prepared
    subprocess.run([sys.executable, "-m", "tarfile", "-e", folder / "gpu-2.tar.xz", tmp_path], check=True)
    made = {path.name: path.read_bytes() for path in (folder / "gpu-fr").iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "gpu-fr").iterdir()} == made


def test_of_a_long_text_the_first_whole_books_are_taken(tmp_path):
    books = write_books(tmp_path)
    sizes = np.cumsum([sum(len(text) + 2 for text in chapters) for chapters in books.values()])
    few = ["--validation_clusters", "2"]
    prepare(5, tmp_path, *few, cut=str(sizes[4] + 1))
    taken = (tmp_path / "gpu-corpora/fr.txt").read_text(encoding="utf-8").strip().split("\n\n")
    assert taken == [text for book in list(books)[:5] for text in books[book]]
    assert len((tmp_path / "gpu-corpora/fr.books.tsv").read_text(encoding="utf-8").splitlines()) == 1 + 5


def test_texts_that_are_not_there_are_named(tmp_path):
    said = prepare(3, tmp_path, status=1)
    assert "/fr.txt " in said and "/en.txt " in said and "/de.txt;" in said and not [*tmp_path.glob("gpu-*/*")]
    assert "2 to 8" in prepare(9, tmp_path, status=2)


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


def test_a_goal_is_only_reached_against_all_that_it_is_of(scripts, tmp_path):
    check = scripts("1_check")
    booking = scripts("booking").Booking("1_check", tmp_path, None, 1, tiny=True)
    ours = {"tokens_per_second": 200_000, "of_matmul_rate": 0.4, "device": "a"}
    eager, compiled = ours | {"tokens_per_second": 50_000}, ours | {"tokens_per_second": 100_000}
    for stock, times in ([eager, compiled], 2), ([eager, {"skipped": "takes long"}], None):
        check.goals(booking, ours, stock, paper=eager)
        found = booking.rows["goals"]
        assert found["times_stock"] == times and found["times_stock_reached"] == (times and True)
        assert found["times_paper_reached"] is True and found["of_matmul_rate_reached"] is False


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


@pytest.fixture(scope="module")
def booked(prepared, tmp_path_factory) -> dict[str, Path]:
    """What 3_languages.py leaves in two bookings, of which one ends after the first direction."""
    folder = tmp_path_factory.mktemp("booked")
    flags, first = ["--tiny", "--data", prepared[0], "--runs", folder / "runs", "--seeds", 1], folder / "first"
    process = start("3_languages.py", first, *flags)
    while not (line := process.stdout.readline()).startswith("French seed 1 forward: seconds"):
        assert line, "it ended by itself"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    flags[flags.index(folder / "runs")] = folder / "other"  # a machine without the forward model
    printed = run("3_languages.py", folder / "last", *flags, 2, "--results", first)
    (folder / "last.log").write_text(printed, encoding="utf-8")
    return {name: folder / name for name in ("first", "last", "runs", "other", "last.log")}


def test_pairs_are_trained_though_cut_off_and_no_part_is_done_twice(booked):
    first, last = (rows(booked[name], "3_languages") for name in ("first", "last"))
    assert list(np.load(booked["first"] / "3_languages_seed1.npz")) == ["French forward"]
    assert last["French seed 1 forward"] == first["French seed 1 forward"]
    printed = booked["last.log"].read_text(encoding="utf-8")
    assert "there already, and not done again: French seed 1 forward\n" in printed
    assert "gpu-en is not there; prepare.sh makes it" in last["English seed 1"]["skipped"]
    names = {"3_languages.json", "3_languages.csv", "3_languages_seed1.npz", "3_languages_seed2.npz"}
    assert {path.name for path in booked["last"].iterdir()} == names
    assert "no ∂ yet of French seed 3, English seed 1, " in printed
    pairs = ["∂ of French seed 1", "∂ of French seed 2", "∂ of French, all seeds"]
    assert [row for row in last if row.startswith("∂")] == pairs and last[pairs[-1]]["seed"] == "1 2"


def test_what_a_booking_measures_is_what_compute_aot_measures(booked, prepared, tmp_path):
    data, found = prepared[0] / "gpu-fr", rows(booked["last"], "3_languages")
    losses, ids = np.load(booked["last"] / "3_languages_seed1.npz"), open_stream(data, "validation")
    for direction in DIRECTIONS:
        row, each = found[f"French seed 1 {direction}"], losses[f"French {direction}"]
        assert row["evaluations"].keys() == {"3", "6"} and row["steps"] == len(row["curve"]) == 6
        assert row["nats_per_token"] == pytest.approx(row["eval_loss"], abs=2e-3)  # that is bfloat16
        assert each.shape == ids.shape and each.mean(dtype=float) == pytest.approx(row["nats_per_token"], rel=1e-4)
    arrow, names = found["∂ of French seed 1"], [f"3_languages-French-seed-1/{direction}" for direction in DIRECTIONS]
    pair = f"--forward {booked['runs']}/{names[0]} --backward {booked['other']}/{names[1]}"
    compute_aot.main(f"{pair} --data {data} --output_dir {tmp_path}/scores --device cpu".split())
    measured = json.loads((tmp_path / "scores/aot.json").read_text(encoding="utf-8"))
    for name in ("forward", "backward", "aot", "low", "high", "documents"):
        assert arrow[name] == pytest.approx(measured[name], rel=1e-6)
    assert len(arrow["by_cluster"]) == arrow["documents"] == 14 and arrow["samples"] == measured["samples"]
    assert arrow["bits_forward"] == pytest.approx(measured["forward"] * ids.size / np.log(2) / measured["bytes"])


def test_a_booking_that_is_too_short_loses_nothing(booked, prepared, tmp_path, monkeypatch, capsys, scripts):
    languages, flags = scripts("3_languages"), ["--tiny", "--minutes", "0", "--data", str(prepared[0])]

    def go_on(out: Path, results: Path) -> dict[str, dict]:
        monkeypatch.setattr(sys, "argv", ["3_languages.py", str(out), *flags, "--results", str(results)])
        scripts("campaign").main(languages.__doc__, languages.__file__, "languages_gpu", languages.CELLS)
        return rows(out, "3_languages")

    found, before = go_on(tmp_path / "first", booked["first"]), rows(booked["first"], "3_languages")
    assert found["French seed 1 forward"] == before["French seed 1 forward"]
    assert "skipped" in found["French seed 1 backward"] and not any("aot" in row for row in found.values())
    assert "no ∂ yet of French seed 1, French seed 2, " in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["merge.py", str(tmp_path / "first")])
    with pytest.raises(SystemExit, match="no pair of an experiment is there"):
        scripts("merge").main()

    found, before = go_on(tmp_path / "last", booked["last"]), rows(booked["last"], "3_languages")
    assert {name: row for name, row in found.items() if "skipped" not in row} == {
        name: row for name, row in before.items() if "skipped" not in row
    }
    other = prepared[0] / "other"
    other.mkdir()
    (other / "gpu-fr").mkdir()
    shutil.copy(prepared[0] / "gpu-fr/meta.json", other / "gpu-fr")
    edit(other / "gpu-fr/meta.json", lambda meta: meta.update(data_sha256="other"))
    flags[-1] = str(other)
    with pytest.raises(SystemExit, match="gpu-fr: is not what the figures there are of"):
        go_on(tmp_path / "other", booked["last"])


def test_what_bookings_measured_becomes_rows_of_tables(booked, tmp_path, monkeypatch, scripts):
    flags = [str(booked["last"]), "--results", str(tmp_path / "results")]
    monkeypatch.setattr(sys, "argv", ["merge.py", *flags])
    for _ in range(2):  # the second time, nothing changes
        scripts("merge").main()
    files = [tmp_path / f"results/{name}_gpu.csv" for name in ("languages", "sizes")]
    tables = [report.read_table(file, report.COLUMNS) for file in files]
    found = rows(booked["last"], "3_languages")
    for table, name in zip(tables, ("French", "French-gpt1"), strict=True):
        assert set(table["row"]) == {name} and table["seed"].tolist() == ["1 2", "1", "2"]
        assert table["aot"].iloc[0] == pytest.approx(found["∂ of French, all seeds"]["aot"], rel=1e-6)
        assert table["control_forward"].iloc[0] > 0 and table["documents"].iloc[0] == 14
    monkeypatch.chdir(tmp_path)
    lines = report.block("languages_gpu", Path("results"), Path("scores"))
    assert any(line.startswith("| French | ") for line in lines) and (tmp_path / "results/languages_gpu.png").exists()


def test_runs_of_other_recipes_are_no_pair(booked, scripts):
    found = rows(booked["last"], "3_languages")
    pair = [found[f"French seed 1 {direction}"] for direction in DIRECTIONS]
    other = pair[1] | {"recipe": pair[1]["recipe"] | {"learning_rate": 0.5}}
    unlike = scripts("campaign").unlike
    assert unlike([pair]) == [] and "learning_rate: 0.01 / 0.5" in unlike([[pair[0], other]])
    assert "initial_weights" in unlike([[pair[0], found["French seed 2 backward"]]])[1]


@pytest.mark.parametrize("name", [path.stem for path in sorted(SCRIPTS.glob("[3-8]_*.py"))])
def test_an_experiment_can_be_done_in_bookings(name, scripts, prepared):
    """Its flags are understood, a pair of each row fits into a booking, as an estimate, and so do its files."""
    cells = scripts(name).CELLS
    assert len({cell.name for cell in cells}) == len(cells)
    for cell in (*cells, *(cell.tiny() for cell in cells)):
        parse([*cell.flags(), "--data", str(prepared[0] / "gpu-fr")])
        assert 2 * cell.seconds(16384) < 9.5 * 60 and cell.windows * cell.context == cell.step_tokens
    of_seed = Counter(cell.seed for cell in cells)
    assert len(of_seed) + 2 <= 8 and max(of_seed.values()) * 2 * 300_000 * 2 < 16 * 2**20
    made = re.findall(rf"^  .*\b{name[0]}\b.*\) languages=\"?([a-z ]+)\"? kind=\((.*)\) ;;",
                      (SCRIPTS / "prepare.sh").read_text(encoding="utf-8"), flags=re.MULTILINE)  # fmt: skip
    ((languages, kind),) = made
    level = kind.replace("--level ", "-")
    assert {cell.data for cell in cells} == {f"gpu-{language}{level}" for language in languages.split()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in sorted(SCRIPTS.glob("[3-8]_*.py"))])
def test_all_pairs_of_an_experiment_are_trained(name, scripts, prepared, tmp_path):
    cells = scripts(name.removesuffix(".py")).CELLS
    for data in {cell.data for cell in cells}:
        (tmp_path / data).symlink_to(prepared[0] / "gpu-fr")
    run(name, tmp_path / "out", "--tiny", "--data", tmp_path, "--runs", tmp_path / "runs")
    found = rows(tmp_path / "out", name.removesuffix(".py"))
    assert [row["row"] for row in found.values() if "aot" in row] == [cell.row for cell in cells if cell.seed == 1]
    assert not any("failed" in row or "skipped" in row for row in found.values())


@pytest.mark.slow
def test_french_is_trained_for_as_many_epochs_as_the_time_allows(prepared, tmp_path, monkeypatch, scripts):
    flags = ["--tiny", "--data", prepared[0], "--runs", tmp_path / "runs", "--seeds", 1, "--epochs", 1]
    run("2_french.py", tmp_path / "out", *flags)
    found = rows(tmp_path / "out", "2_french")
    assert found["plan"]["epochs"] == 1 and found["plan"]["tokens_per_second"] > 0
    arrow = found["∂ of French-as_time_allows seed 1"]
    assert arrow["low"] < arrow["aot"] < arrow["high"]
    monkeypatch.setattr(sys, "argv", ["2_french.py", str(tmp_path / "again"), "--tiny", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match="gpu-fr: not a data folder"):
        scripts("2_french").main()
