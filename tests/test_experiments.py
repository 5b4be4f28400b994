"""Experiments: each row is done once, and all flags in the scripts are understood."""

import bz2
import dataclasses
import lzma
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import one_line
from hypothesis import given, settings
from hypothesis import strategies as st

import compute_aot
import make_synthetic
from aot.base.cli import parse_arguments
from aot.quick.arguments import QuickArguments
from aot.quick.profiles import Documents
from aot.sources.linear import inverse, sparse_matrix
from aot.tokens.arguments import TokenizeArguments
from aot.train.arguments import ReverseTrainingArguments, RunArguments
from experiments import quick_codes, quick_coverage, quick_pairs

ROOT = Path(__file__).parent.parent
TEXTS = ("languages", "context", "sizes", "seeds", "architectures", "prequential", "sign", "order")
WITHOUT_MODELS = sorted(path.stem for path in (ROOT / "experiments").glob("quick_*.sh"))
SOURCES = ("linear", "linear_update", "primes", "controls", "any_sequence", "causes", "heat", "sounds")


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


def of_texts(done: subprocess.CompletedProcess, tmp_path: Path) -> dict[str, tuple]:
    """By row: its runs, language and tokens, megabytes, and the arguments of its training."""
    told = {}
    for row, runs, seeds, language, tokens, context, windows, megabytes, *flags in rows(done):
        shape = ["--context", context, "--per_device_train_batch_size", windows]
        source = ["--source", "x.txt", "--name", "x", "--language", language.removeprefix("manuals-")]
        parse_arguments(TokenizeArguments, doc="", argv=[*source, *tokens.split()])
        told[row] = runs, seeds, language, tokens, megabytes, *understood([*shape, *flags], tmp_path)
    return told


@pytest.mark.parametrize(("name", "full"), [*product(TEXTS, [""]), *product(sorted({*TEXTS} - {"sign"}), ["1"])])
def test_rows_of_texts_are_commands_that_are_understood(name, full, bash, tmp_path):
    told = of_texts(bash(f"experiments/{name}.sh", "short", "--max_steps", "4", FULL=full), tmp_path)
    assert len(told) >= {"languages": 11, "context": 12, "sizes": 12, "sign": 36}.get(name, 2)
    for row, (runs, seeds, _, tokens, megabytes, run, args) in told.items():
        assert row.startswith("short-") and runs.startswith("short-")
        one_pair = full or (name == "order" and "amount" in row)  # of which no claim is made
        assert len(seeds.split()) >= (1 if one_pair else 3)
        assert megabytes == "all" if full else float(megabytes) > 0
        assert args.max_steps == 4  # the last one given counts
        windows = args.per_device_train_batch_size * args.gradient_accumulation_steps
        expected = (180 * (255 if name == "architectures" else 256)) if full else 2048
        of_letters = "char" in tokens or "byte" in tokens  # as much text, not as many tokens
        assert run.context * windows == expected * (3 if of_letters else 1)


@pytest.mark.parametrize(
    ("name", "others"),
    [
        *((name, ["languages"]) for name in ("context", "sizes", "seeds", "architectures", "prequential")),
        ("sign", ["languages", "context", "architectures"]),
    ],
)
def test_what_another_experiment_has_trained_is_trained_alike(name, others, bash, tmp_path):
    scripts = [of_texts(bash(f"experiments/{each}.sh", FULL=""), tmp_path) for each in others]
    trained = {runs: rest for script in scripts for runs, _, *rest in script.values()}
    told = of_texts(bash(f"experiments/{name}.sh", FULL=""), tmp_path).values()
    shared = [each for each in told if each[0] in trained]
    assert {each[0].partition("-")[0] for each in shared} == set(others)
    for runs, _, *ours in shared:
        theirs = list(trained[runs])
        if name == "sizes":  # where it says what the others leave as it is
            for own in (ours, theirs):
                own[-2] = dataclasses.replace(own[-2], config_overrides=shape_of(own[-2].config_overrides))
        assert ours[:-1] == theirs[:-1] and ours[-1].to_dict() == theirs[-1].to_dict()


def shape_of(overrides: str) -> str:
    width_of_micro = {"num_attention_heads=4", "hidden_size=128"}
    return ",".join(sorted(width_of_micro | set(overrides.split(","))))


def test_a_study_changes_one_thing_at_a_time(bash, tmp_path):
    told = {}
    for row, (_, _, _, tokens, megabytes, run, args) in of_texts(bash("experiments/sign.sh", "s"), tmp_path).items():
        shape = run.model_type, run.size, run.config_overrides
        windows = args.per_device_train_batch_size
        told[row] = tokens, run.context, windows, megabytes, shape, args.optim, args.learning_rate
    for language in ("fr", "de"):
        base = told.pop(f"s-{language}-base")
        for row in [each for each in told if each.startswith(f"s-{language}-")]:
            differ = [name for name, one, other in zip(PARTS_OF_A_ROW, base, told[row], strict=True) if one != other]
            assert differ in WHAT_DIFFERS[row.split("-", 2)[2].partition("_")[0]], row


PARTS_OF_A_ROW = "kind context windows megabytes shape optim rate".split()
WHAT_DIFFERS = {
    "tokens": (["kind"], ["kind", "context"]),
    "vocabulary": (["kind"],),
    "architecture": (["shape"],),
    "optimizer": (["optim", "rate"],),
    "rate": (["rate"],),
    "context": (["context", "windows"],),
    "amount": (["megabytes"],),
    "gpt2": (["shape"], ["shape", "optim", "rate"]),
}


@pytest.mark.parametrize("name", ["sign", *WITHOUT_MODELS])
def test_experiments_without_a_full_size_say_so(name, bash):
    done = bash(f"experiments/{name}.sh", FULL="1")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "FULL=1" in done.stderr and not done.stdout


def test_no_pair_is_trained_on_a_folder_that_could_not_be_made(bash, tmp_path):
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@"\n[ "$1" != tokenize_lang.py ]\n')
    done = bash("-c", 'source experiments/books.sh x y; work row runs 1 fr "$tokens" 256 8 all')
    assert done.returncode == 1 and "tokenize_lang.py --name books-fr-" in done.stderr and not done.stdout


@pytest.mark.parametrize("full", ["", "1"])
@pytest.mark.parametrize("name", SOURCES)
def test_rows_of_sources_are_commands_that_are_understood(name, full, bash, tmp_path):
    lines = rows(bash(f"experiments/{name}.sh", "short", "--max_steps", "4", FULL=full))
    assert len(lines) >= 2
    for row, runs, seeds, _, *flags in lines:
        assert row.startswith("short-") and runs.startswith("short-") and len(seeds.split()) >= (1 if full else 3)
        _, args = understood([each.replace("SEED", "1") for each in flags], tmp_path)
        assert args.max_steps == 4


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


@pytest.mark.parametrize("script", sorted((ROOT / "experiments").glob("*.sh")), ids=lambda each: each.stem)
def test_a_script_is_one_that_bash_can_read(script):
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr


@pytest.fixture
def quick(bash, tmp_path):
    """Runs a copy of an experiment without models; what it has python do, and the output."""
    (tmp_path / "experiments").mkdir()
    for script in (ROOT / "experiments").glob("*.sh"):
        shutil.copy(script, tmp_path / "experiments")
    commands = tmp_path / "commands"
    says = '{ printf "%s\\t" "$@"; echo; } >> commands\n[ "$1" != compute_aot.py ] || echo "6 compresses best"\n'
    (tmp_path / "python").write_text((tmp_path / "python").read_text() + says)

    def run(name: str, *arguments: str) -> tuple[list[list[str]], subprocess.CompletedProcess]:
        commands.write_text("")
        done = bash(f"{tmp_path}/experiments/{name}.sh", *arguments, PYTHONPATH=str(ROOT))
        return [line.split("\t")[:-1] for line in commands.read_text().splitlines()], done

    return run


def write_texts(folder: Path) -> Path:
    """Texts in all forms that a folder may have, some of them with tables of books."""
    folder.mkdir(parents=True)
    sizes = {"fr.txt": 1100, "en.txt.xz": 1, "de.txt.bz2": 1, "fi.txt": 1, "el_law.txt": 1}
    for name, thousands in sizes.items():
        compress = {".xz": lzma.compress, ".bz2": bz2.compress}.get(Path(name).suffix, bytes)
        content = ("word " * 19 + "end\n\n") * 10 * thousands
        (folder / name).write_bytes(compress(content.encode()))
    (folder / "fr.books.tsv").write_text("book_id\tfirst_doc\tn_docs\na\t0\t10\n")
    return folder


def is_understood(command: list[str], made: set[str]) -> None:
    """Parse a command as its script would; of those that read a data folder, it must be among those `made`."""
    script, *flags = command
    if script == "make_synthetic.py":
        args, *groups = parse_arguments(make_synthetic.SyntheticArguments, *make_synthetic.FLAGS, doc="", argv=flags)
        make_synthetic.own_flags(args.source, groups)
        made.add(f"data/{args.name}")
    elif script == "tokenize_lang.py":
        (args,) = parse_arguments(TokenizeArguments, doc="", argv=flags)
        made.add(f"data/{args.name}")
    else:
        assert script == "compute_aot.py"
        kinds = compute_aot.PairArguments, compute_aot.TextArguments, compute_aot.ScoreArguments, QuickArguments
        _, what, _, how = parse_arguments(*kinds, doc="", argv=flags)
        compute_aot.check_flags(how.quick, what)
        assert how.quick and how.order_seed == 3 and bool(what.data) != bool(what.text)  # the last one given counts
        assert not what.data or what.data in made
        assert not what.data or not (what.clusters or how.document_length or how.level == "byte")
        assert not how.where or how.level in (None, "char")


@pytest.mark.parametrize("name", WITHOUT_MODELS)
def test_what_is_read_without_models_are_commands_that_are_understood(name, quick, tmp_path):
    takes_texts = name not in ("quick_controls", "quick_pairs", "quick_causes", "quick_heat", "quick_sounds")
    folder = [str(write_texts(tmp_path / "texts"))] * takes_texts
    commands, done = quick(name, *folder, "--order_seed", "3", "--learners", "2")
    assert done.returncode == 0, done.stderr
    modules = [command for command in commands if command[0] == "-m"]
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for _, module, *_ in modules)
    tables = [command for command in commands if command[0] == "report.py"]
    assert tables == [["report.py", name]] and commands.index(tables[0]) >= len(commands) - 2
    made, folders = set(), []
    for command in commands:
        if command not in modules + tables:
            is_understood(command, made)
            if "--output_dir" in command:
                folders.append(command[command.index("--output_dir") + 1])
    assert len(folders) >= 3 and len(set(folders)) == len(folders)
    rows_of = [folder.removeprefix(f"scores/{name}-") for folder in folders]
    assert not any(row.startswith("scores/") or "-on-" in row for row in rows_of)
    says = [line.partition(": ") for line in done.stdout.splitlines()]
    assert [row for row, _, end in says if end == "6 compresses best"] == rows_of


def test_amounts_are_those_that_there_are(quick, tmp_path):
    folder = write_texts(tmp_path / "texts")
    for other in ("en.txt.xz", "de.txt.bz2"):
        (folder / other).unlink()
    _, done = quick("quick_amount", str(folder))
    assert [line.partition(":")[0] for line in done.stdout.splitlines() if "best" in line] == [
        "fr-100k", "fr-300k", "fr-1000k"
    ]  # fmt: skip
    assert "fr: has 1078000 characters, no 3000 thousand" in done.stdout


def texts(quick, tmp_path: Path, folders: str, languages: str = "") -> list[str]:
    (tmp_path / "experiments/quick_x.sh").write_text(
        f'source "$(dirname "$0")/quick.sh" quick_x {folders} --order_seed 3\ntexts {languages}\n'
    )
    _, done = quick("quick_x")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_texts_of_a_folder_are_found_in_all_forms_with_their_tables(quick, tmp_path):
    write_texts(tmp_path / "a")
    expected = ["el_law a/el_law.txt -", "fi a/fi.txt -", "fr a/fr.txt a/fr.books.tsv", "en a/en.txt.xz -",
                "de a/de.txt.bz2 -"]  # fmt: skip
    assert texts(quick, tmp_path, "a") == texts(quick, tmp_path, "a/") == expected
    assert texts(quick, tmp_path, "a", "de fr it") == [expected[2], expected[4]]
    (tmp_path / "a/books.tsv").write_text("")  # of all, but for those that have one of their own
    found = [line.split()[2] for line in texts(quick, tmp_path, "a")]
    assert found == ["a/books.tsv"] * 2 + ["a/fr.books.tsv"] + ["a/books.tsv"] * 2
    write_texts(tmp_path / "b")
    assert texts(quick, tmp_path, "a b", "fr") == [f"{each}-fr {each}/fr.txt {each}/fr.books.tsv" for each in "ab"]


def test_without_a_folder_texts_are_those_that_are_fetched(quick, tmp_path):
    write_texts(tmp_path / "data/manuals")
    assert texts(quick, tmp_path, "", "fr") == ["fr data/manuals/fr.txt data/manuals/fr.books.tsv"]
    assert (tmp_path / "commands").read_text() == "-m\texperiments.fetch_manuals\t\n"


def test_a_folder_that_is_nowhere_is_refused(quick, tmp_path):
    commands, done = quick("quick_languages", "nowhere", "--order_seed", "3")
    assert done.returncode == 2 and not commands
    assert done.stderr == f"nowhere: no such folder, as seen from {tmp_path}\n"


def test_texts_that_cannot_be_fetched_are_no_table(quick, tmp_path):
    (tmp_path / "python").write_text('#!/bin/sh\necho "$1" >> commands\n[ "$1" != -m ]\n')
    _, done = quick("quick_where")
    assert done.returncode != 0 and (tmp_path / "commands").read_text() == "-m\n"


def test_a_text_that_cannot_be_read_is_named(quick, tmp_path):
    (tmp_path / "python").write_text("#!/bin/sh\necho begun\necho fr.txt: is bad >&2\nexit 1\n")
    _, done = quick("quick_where", str(write_texts(tmp_path / "texts")))
    assert done.returncode != 0 and done.stderr == "fi: fr.txt: is bad\n"
    assert (tmp_path / "scores/quick_where-fi.log").read_text() == "begun\nfr.txt: is bad\n"


@pytest.fixture
def short(tmp_path) -> Path:
    """A text of 24 short documents of 8 books, and their table."""
    content = (ROOT / "corpora/de.txt").read_text(encoding="utf-8")[:2400].replace("\n", " ")
    (tmp_path / "de.txt").write_text("\n\n".join(content[100 * n : 100 * n + 90] for n in range(24)), encoding="utf-8")
    runs = "".join(f"{book}\t{3 * book}\t3\n" for book in range(8))
    (tmp_path / "de.books.tsv").write_text(f"book_id\tfirst_doc\tn_docs\n{runs}")
    return tmp_path


def test_codes_are_compared_and_one_that_counts_nothing_does_not_vary(short):
    flags = ["--text", str(short / "de.txt"), "--learners", "2", "6+words", "--output_dir", str(short)]
    quick_codes.main([*flags, "--samples", "2"])
    table = pd.read_csv(short / "quick_codes.csv", dtype={"learner": str})
    expected = [("de", kind, learner) for kind in quick_codes.KINDS for learner in ("2", "6+words")]
    assert list(table[["text", "code", "learner"]].itertuples(index=False, name=None)) == expected
    spread = table.groupby("code")["spread"].min()
    assert spread["bits"] == 0 and spread["random"] > 0 and spread["frequency"] > 0
    assert table["bits_per_character"].between(1, 8).all() and (table["aot"].abs() < 0.5).all()
    with pytest.raises(SystemExit, match="--samples 1: must be at least 2") as stopped:
        quick_codes.main([*flags, "--samples", "1"])
    assert one_line(stopped)


@pytest.mark.parametrize("clustered", [False, True], ids=["documents", "clusters"])
def test_intervals_are_held_against_orders_and_halves(short, clustered):
    flags = ["--text", str(short / "de.txt"), "--learners", "2", "6+words", "--output_dir", str(short)]
    flags += ["--clusters", str(short / "de.books.tsv")] * clustered
    quick_coverage.main([*flags, "--orders", "2", "--splits", "2"])
    table = pd.read_csv(short / "quick_coverage.csv", dtype={"learner": str})
    assert table["learner"].tolist() == ["2", "6+words"]
    assert set(table["units"]) == {"8 clusters" if clustered else "24 documents"}
    assert set(table["characters"]) == {sum(map(len, (short / "de.txt").read_text(encoding="utf-8").split("\n\n")))}
    for column in ("standard_error", "spread_over_orders", "halves_rms"):
        assert (table[column] > 0).all(), column
    with pytest.raises(SystemExit, match="--clusters names 2 tables for 1 texts") as stopped:
        quick_coverage.main([*flags[:2], "--clusters", "a.tsv", "b.tsv"])
    assert one_line(stopped)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=30), st.booleans(), st.integers(0, 9))
@settings(max_examples=50, deadline=None)
def test_halves_are_the_whole_and_share_no_cluster(books, clustered, seed):
    content = [f"document {number}" for number in range(len(books))]
    documents = Documents(content, [*map(str, books)] if clustered else None, np.ones(len(books), bool))
    one, other = quick_coverage.halves(documents, seed)
    assert sorted(one.content + other.content) == sorted(content)
    units = (len(set(each.clusters if clustered else each.content)) for each in (one, other))
    assert abs(np.diff([*units])[0]) <= 1 and not (clustered and set(one.clusters) & set(other.clusters))


def test_learners_are_set_beside_pairs_by_language(tmp_path, capsys):
    pairs = [("French", "1 2", 0.03), ("French", "1", 0.9), ("Greek", "1 2", -0.01), ("Thai", "1", 0.1)]
    pairs += [("German", "1 2", 0.02)]
    pd.DataFrame(pairs, columns=["row", "seed", "aot"]).to_csv(tmp_path / "languages.csv", index=False)
    aot = {"French": (0.01, -0.3), "German": (0.005, -0.2), "Greek": (-0.02, 0.1)}
    quick = [(f"{name}-after", *each) for name, both in aot.items() for each in zip(("6", "12"), both, strict=True)]
    quick += [("French", "6", 0.5), ("French", "12", 0.5)]
    pd.DataFrame(quick, columns=["row", "learner", "aot"]).to_csv(tmp_path / "quick_pairs.csv", index=False)
    quick_pairs.main(["--results", str(tmp_path)])
    six, twelve = capsys.readouterr().out.splitlines()
    assert six.startswith("6: signs agree in 3 of 3 languages, rank correlation +1.00")
    assert twelve.startswith("12: signs agree in 0 of 3 languages, rank correlation -1.00")
    table = pd.read_csv(tmp_path / "quick_pairs_beside.csv")
    assert table.columns.tolist() == ["language", "∂ of pairs in %", "∂ of 6 in %", "∂ of 12 in %"]
    assert table["language"].tolist() == ["French", "German", "Greek"]
    assert table["∂ of pairs in %"].tolist() == [3, 2, -1]
    assert table["∂ of 12 in %"].tolist() == pytest.approx([-30, -20, 10])
