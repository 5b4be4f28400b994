"""The documentation is true: its commands parse, its links lead somewhere, its numbers are those of results/."""

import csv
import importlib
import json
import re
import shlex
from pathlib import Path

import pytest
from transformers import HfArgumentParser

import aot
from aot.measure.reports import print_report as print_pair
from aot.quick import measuring as quick

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for name in ("*.md", "docs/*.md", "results/README.md", "pairs/README.md")
    for path in sorted(ROOT.glob(name))
}
README, RESULTS = PAGES[Path("README.md")], PAGES[Path("results/README.md")]
COMMANDS = {
    (script, flags)
    for page in PAGES.values()
    for script, flags in re.findall(r"^(?:python|accelerate launch) (\w+)\.py(.*)$", page, flags=re.MULTILINE)
}


def anchors(page: str) -> set[str]:
    """Names by which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.*)", page, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


class Parsed(Exception):
    """The command line was understood; nothing has been run."""


@pytest.mark.parametrize(("script", "flags"), sorted(COMMANDS))
def test_a_command_of_the_documentation_is_understood(script, flags, monkeypatch):
    parse = HfArgumentParser.parse_args_into_dataclasses

    def parse_and_stop(parser, argv, **settings):
        assert not parse(parser, argv, **settings)[-1], "unknown flags are left over"
        raise Parsed

    monkeypatch.setattr(HfArgumentParser, "parse_args_into_dataclasses", parse_and_stop)
    with pytest.raises(Parsed):
        importlib.import_module(script).main(shlex.split(flags, comments=True))


def test_there_are_commands_for_every_script():
    assert {script for script, _ in COMMANDS} == {path.stem for path in ROOT.glob("*.py")}


def test_make_targets_that_are_named_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES.values():
        for target in re.findall(r"(?:^ *|`)make ([a-z-]+)(?= *(?:#|`|$|PAIR))", page, flags=re.MULTILINE):
            assert f"\n{target}:" in makefile


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_a_link_leads_somewhere(path):
    for link in re.findall(r"\]\((?!http)([^)\s]+)\)", PAGES[path]):
        file, _, anchor = link.partition("#")
        place = (ROOT / path.parent / file).resolve() if file else ROOT / path
        assert place.exists(), link
        assert not anchor or anchor in anchors(place.read_text(encoding="utf-8")), link


def test_the_readme_is_short_and_links_to_every_page():
    assert len(README.splitlines()) <= 200 and len(README.split()) <= 1300
    for path in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{path.name})" in README


def test_the_tree_names_what_there_is():
    tree = PAGES[Path("CONTRIBUTING.md")].split("## Where is what")[1].split("##")[0]
    assert re.findall(r"^      (\w+)/", tree, flags=re.MULTILINE) == re.findall(r"\w+", aot.__doc__.splitlines()[-1])
    for path in re.findall(r"^    ([\w./]+)", tree, flags=re.MULTILINE):
        assert (ROOT / path).exists(), path
    assert all(path.name in tree for path in ROOT.glob("*.py"))


@pytest.mark.parametrize(
    ("kind", "print_report"),
    [("en", quick.print_report), *((kind, print_pair) for kind in ("fr", "text", "linear"))],
)
def test_what_the_demo_prints_is_what_results_hold(kind, print_report, capsys):
    report = json.loads((ROOT / f"results/demo_{kind}.json").read_text(encoding="utf-8"))
    print_report(report, Path(f"scores/demo-{kind}"))
    for line in capsys.readouterr().out.splitlines():
        assert line.strip() in PAGES[Path("docs/demo.md")] + PAGES[Path("docs/quick.md")]


def test_the_readme_shows_a_part_of_what_the_demo_prints():
    (shown,) = re.findall(r"```\n( +forward →  backward ←\n.*?)```", README, flags=re.DOTALL)
    assert shown in PAGES[Path("docs/demo.md")]


def test_the_speeds_are_those_measured():
    for path in (ROOT / "results").glob("bench_*.csv"):
        for row in csv.DictReader(path.open(encoding="utf-8")):
            if float(row.get("ours_is_faster_by") or 1) != 1:
                median, lowest, highest = (float(row[key]) for key in ("ours_is_faster_by", "lowest", "highest"))
                assert f"| {row['who']} | {median:.2f} ({lowest:.2f} to {highest:.2f}) |" in RESULTS


def test_the_memory_is_that_measured():
    with (ROOT / "results/bench_memory.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            size = f"{int(row['who'].split()[0]):,} MB"
            assert re.search(rf"\b{row['peak_megabytes']} MB\s[^.]*\b{size}", RESULTS), row


def test_nothing_was_lost_when_killed():
    soak = json.loads((ROOT / "results/soak.json").read_text(encoding="utf-8"))
    said = " ".join(PAGES[Path("docs/train.md")].split())
    assert soak["identical"] and f"scoring {soak['kills']} times at random" in said
    fuzz = json.loads((ROOT / "results/fuzz.json").read_text(encoding="utf-8"))
    assert fuzz["passed"] == fuzz["cases"] and f"ran the scripts {fuzz['cases']:,} times" in said
