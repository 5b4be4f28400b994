"""Experiments: texts are parallel and checked, each row is done once, and all flags in the scripts are understood."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line

from aot.cli import parse_arguments
from aot.runs import read_json
from aot.sources.linear import inverse, sparse_matrix
from experiments import fetch_corpora
from run_clm_reverse import ReverseTrainingArguments, RunArguments
from tokenize_lang import TokenizeArguments

ROOT = Path(__file__).parent.parent
TEXTS = ("languages", "context", "sizes", "seeds", "tokenizer_control", "prequential")
SOURCES = ("linear", "linear_update", "primes", "controls", "recurrent", "any_sequence")


def page(*paragraphs: str) -> str:
    """An HTML page of the help, as LibreOffice writes it."""
    inner = "\n".join(paragraphs)
    outside = '<p id="par_id0" class="x">Contents</p>'
    return f'<html>{outside}<div id="DisplayArea">{inner}</div><div id="SearchFrame"></div>{outside}</html>'


def paragraph(number: int, text: str) -> str:
    return f'<p id="par_id{number}" class="paragraph" dir="auto">{text}</p>'


def test_the_seeds_of_the_sparse_updates_draw_chains_on_one_side_of_the_diagonal():
    script = (ROOT / "experiments/linear_update.sh").read_text(encoding="utf-8")
    settings = re.findall(r"bits=(\d+) .*lower:(\d+) upper:(\d+)", script)
    assert len(settings) == 2
    for bits, *seeds in settings:
        one = np.eye(int(bits), dtype=np.uint8)
        for side, seed in zip((np.tril, np.triu), seeds, strict=True):
            update = sparse_matrix(int(bits), 4, np.random.default_rng(int(seed)))
            assert np.array_equal(update, side(update)) and (update ^ one).sum() == 4
            assert (inverse(update) ^ one).sum() == 10  # 4 + 3 + 2 + 1 of a chain


def test_paragraphs_are_text_without_marks_hidden_parts_and_what_is_around_the_page():
    keys = '<span class="switchinline"><span hidden="true" id="a" class="MAC">Command\n</span>Ctrl</span>+A'
    html = page('<h1 id="hd_id1" dir="auto"><a name="x"></a>Open &amp; save</h1>', paragraph(2, f"Press\n {keys}"))
    assert fetch_corpora.paragraphs(html) == {"hd_id1": "Open & save", "par_id2": "Press Ctrl+A"}


def test_the_same_paragraphs_stay_in_all_languages(monkeypatch):
    monkeypatch.setattr(fetch_corpora, "LEAST", 10)
    english = {("a", "1"): "Open the file", ("a", "2"): "Choose File", ("b", "1"): "Open the file", ("b", "2"): "Yes"}
    french = {("a", "1"): "Ouvrez le fichier", ("a", "2"): "Choose File", ("b", "1"): "Ouvrez", ("b", "2"): "Oui"}
    german = {("a", "1"): "Die Datei öffnen", ("a", "2"): "Datei wählen", ("b", "1"): "Öffnen", ("b", "2"): "Ja"}
    texts = {"en": english, "fr": french, "de": german}
    # (a, 2) is not translated into French, (b, 1) repeats (a, 1), and what is left of page b is short
    pages = {"en": [["Open the file"]], "fr": [["Ouvrez le fichier"]], "de": [["Die Datei öffnen"]]}
    assert fetch_corpora.parallel(texts) == pages
    del german["a", "1"]
    assert fetch_corpora.parallel(texts) == {"en": [], "fr": [], "de": []}


def make_packages(folder: Path, version: str) -> None:
    """A package for each language, with two pages that are translated and one that is not."""
    folder.mkdir(parents=True)
    for language in fetch_corpora.LANGUAGES:
        root = folder / "tree"
        text = root / f"usr/share/libreoffice/help/{language}/text/guide"
        text.mkdir(parents=True)
        (root / "DEBIAN").mkdir()
        name = fetch_corpora.package(language)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@b>\nDescription: test\n"
        (root / "DEBIAN/control").write_text(control)
        for number in (2, 1):
            words = " ".join(f"{language}{number}{word}" for word in range(60))
            (text / f"{number}.html").write_text(page(paragraph(number, words), paragraph(3, "Not translated")))
        (text / "0.html").write_text(page(paragraph(9, "same in all " * 60)))
        deb = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
        subprocess.run(["dpkg-deb", "--build", "-Znone", root, deb], check=True, capture_output=True)
        shutil.rmtree(root)


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_packages_become_one_file_per_language_with_the_same_pages(tmp_path, capsys):
    make_packages(tmp_path / "packages", "1:2.0")
    flags = ["--output_dir", str(tmp_path), "--version", "1:2.0"]
    fetch_corpora.main(flags)
    assert "2 pages of 2 paragraphs in 13 languages" in capsys.readouterr().out
    for language in fetch_corpora.LANGUAGES:
        first, second = (tmp_path / f"{language}.txt").read_text(encoding="utf-8").split("\n\n")
        assert first.split()[0] == f"{language}10" and second.split()[0] == f"{language}20" and second[-1] == "\n"
    origin = (tmp_path / "ORIGIN.md").read_text(encoding="utf-8")
    assert "Mozilla Public License 2.0" in origin and origin.count("\n- ") == 26
    assert not (tmp_path / "partial").exists()
    before = (tmp_path / "fr.txt").stat().st_mtime_ns
    for same in (flags, flags[:2]):  # without a version, what is there is used
        fetch_corpora.main(same)
        assert "finished before, version 1:2.0" in capsys.readouterr().out
        assert (tmp_path / "fr.txt").stat().st_mtime_ns == before
    with pytest.raises(SystemExit, match="holds version 1:2.0, not 1:3.0; choose another --output_dir"):
        fetch_corpora.main([*flags[:2], "--version", "1:3.0"])
    (tmp_path / "fr.txt").write_text("another")
    with pytest.raises(SystemExit, match=r"fr.txt: its SHA-256 is .*; delete"):
        fetch_corpora.main(flags)


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path):
    version = read_json(fetch_corpora.PINNED)["version"].replace(":", "%3a")
    (tmp_path / "packages").mkdir()
    for language in fetch_corpora.LANGUAGES:
        (tmp_path / f"packages/{fetch_corpora.package(language)}_{version}_all.deb").write_bytes(b"another")
    with pytest.raises(SystemExit, match="SHA-256") as stopped:
        fetch_corpora.main(["--output_dir", str(tmp_path)])
    assert one_line(stopped) and not list(tmp_path.glob("*.txt"))


def test_every_package_and_text_has_a_pinned_hash():
    pinned = read_json(fetch_corpora.PINNED)
    packages = {f"{fetch_corpora.package(each)}_{pinned['version'].replace(':', '%3a')}_all.deb" for each in
                fetch_corpora.LANGUAGES}  # fmt: skip
    assert set(pinned["sha256"]) == packages | {f"{each}.txt" for each in fetch_corpora.LANGUAGES}


@pytest.fixture
def bash(tmp_path):
    """Runs bash with stand-ins: python does only -c, `xargs` prints the rows it would do, `flock` leaves no file."""
    python = f'[ "$1" != -c ] || exec {shlex.quote(sys.executable)} "$@"'
    for name, content in {"python": python, "xargs": "exec cat", "flock": 'shift; exec "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{content}\n")
        (tmp_path / name).chmod(0o755)

    def run(*command, standins=True, **environment):
        path = f"{tmp_path if standins else Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, **environment}
        return subprocess.run(["bash", *command], cwd=ROOT, capture_output=True, text=True, env=environment)

    return run


def rows(done: subprocess.CompletedProcess) -> list[list[str]]:
    """What `at_once` was to do, as words; log ROW RUNS SEEDS and what follows."""
    assert done.returncode == 0, done.stderr
    lines = [shlex.split(line) for line in done.stdout.splitlines() if line.startswith("log ")]
    assert len({line[1] for line in lines}) == len(lines)
    return [line[1:] for line in lines]


def understood(flags: list[str], tmp_path: Path) -> tuple:
    """The arguments of a training run with these flags."""
    paths = ["--data", "data/x", "--output_dir", str(tmp_path / "run")]
    return parse_arguments(RunArguments, ReverseTrainingArguments, doc="", argv=[*paths, *flags])


def options(flags: list[str]) -> dict[str, set[str]]:
    """Values by flag; of two equal flags the later one counts."""
    return {flag: set(value.split(",")) for flag, value in zip(flags[::2], flags[1::2], strict=True)}


@pytest.mark.parametrize("full", ["", "1"])
@pytest.mark.parametrize("name", TEXTS)
def test_rows_of_texts_are_commands_that_are_understood(name, full, bash, tmp_path):
    lines = rows(bash(f"experiments/{name}.sh", "short", "--max_steps", "4", FULL=full))
    assert len(lines) >= {"languages": 11, "context": 10, "sizes": 8}.get(name, 2)
    for row, runs, seeds, language, kind, *flags in lines:
        assert row.startswith("short-") and runs.startswith("short-")
        assert len(seeds.split()) >= (1 if full else 3)
        run, args = understood(flags, tmp_path)
        assert args.max_steps == 4  # the last one given counts
        windows, context = (180, 256) if full else (8, 128)
        expected = windows * (run.context if kind == "--level byte" else context)  # bytes: as many windows, not tokens
        assert run.context * args.per_device_train_batch_size * args.gradient_accumulation_steps == expected
        source = ["--source", "x.txt", "--name", "x", "--language", language]
        parse_arguments(TokenizeArguments, doc="", argv=[*source, *kind.split()])


@pytest.mark.parametrize("full", ["", "1"])
@pytest.mark.parametrize("name", SOURCES)
def test_rows_of_sources_are_commands_that_are_understood(name, full, bash, tmp_path):
    lines = rows(bash(f"experiments/{name}.sh", "short", "--max_steps", "4", FULL=full))
    assert len(lines) >= 2
    for row, runs, seeds, _, *flags in lines:
        assert row.startswith("short-") and runs.startswith("short-") and len(seeds.split()) >= (1 if full else 3)
        _, args = understood([each.replace("SEED", "1") for each in flags], tmp_path)
        assert args.max_steps == 4


@pytest.mark.parametrize("name", ["context", "sizes", "seeds", "tokenizer_control", "prequential"])
def test_what_another_experiment_has_trained_is_trained_alike(name, bash):
    trained = {runs: flags for _, runs, _, _, _, *flags in rows(bash("experiments/languages.sh", FULL=""))}
    shared = [line for line in rows(bash(f"experiments/{name}.sh", FULL="")) if line[1] in trained]
    assert shared
    for _, runs, _, _, kind, *flags in shared:
        theirs, ours = options(trained[runs]), options(flags)
        if name == "sizes":  # where it says what the others leave as it is
            theirs["--config_overrides"] |= {"n_head=4", "n_embd=128"}
        assert ours == theirs and not kind


def test_each_row_is_done_once_by_the_tasks_of_an_array_and_all_without_one(bash):
    script = 'source experiments/rows.sh x y; for i in {1..7}; do echo "echo row $i"; done | at_once'
    lines = {f"row {number}" for number in range(1, 8)}
    assert set(bash("-c", script, standins=False).stdout.splitlines()) == lines
    done = []
    for task in range(2, 5):
        done += bash("-c", script, standins=False, **array_of(task, range(2, 5))).stdout.splitlines()
    assert len(done) == 7 and set(done) == lines
    for left, rows_of_3 in (([3], 7), ([3, 5], 0)):
        some = bash("-c", script, standins=False, **array_of(3, left))
        assert len(some.stdout.splitlines()) == rows_of_3 and ("has to be a range" in some.stderr) == (rows_of_3 == 0)


def array_of(task: int, tasks) -> dict[str, str]:
    """What Slurm tells a task of an array."""
    told = {"ID": task, "MIN": min(tasks), "MAX": max(tasks), "COUNT": len(tasks)}
    return {f"SLURM_ARRAY_TASK_{name}": str(value) for name, value in told.items()}


@pytest.mark.parametrize("name", ["languages", "linear", "demo"])
def test_flags_in_the_place_of_the_prefix_are_refused(bash, name):
    done = bash(f"experiments/{name}.sh", "--bf16", "true")
    assert done.returncode == 2 and "--bf16: PREFIX stands before flags" in done.stderr and not done.stdout


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="rows are done one after the other on a GPU")
def test_rows_are_done_on_all_cores_whatever_openmp_was_told(bash):
    script = "source experiments/rows.sh x y; echo 'echo $OMP_NUM_THREADS' | at_once"
    cores = len(os.sched_getaffinity(0))
    assert bash("-c", script, standins=False, OMP_NUM_THREADS="1").stdout == f"{cores}\n"


def test_tasks_that_need_the_same_data_at_once_do_not_disturb_each_other(bash, tmp_path):
    (tmp_path / "flock").unlink()
    (tmp_path / "python").write_text('#!/bin/sh\necho begin\nsleep 0.2\necho end "$@"\n')
    script = "source experiments/rows.sh x; for i in 1 2 3; do data short-x make.py --seed 1 & done; wait"
    done = bash("-c", script)
    assert done.stderr == "begin\nend make.py --name short-x --seed 1\n" * 3
    (ROOT / "data/short-x.lock").unlink()


def test_a_seed_stands_in_the_flags_of_its_run(bash, tmp_path):
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n')
    script = 'source experiments/rows.sh x; pairs row runs "4 5" d --model_name_or_path runs/x-seedSEED --size pico'
    *runs, score = bash("-c", script).stdout.splitlines()
    assert [shlex.split(line)[-3] for line in runs] == ["runs/x-seed4", "runs/x-seed5"]
    assert score == "compute_aot.py --data data/d --output_dir scores/row --pair runs/runs-seed4 runs/runs-seed5"


def test_a_row_that_fails_is_named_and_the_others_are_done(bash):
    lines = "'echo one' 'log y-bad y-bad 1 no-such-data --size pico' 'echo two'"
    script = f"source experiments/sources.sh x y; printf '%s\\n' {lines} | at_once"
    done = bash("-c", script, standins=False)
    assert done.returncode != 0 and {"one", "two"} <= set(done.stdout.split())
    assert "y-bad: " in done.stderr and "no-such-data" in done.stderr and "[runs/y-bad.log]" in done.stderr
    (ROOT / "runs/y-bad.log").unlink()
    (ROOT / "runs/y-bad-seed1.lock").unlink()
