"""Chapters of books: whole books are held out, a part of them is kept, and the interval of ∂ is over books."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest
from conftest import LEARNED, one_line, train
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tokenize_lang import decoded, interrupt, same_folders

import compute_aot
import tokenize_lang
from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import read_json
from aot.statistics.samples import arrow_over
from aot.tokens.clusters import cluster_runs
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.splitting import SPLITS, Splitting, survey

PREFACE = "a preface that\nmany books share"


def books(count: int = 24) -> dict[str, list[str]]:
    """Chapters by book, from 1 to 9 of them, the same preface before those of every fifth book."""
    choose = random.Random(1)
    made = {}
    for number in range(count):
        chapters = [
            f"{number} {chapter} " + " ".join(choose.choices("the arrow of time goes on and on".split(), k=30))
            for chapter in range(1 + number % 9)
        ]
        made[f"book {number}"] = [PREFACE] * (number % 5 == 0) + chapters
    return made


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> Path:
    """A text of all books, their table, and a folder with a file for each."""
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "en.txt").write_text("\n\n".join(sum(books().values(), [])), encoding="utf-8")
    with (folder / "books.csv").open("w", newline="") as file:
        rows, first = csv.writer(file), 0
        rows.writerow(["book_id", "first_doc", "n_docs"])
        for name, chapters in books().items():
            rows.writerow([name, first, len(chapters)])
            first += len(chapters)
    (folder / "books").mkdir()
    for name, chapters in books().items():
        (folder / "books" / f"{name}.txt").write_text("\n\n".join(chapters), encoding="utf-8")
    return folder


@pytest.fixture
def here(shelf, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shelf


def make(shelf: Path, name: str, *flags: str, source: str = "en.txt", clusters: str = "books.csv") -> Path:
    clusters = clusters if clusters == "file" else str(shelf / clusters)
    common = ["--source", str(shelf / source), "--clusters", clusters, "--name", name, "--level", "byte"]
    tokenize_lang.main([*common, *flags])
    return Path("data", name)


def runs_of(folder: Path, split: str) -> list[tuple[str, int]]:
    return cluster_runs(str(folder / f"{split}.clusters.csv"))


@pytest.mark.parametrize(
    "flags", [["--validation_clusters", "7"], ["--validation_fraction", "0.3"], ["--validation_tokens", "3000"]]
)
def test_books_are_held_out_whole(here, flags):
    folder = make(here, "en", *flags)
    named = {split: [name for name, _ in runs_of(folder, split)] for split in SPLITS}
    assert not set(named["train"]) & set(named["validation"])
    assert sorted(sum(named.values(), [])) == sorted(books())
    kept = {split: decoded(folder, split) for split in SPLITS}
    assert kept["validation"] == sum((books()[name] for name in named["validation"]), [])
    shared = PREFACE in kept["validation"]
    train = sum((books()[name] for name in named["train"]), [])
    assert kept["train"] == [each for each in train if not shared or each != PREFACE]
    meta = read_meta(folder)
    assert {split: meta["splits"][split]["clusters"] for split in SPLITS} == {k: len(v) for k, v in named.items()}
    if "--validation_clusters" in flags:
        assert len(named["validation"]) == 7
    if "--validation_fraction" in flags:
        text = sum(len(chapter) for chapters in books().values() for chapter in chapters)
        assert 0.3 <= meta["splits"]["validation"]["bytes"] / text < 0.45


def test_what_also_stands_in_a_book_that_is_held_out_is_left_out_and_said(here, capsys):
    folder = make(here, "en", "--validation_clusters", "12")
    left = read_meta(folder)["left_out"]["train"]
    assert PREFACE in decoded(folder, "validation") and PREFACE not in decoded(folder, "train")
    both = 5 - decoded(folder, "validation").count(PREFACE)
    assert left == {"documents": both, "bytes": both * len(PREFACE)} and both
    said = capsys.readouterr().out
    assert f"left out: {both} document" in said and "which also stand in clusters that are held out" in said


@pytest.mark.parametrize("most", [1, 2, 4])
def test_of_each_book_that_is_held_out_the_last_chapter_and_some_before_it_are_kept(here, most):
    folder = make(here, "en", "--validation_clusters", "9", "--validation_documents_per_cluster", str(most))
    kept = decoded(folder, "validation")
    for name, number in runs_of(folder, "validation"):
        chapters, mine = books()[name], kept[:number]
        kept = kept[number:]
        assert len(mine) == min(most, len(chapters))
        places = [chapters.index(each) for each in mine]
        gaps = np.diff([-1, *places, len(chapters)])
        assert places[-1] == len(chapters) - 1
        assert places == sorted(set(places)) and gaps[1:-1].max(initial=1) - gaps[1:-1].min(initial=len(chapters)) <= 1
    assert not kept
    meta = read_meta(folder)
    counted = [*meta["splits"].values(), *meta["left_out"].values()]
    assert sum(each["documents"] for each in counted) == sum(map(len, books().values()))


def test_files_as_clusters_do_not_depend_on_where_they_lie(here, tmp_path, monkeypatch):
    one = runs_of(make(here, "en", source="books", clusters="file"), "train")
    monkeypatch.chdir(here)
    flags = ["--name", "en", "--level", "byte", "--output_dir", str(tmp_path / "two")]
    tokenize_lang.main(["--source", "books", "--clusters", "file", *flags])
    assert one == runs_of(tmp_path / "two/en", "train")
    assert {name for name, _ in one} < {f"{name}.txt" for name in books()}


def test_interrupted_is_as_never_interrupted(here, monkeypatch):
    flags = ["--validation_clusters", "9", "--validation_documents_per_cluster", "2"]
    make(here, "en", *flags, "--output_dir", "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        interrupt(patch, 5, 900)
        make(here, "en", *flags)
    assert same_folders(Path("whole/en"), make(here, "en", *flags))


def test_another_table_is_refused_and_the_same_by_another_name_is_not(here, capsys):
    content = (here / "books.csv").read_bytes()
    flags = ["--source", str(here / "en.txt"), "--clusters", "here.csv", "--name", "en", "--level", "byte"]
    make(here, "en")
    Path("here.csv").write_bytes(content)
    tokenize_lang.main(flags)
    assert "finished before" in capsys.readouterr().out
    Path("here.csv").write_bytes(content.replace(b"book 3", b"book 4", 1))
    with pytest.raises(SystemExit, match="made from other inputs .*clusters_sha256") as stopped:
        tokenize_lang.main(flags)
    assert one_line(stopped)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--validation_clusters", "13"], "--validation_clusters 13 is more than half of the 24 that there are"),
        (["--validation_clusters", "0"], "--validation_clusters 0: must be at least 1"),
        (["--validation_clusters", "3", "--validation_tokens", "100"], "give one of --validation_tokens and --valid"),
    ],
)
def test_bad_numbers_are_refused(here, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        make(here, "en", *flags)
    assert one_line(stopped) and not Path("data/en").exists()


@pytest.mark.parametrize("flag", ["--validation_clusters", "--validation_documents_per_cluster"])
def test_flags_about_clusters_need_them(here, flag):
    with pytest.raises(SystemExit, match=f"{flag}: needs --clusters") as stopped:
        tokenize_lang.main(["--source", str(here / "en.txt"), "--name", "en", flag, "2"])
    assert one_line(stopped)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_is_kept_depends_on_no_order_of_books(data):
    order = data.draw(st.permutations(sorted(books())))
    found = []
    for names in (sorted(books()), order):
        read = [(chapter.encode(), name) for name in names for chapter in books()[name]]
        one = survey(read, 0, 2_000)
        cut = one.cut_at(one.bytes / 3)
        below = {chapter for chapter, lowest in one.repeated.items() if lowest < cut}
        splitting = Splitting(cut, 0, one.clusters, 2, below)
        found.append((sorted(splitting.keep(read)), one.sample, [*one.clusters.items()]))
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def scored(shelf, tmp_path_factory) -> Path:
    """A pair on the data folder of 12 held-out books, in a folder of its own."""
    folder = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make(shelf, "en", "--validation_clusters", "12")
        train(folder / "pair", folder / "data/en", *LEARNED)
    return folder


def compute(output_dir: Path, *flags) -> dict:
    compute_aot.main(["--output_dir", str(output_dir), *map(str, flags)])
    return read_json(output_dir / "aot.json")


def test_the_interval_is_over_books(scored, tmp_path, capsys):
    pair = ["--pair", scored / "pair"]
    report = compute(tmp_path / "data", *pair, "--data", scored / "data/en")
    assert "in 12 clusters" in capsys.readouterr().out and "over clusters: " in report["verdict"]
    assert report["documents"] == 12 and report["samples"] == "clusters"
    saved = np.load(tmp_path / "data/losses.npz")
    of_books = [
        np.array([[nats[0][saved["clusters"] == book].sum() for book in range(12)]])
        for nats in (saved["forward_per_document"], saved["backward_per_document"])
    ]
    tokens = np.diff(saved["document_starts"], append=len(saved["ids"]))
    expected = arrow_from_totals(*of_books, [tokens[saved["clusters"] == book].sum() for book in range(12)])
    assert all(report[key] == pytest.approx(expected[key], rel=1e-12) for key in ("aot", "low", "high", "tokens"))
    chapters = arrow_over(None, saved["forward_per_document"], saved["backward_per_document"], tokens)
    assert chapters["aot"] == pytest.approx(report["aot"]) and chapters["low"] != report["low"]
    assert len(tokens) == read_meta(scored / "data/en")["splits"]["validation"]["documents"]


def test_a_text_with_clusters_is_measured_as_its_data_folder(scored, tmp_path):
    chapters, runs = decoded(scored / "data/en", "validation"), runs_of(scored / "data/en", "validation")
    (tmp_path / "en.txt").write_text("\n\n".join(chapters))
    names = [name for name, length in runs for _ in range(length)]
    (tmp_path / "en.csv").write_text("\n".join(["cluster", *names]))
    pair = ["--pair", scored / "pair"]
    of_text = compute(tmp_path / "text", *pair, "--text", tmp_path / "en.txt", "--clusters", tmp_path / "en.csv")
    of_data = compute(tmp_path / "data", *pair, "--data", scored / "data/en")
    assert len(open_stream(scored / "data/en", "validation")) == of_text["tokens"]
    assert all(of_text[key] == of_data[key] for key in ("aot", "low", "high", "documents", "samples"))


def test_scores_with_other_clusters_are_others(scored, tmp_path):
    chapters = decoded(scored / "data/en", "validation")
    (tmp_path / "en.txt").write_text("\n\n".join(chapters))
    (tmp_path / "en.csv").write_text("\n".join(["cluster", *(f"{n // 2}" for n in range(len(chapters)))]))
    flags = ["--pair", scored / "pair", "--text", tmp_path / "en.txt"]
    compute(tmp_path / "text", *flags, "--clusters", tmp_path / "en.csv")
    for other in ([], ["--clusters", tmp_path / "other.csv"]):
        (tmp_path / "other.csv").write_text("\n".join(["cluster", *(f"{n // 3}" for n in range(len(chapters)))]))
        with pytest.raises(SystemExit, match="holds other scores .*clusters_sha256") as stopped:
            compute(tmp_path / "text", *flags, *other)
        assert one_line(stopped)


def test_few_books_are_no_sample_which_is_said(scored, tmp_path, capsys):
    (tmp_path / "en.txt").write_text("\n\n".join(decoded(scored / "data/en", "validation")[:12]))
    (tmp_path / "en.csv").write_text("\n".join(["cluster", *"aaaabbbbcccc"]))
    flags = ["--text", tmp_path / "en.txt", "--clusters", tmp_path / "en.csv"]
    report = compute(tmp_path / "few", "--pair", scored / "pair", *flags)
    assert report["documents"] == 12 and report["samples"] == "documents"
    assert "The interval is over documents: 3 clusters would be too few" in capsys.readouterr().err


def test_clusters_of_a_data_folder_are_its_own(scored, tmp_path):
    flags = ["--pair", scored / "pair", "--data", scored / "data/en", "--clusters", "file"]
    with pytest.raises(SystemExit, match="--clusters: has no effect with --data") as stopped:
        compute(tmp_path / "no", *flags)
    assert one_line(stopped)


def test_without_a_model_the_books_of_a_data_folder_count_too(scored, tmp_path):
    report = compute(tmp_path / "quick", "--quick", "--data", scored / "data/en", "--learners", "1", "2")
    assert report["documents"] == 12 and report["samples"] == "clusters" and "over clusters" in report["verdict"]
