"""The README is true: its commands parse, its files exist, its numbers are those of results/."""

import csv
import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
from transformers import HfArgumentParser

import aot
import compute_aot
from aot.quick import measuring as quick

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:python|accelerate launch) (\w+)\.py(.*)$", README, flags=re.MULTILINE)


class Parsed(Exception):
    """The command line was understood; nothing has been run."""


@pytest.mark.parametrize(("script", "flags"), COMMANDS)
def test_a_command_in_the_readme_is_understood(script, flags, monkeypatch):
    parse = HfArgumentParser.parse_args_into_dataclasses

    def parse_and_stop(parser, argv, **settings):
        assert not parse(parser, argv, **settings)[-1], "unknown flags are left over"
        raise Parsed

    monkeypatch.setattr(HfArgumentParser, "parse_args_into_dataclasses", parse_and_stop)
    with pytest.raises(Parsed):
        importlib.import_module(script).main(shlex.split(flags, comments=True))


def test_there_are_commands_for_every_script():
    assert {script for script, _ in COMMANDS} == {path.stem for path in ROOT.glob("*.py")}


def test_make_targets_in_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", README, flags=re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_every_file_and_figure_named_in_the_readme_exists():
    tree = README.split("## What is where")[1].split("##")[0]
    assert re.findall(r"^      (\w+)/", tree, flags=re.MULTILINE) == re.findall(r"\w+", aot.__doc__.splitlines()[-1])
    top_level = re.findall(r"^    ([\w./]+)", tree, flags=re.MULTILINE)
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    headings = {f"#{each.lower().replace(' ', '-')}" for each in re.findall(r"^#+ (.*)", README, flags=re.MULTILINE)}
    for path in top_level + links:
        assert path in headings or (ROOT / path).exists(), path
    for path in ROOT.glob("*.py"):
        assert path.name in tree


@pytest.mark.parametrize(
    ("kind", "print_report"),
    [("en", quick.print_report), *((kind, compute_aot.print_report) for kind in ("fr", "text", "linear"))],
)
def test_the_demo_in_the_readme_is_what_results_hold(kind, print_report, capsys):
    report = json.loads((ROOT / f"results/demo_{kind}.json").read_text(encoding="utf-8"))
    print_report(report, Path(f"scores/demo-{kind}"))
    for line in capsys.readouterr().out.splitlines():
        assert line.strip() in README


def test_the_speeds_in_the_readme_are_those_measured():
    for path in (ROOT / "results").glob("bench_*.csv"):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            if float(row.get("ours_is_faster_by") or 1) != 1:
                median, lowest, highest = (float(row[key]) for key in ("ours_is_faster_by", "lowest", "highest"))
                assert f"| {row['who']} | {median:.2f} ({lowest:.2f} to {highest:.2f}) |" in README


def test_the_memory_in_the_readme_is_that_measured():
    with (ROOT / "results/bench_memory.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            size = f"{int(row['who'].split()[0]):,} MB"
            assert re.search(rf"\b{row['peak_megabytes']} MB\s[^.]*\b{size}", README), row


def test_nothing_was_lost_when_killed():
    soak = json.loads((ROOT / "results/soak.json").read_text(encoding="utf-8"))
    assert soak["identical"] and f"scoring {soak['kills']} times at random" in " ".join(README.split())
