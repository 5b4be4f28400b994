"""Some of the cases of tests/fuzz.py, as a command."""

import subprocess
import sys

import pytest

import tokenize_lang
from aot.base.files import read_json
from aot.base.places import ROOT
from tests import fuzz
from tests.mutations import Mutation


@pytest.mark.timeout(600)
def test_some_changes_are_said_or_change_nothing(tmp_path):
    flags = ["--cases", "24", "--jobs", "1", "--output", tmp_path / "fuzz.json"]
    done = subprocess.run([sys.executable, "-m", "tests.fuzz", *flags], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    found = read_json(tmp_path / "fuzz.json")
    assert found["passed"] == found["cases"] == 24 and len(found["by_kind"]) == 5 and len(found["by_task"]) > 10


WHOLE = {"new/a": 1, "new/b": 2}


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ({"text": 0}, []),
        ({"text": 0, "new.partial/a": 5}, []),
        ({"text": 0, "new/a": 1}, []),
        ({"text": 0, "new/a": 5}, ["left new/a"]),
        ({"text": 0, "other": 1}, ["left other"]),
        ({"text": 1}, ["changed text"]),
        ({}, ["changed text"]),
    ],
)
def test_what_a_failed_command_has_left_is_seen(after, found):
    task = fuzz.Task(tokenize_lang, "", (), makes=("new",))
    assert fuzz.half_made(task, {"text": 0}, after, WHOLE) == found


def test_a_run_that_has_not_begun_to_train_is_not_left_behind():
    task = fuzz.TASKS["train"]
    assert fuzz.half_made(task, {}, {"runs/new/forward/recipe.json": 1}, {})
    assert not fuzz.half_made(task, {}, {"runs/new/forward/recipe.json": 1, "runs/new/forward/checkpoint-8/a": 1}, {})


def test_a_script_that_is_silent_or_changes_its_result_does_not_pass(tmp_path, monkeypatch):
    """A fuzzer that finds nothing anywhere would pass every script."""

    def careless() -> None:
        text = open("text.txt").read()
        if len(text) < 100:
            raise SystemExit(3)
        open("new", "w").write(str(len(text)))

    def begin_with_a_text(world) -> None:
        world.mkdir(parents=True)
        (world / "text.txt").write_text("x" * 200)

    script = type(fuzz)("careless")
    script.main = careless
    task = fuzz.Task(script, "", (), ("text.txt",), (), ("new",))
    monkeypatch.setattr(fuzz, "TASKS", {"careless": task})
    monkeypatch.setattr(fuzz, "build", begin_with_a_text)
    fuzzer, wrong = fuzz.Fuzzer(tmp_path, 0), set()
    for kind, change in {"shorter": "x" * 150, "short": "x" * 50}.items():

        def spoil(task, mutation, world, choose, change=change):
            (world / "text.txt").write_text(change)
            mutation.path = "text.txt"

        monkeypatch.setattr(fuzz, "draw", lambda task, choose: Mutation("file", ""))
        monkeypatch.setattr(fuzz, "apply", spoil)
        wrong |= {f"{kind}: {each}" for each in fuzzer.case(0)["wrong"]}
    assert wrong == {"shorter: another result: new", "short: no line that says why"}
