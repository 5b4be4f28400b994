"""The pairs that ship: small, whole, and what is written beside them is what they measure."""

from pathlib import Path

import pytest

import compute_aot
from aot.base.files import read_json
from aot.explore.names import known_pairs
from aot.tokens.windows import DIRECTIONS

ROOT = Path(__file__).parent.parent
NAMES = ("en-books", "fr-books")
each_pair = pytest.mark.parametrize("pair", [ROOT / "pairs" / name for name in NAMES], ids=NAMES)


@each_pair
def test_a_pair_is_small_and_is_what_it_says(pair):
    assert sum(path.stat().st_size for path in pair.rglob("*") if path.is_file()) <= 8e6
    report = read_json(pair / "aot.json")
    assert report["samples"] == "clusters" and report["documents"] == 20
    for direction in DIRECTIONS:
        assert (pair / direction / "model.safetensors").is_file() and not list((pair / direction).glob("*.bin"))
        assert report["verdict"] in (pair / direction / "README.md").read_text(encoding="utf-8")


@each_pair
def test_it_measures_what_it_came_with(pair, tmp_path):
    held_out = ["--text", str(pair / "held_out.txt.xz"), "--clusters", str(pair / "held_out.csv")]
    compute_aot.main(["--pair", str(pair), *held_out, "--output_dir", str(tmp_path / "scores")])
    measured, kept = read_json(tmp_path / "scores/aot.json"), read_json(pair / "aot.json")
    for key in ("aot", "low", "high", "forward", "backward"):
        assert measured[key] == pytest.approx(kept[key], abs=1e-4), key
    assert measured["tokens"] == kept["tokens"]


def test_the_explorer_starts_with_them(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert known_pairs([], ROOT / "space/README.md")[: len(NAMES)] == [f"pairs/{name}" for name in NAMES]
