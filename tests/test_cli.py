"""The command line: nothing that is given is lost without a word, and however a script ends, it is one line."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
from conftest import one_line
from hypothesis import given
from hypothesis import strategies as st

import generate
import run_clm_reverse
import tokenize_lang
from aot.base.cli import OF_RUN_CLM, Grow, at_least, command, parse_arguments
from aot.base.messages import brief, notice
from aot.base.recipes import flags_of, spelled_out
from aot.measure.arguments import PairArguments, TextArguments
from aot.tokens.arguments import TokenizeArguments
from aot.tokens.own_text import OwnText
from aot.train import commands
from aot.train.arguments import ReverseTrainingArguments, RunArguments

ROOT = Path(__file__).parent.parent


@dataclass
class Arguments:
    words: list[str] = field(default_factory=list, metadata={"action": Grow})
    chosen: list[str] = field(default_factory=lambda: ["default"])
    name: str = ""
    source: str | None = None
    seed: int = 0
    flag: bool = False
    on: bool = True
    more: dict | None = None
    share: float = 0.5


def parse(*argv: str) -> Arguments:
    return parse_arguments(Arguments, doc="", argv=[*argv])[0]


def test_a_list_grows_with_each_time_that_it_is_given():
    assert parse("--words", "a", "b", "--seed", "1", "--words", "c").words == ["a", "b", "c"]
    assert parse("--words", "a").words == ["a"] and parse().words == [] and parse().chosen == ["default"]


def test_of_two_values_the_last_counts_and_it_is_said(capsys):
    assert parse("--seed", "1", "--seed", "23").seed == 23
    assert capsys.readouterr().err == "--seed is given twice: 23 counts, not 1\n"
    assert parse("--chosen", "a", "b", "--chosen", "c").chosen == ["c"]
    assert capsys.readouterr().err == "--chosen is given twice: c counts, not a b\n"
    assert parse("--seed", "4", "--seed", "4").seed == 4 and parse("--flag", "--flag").flag
    assert capsys.readouterr().err == ""
    assert not parse("--on", "--no_on").on and parse().on and parse("--no_on").given == {"on"}
    assert capsys.readouterr().err == "--no_on is given twice: False counts, not True\n"


@pytest.mark.parametrize("argv", [["--source", ""], ["--words", "a", ""], ["--words", ""]])
def test_nothing_is_empty_but_what_is_so_by_default(argv):
    with pytest.raises(SystemExit, match=f"{argv[0]} is empty; is a variable not set") as stopped:
        parse(*argv)
    assert one_line(stopped) and parse("--name", "").name == ""


@pytest.mark.parametrize("written", ["no", "010", "0123", "1e3", "1_000", "12:30", "0x1F", "yes", "2001-01-01", ".5"])
def test_what_a_file_has_arrives_as_it_is_written(tmp_path, written):
    (tmp_path / "a.yaml").write_text(f"source: {written}\nname: '{written}'\nwords: [{written}, b]\nseed:\n")
    (found,) = parse_arguments(Arguments, doc="", argv=[str(tmp_path / "a.yaml")])
    assert (found.source, found.name, found.words) == (written, written, [written, "b"]) and found.seed == 0


WORD = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\u2028\u2029\x85"), min_size=1)


@given(WORD)
def test_any_word_in_quotes_arrives(tmp_path_factory, word):
    path = tmp_path_factory.getbasetemp() / "word.yaml"
    path.write_text("source: '{}'\n".format(word.replace("'", "''")), encoding="utf-8")
    assert flags_of(path) == ["--source", word]


@pytest.mark.parametrize("name, content, message", [
    ("a.yaml", "seed: 1\nname: b\nseed: 2\n", "a.yaml: has seed twice"),
    ("a.json", '{"seed": 1, "name": "b", "seed": 1}', "a.json: has seed twice"),
    ("a.json", "[" * 100_000, "a.json: "),
    ("a.json", '[["seed", 1]]', "does not consist of `flag: value`"),
    ("a.json", "3", "does not consist of `flag: value`"),
    ("a.yaml", "- seed\n", "does not consist of `flag: value`"),
    ("a.yaml", "", "does not consist of `flag: value`"),
    ("a.yaml", "seed: [1", "a.yaml: "),
])  # fmt: skip
def test_a_file_that_is_no_command_line_is_one_line(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(SystemExit) as stopped:
        spelled_out([str(tmp_path / name)])
    assert one_line(stopped) and message in stopped.value.code


def test_values_in_a_file_are_those_of_flags(tmp_path):
    more = "rate: 0.5, steps: 2"
    (tmp_path / "a.yaml").write_text(f"seed: 7\nflag: true\nmore: {{{more}}}\nwords:\n- a\n- b\nsource: null\n")
    content = {"seed": 7, "flag": True, "more": {"rate": 0.5, "steps": 2}, "words": ["a", "b"], "source": None}
    (tmp_path / "a.json").write_text(json.dumps(content))
    of_yaml, of_json = (flags_of(tmp_path / name) for name in ("a.yaml", "a.json"))
    expected = ["--seed", "7", "--flag", "true", "--more", '{"rate": 0.5, "steps": 2}', "--words", "a", "b"]
    assert of_yaml == expected and [each.lower() for each in of_json] == expected


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--share", "nan"], "--share nan: is no number"),
        (["--seed", str(2**63)], "--seed 9223372036854775808: is too large"),
        (["--seed", str(-(10**30))], "--seed -10{30}: is too large"),
    ],
)
def test_numbers_that_nothing_can_be_done_with(argv, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        parse(*argv)
    assert one_line(stopped) and parse("--seed", str(2**63 - 1), "--share", "inf").share == float("inf")


def test_values_have_bounds():
    at_least(Arguments(seed=1, source=None), seed=1, source=0, share=0.5)
    with pytest.raises(ValueError, match="^--share nan: must be at least 0$"):
        at_least(Arguments(share=float("nan")), share=0)
    with pytest.raises(ValueError, match="^--seed 0: must be at least 1$"):
        at_least(Arguments(seed=0), seed=1)


def test_scripts_find_what_lies_beside_them(tmp_path):
    scripts = [path for path in ROOT.glob("*.py") if "command(main)" in path.read_text(encoding="utf-8")]
    assert len(scripts) >= 8
    begins = "\n\nimport sys\nfrom pathlib import Path\n\nsys.path.insert(0, str(Path(__file__).parent))"
    for path in scripts:
        assert begins in path.read_text(encoding="utf-8"), path
    environment = os.environ | {"PYTHONSAFEPATH": "1"}
    command = [sys.executable, ROOT / "push_pair.py", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: push_pair.py"), done.stderr


def test_a_message_keeps_its_beginning_and_its_end():
    assert brief("short") == "short" and len(brief("x" * 1000)) <= 400
    assert brief(f"path{'x' * 1000}advice").startswith("path") and brief(f"path{'x' * 1000}advice").endswith("advice")


def ends(main) -> str | int:
    with pytest.raises(SystemExit) as stopped:
        command(main)
    return stopped.value.code


def test_what_no_one_foresaw_is_one_line(monkeypatch):
    def fails():
        raise ValueError("one\nthing " + "x" * 1000)

    said = ends(fails)
    assert said.startswith("ValueError: one thing x") and "\n" not in said and len(said) <= 400
    assert said.endswith("(AOT_TRACEBACK=1 shows where)")
    assert ends(lambda: bytearray(2**62)) == "out of memory; choose smaller sizes"
    monkeypatch.setenv("AOT_TRACEBACK", "1")
    with pytest.raises(ValueError, match="one\nthing"):
        command(fails)


def test_messages_and_statuses_are_kept():
    def exits(code):
        def main():
            raise SystemExit(code)

        return main

    assert ends(exits("a word")) == "a word" and ends(exits(3)) == 3 and len(ends(exits("y" * 999))) <= 400
    assert command(lambda: None) is None


PRINTS = "from aot.base.cli import command; command(lambda: [print('∂' * 1000) for _ in range(1000)])"
CLOSED = ["bash", "-c", 'exec "$@" >&-', "bash"]
HELP = ["make_synthetic.py", "--help"]


def run(arguments: list[str], stdout, **environment: str) -> subprocess.CompletedProcess:
    how = {"stdout": stdout, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT, "env": os.environ | environment}
    return subprocess.run([sys.executable, *arguments], **how)


@pytest.mark.parametrize("arguments", [["-c", PRINTS], HELP], ids=["prints", "help"])
def test_a_reader_who_goes_away_and_a_full_disk(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    gone = run(arguments, writing)
    os.close(writing)
    assert (gone.returncode, gone.stderr) == (141, "")
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            done = run(arguments, full)
        assert done.returncode == 1 and done.stderr.startswith("cannot write what it prints: "), done.stderr
        assert done.stderr.count("\n") == 1


def test_no_output_at_all():
    done = subprocess.run([*CLOSED, sys.executable, "-c", PRINTS], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_has_no_such_letter(encoding):
    done = run(["-c", PRINTS], subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("\\u2202" * 1000)


@pytest.mark.parametrize("flags, said", [
    ("--vocab_size 300 --level char", "--vocab_size has no effect with --level char"),
    ("--tokenizer_sample_bytes 9 --level byte", "--tokenizer_sample_bytes has no effect with --level byte"),
    ("--column text --level byte", "--column has no effect on text, which has no columns"),
    ("--split train --level byte", "--split has no effect on what is not on the Hub"),
    ("--config fr --level byte", "--config has no effect on what is not on the Hub"),
])  # fmt: skip
def test_a_flag_without_an_effect_is_named(tmp_path, capsys, flags, said):
    (tmp_path / "a.txt").write_text("\n\n".join(f"document {number}" for number in range(200)))
    where = ["--source", f"{tmp_path}/a.txt", "--output_dir", f"{tmp_path}/{flags}", "--name", "new"]
    notice.cache_clear()
    tokenize_lang.main([*where, *flags.split()])
    assert [line for line in capsys.readouterr().err.splitlines() if "effect" in line] == [said]


@pytest.mark.parametrize("flags, said", [
    ("--do_eval", ["--do_eval has no effect here: --eval_strategy says when a run is evaluated"]),
    ("--hub_strategy end", ["--hub_strategy has no effect"]),
    ("--hub_model_id a/b --hub_private_repo true", ["--hub_model_id has no effect without", "--hub_private_repo has"]),
    ("--seed 1", []),
])  # fmt: skip
def test_what_training_does_not_heed_is_named(capsys, flags, said):
    notice.cache_clear()
    commands.parse(["--data", "somewhere", *flags.split()])
    found = [line for line in capsys.readouterr().err.splitlines() if "effect" in line]
    assert len(found) >= len(said) and all(any(line.startswith(each) for line in found) for each in said)
    assert bool(found) == bool(said)


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_what_is_given_beside_a_file_counts(tmp_path, capsys, name):
    content = {"seed": 3, "words": ["a", "b"], "on": "true", "source": "x"}
    (tmp_path / name).write_text(json.dumps(content))  # which is YAML, too
    parsed = parse(str(tmp_path / name), "--seed", "4", "--words", "c", "--no_on")
    assert (parsed.seed, parsed.words, parsed.on, parsed.source) == (4, ["c"], False, "x")
    assert parse(str(tmp_path / name), "--seed=5").seed == 5 and parse(str(tmp_path / name)).seed == 3
    assert not capsys.readouterr().err


@pytest.mark.parametrize("name", OF_RUN_CLM)
def test_who_knows_run_clm_is_told_what_a_flag_is_here(name):
    script = generate if name in OwnText.__dataclass_fields__ else run_clm_reverse
    with pytest.raises(SystemExit, match=f"--{name} y: unknown here: ") as stopped:
        script.main([f"--{name}", "y"])  # before it is said that --data is missing
    assert one_line(stopped)
    kinds = [RunArguments, ReverseTrainingArguments, *[TokenizeArguments] * ("tokenize_lang.py" in OF_RUN_CLM[name])]
    there = {each.name for kind in kinds for each in fields(kind)}
    assert set(re.findall(r"--(\w+)", OF_RUN_CLM[name])) <= there


def test_what_a_script_has_not_is_no_hint_of_it():
    with pytest.raises(SystemExit, match="--dtype x: unknown; see --help"):
        parse_arguments(PairArguments, doc="", argv=["--dtype", "x"])


@pytest.mark.parametrize(
    ("kind", "alias", "name"),
    [
        (RunArguments, "--block_size", "context"),
        (TokenizeArguments, "--train_file", "source"),
        (TokenizeArguments, "--dataset_name", "source"),
        (TokenizeArguments, "--dataset_config_name", "config"),
        (TokenizeArguments, "--tokenizer_name", "tokenizer"),
        (TextArguments, "--dataset_name", "dataset"),
        (TextArguments, "--dataset_config_name", "dataset_config"),
    ],
)
def test_names_of_run_clm_are_taken_also_in_the_place_of_a_file(kind, alias, name, tmp_path, capsys):
    needed = [f"--{each}" for each in ("data", "source", "name") if each in {field.name for field in fields(kind)}]
    rest = [word for flag in needed if flag != f"--{name}" for word in (flag, "x")]
    if kind is TextArguments:
        rest = []
    (tmp_path / "a.yaml").write_text(f"{name}: '7'\n")
    for spelled in (alias, alias[:2] + alias[2:].replace("_", "-")):
        for argv in ([*rest, spelled, "8"], [str(tmp_path / "a.yaml"), *rest, spelled, "8"]):
            (parsed,) = parse_arguments(kind, doc="", argv=argv)
            value = getattr(parsed, name)
            assert (value[0] if isinstance(value, list) else str(value)) == "8"
            assert not isinstance(value, list) or len(value) == 1
    assert not capsys.readouterr().err


def test_a_flag_that_is_mistyped_is_told_which_one_was_meant():
    with pytest.raises(SystemExit, match="--sead 1: unknown; did you mean --seed.$"):
        parse("--sead", "1")
    with pytest.raises(SystemExit, match="--colour red: unknown; see --help$"):
        parse("--colour", "red")


def test_help_has_our_flags_and_help_all_those_of_transformers_too(capsys):
    shown = {}
    for flag in ("--help", "--help_all", "--help-all"):
        with pytest.raises(SystemExit):
            run_clm_reverse.main([flag])
        shown[flag] = capsys.readouterr().out
    assert all(f"  --{name} " in shown["--help"] for name in ("data", "context", "learning_rate", "max_steps"))
    assert shown["--help_all"] == shown["--help-all"]
    assert "--adam_beta1" not in shown["--help"] and "--adam_beta1" in shown["--help_all"]
