"""The house: rooms by the step of the data flow, and imports from later ones to earlier ones alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import aot

ROOT = Path(__file__).parent.parent
ROOMS = re.findall(r"\w+", aot.__doc__.splitlines()[-1])
MODULES = sorted((ROOT / "aot").rglob("*.py"))
SCRIPTS = sorted(path.stem for path in ROOT.glob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports anywhere in it, and of what it takes out of them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            place = path.parent.name if node.level else None  # as `evaluate` wants it of a metric
            yield from (f"aot.{place}" if place else f"{node.module}.{each.name}" for each in node.names)


def test_the_rooms_are_those_that_the_package_names_in_order():
    assert sorted(ROOMS) == sorted(path.name for path in (ROOT / "aot").iterdir() if [*path.glob("*.py")])
    assert {path.parent.name for path in MODULES} == {"aot", *ROOMS}
    assert [path.name for path in MODULES if path.parent.name == "aot"] == ["__init__.py", "__main__.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_imports_from_its_room_and_earlier_ones(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    names = [each.split(".") for each in imported(path)]
    rooms = {name[1] for name in names if name[0] == "aot" and len(name) > 1} - {"__version__"}
    earlier = ROOMS[: ROOMS.index(path.parent.name) + 1] if path.parent.name in ROOMS else ROOMS
    assert rooms <= set(earlier)
    assert not {name[0] for name in names} & {*SCRIPTS, "experiments", "space", "tests"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_imports_another(name):
    names = {each.split(".")[0] for each in imported(ROOT / f"{name}.py")}
    assert not names & set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_arguments_and_the_order_of_events(name):
    assert len((ROOT / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 200
