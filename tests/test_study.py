"""What a study of pairs shows besides its table: parts of ∂ that add up to it, and ∂ against the text read."""

import numpy as np
import pandas as pd
import pytest

import compute_aot
import report
from aot.base.files import read_json
from aot.report import study

README = "# A title\n\n<!-- table sign -->\n<!-- end -->\n"


@pytest.fixture
def place(tmp_path, monkeypatch, data, pair, second_pair):
    """A README with a place for the study, and the scores of two of its rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results/README.md").write_text(README, encoding="utf-8")
    for row, pairs in {"en-base": (pair, second_pair), "en-rate_1": (pair,)}.items():
        named = ["--output_dir", f"scores/sign-{row}", "--device", "cpu"]
        compute_aot.main(["--pair", *map(str, pairs), "--data", str(data), *named, "--where"])
        compute_aot.main(["--prequential", *map(str, pairs), "--output_dir", f"scores/sign-{row}-read_once"])
    return tmp_path


def test_a_study_shows_where_its_arrows_are_and_since_when(place):
    report.main(["sign"])
    table = pd.read_csv("results/sign.csv").drop_duplicates("row").set_index("row")
    assert [*table.index] == ["en-base", "en-rate_1"]  # what was read once has no rows
    where = pd.read_csv("results/sign_where.csv")
    for row, one in where.groupby("row"):
        for _, group in one.groupby("group"):
            assert group["adds"].sum() == pytest.approx(table.loc[row, "aot"], rel=1e-6)
        assert study.parts_of(one).sum(axis=1)[row] == pytest.approx(table.loc[row, "aot"], rel=1e-6)
    amount = pd.read_csv("results/sign_amount.csv")
    for row, one in amount.groupby("row"):
        assert one["aot"].iloc[-1] == pytest.approx(read_json_of(row)["aot"], rel=1e-6)
        assert one["megabytes"].is_monotonic_increasing
    text = (place / "results/README.md").read_text(encoding="utf-8")
    for name in ("sign.png", "sign_where.png", "sign_amount.png"):
        assert f"({name})" in text and (place / "results" / name).is_file()
    before = {path.name: path.read_bytes() for path in (place / "results").glob("*.csv")}
    report.main(["sign"])
    assert before == {path.name: path.read_bytes() for path in (place / "results").glob("*.csv")}


def read_json_of(row: str) -> dict:
    return read_json(f"scores/sign-{row}-read_once/prequential.json")


def test_bits_per_byte_are_those_of_the_report(place):
    report.main(["sign"])
    table = pd.read_csv("results/sign.csv")
    measured = read_json("scores/sign-en-base/aot.json")
    for direction in ("forward", "backward"):
        assert table[f"bits_{direction}"][0] == pytest.approx(measured["bits_per_byte"][direction], rel=1e-6)
    assert table["bits_forward"][1:3].mean() == pytest.approx(table["bits_forward"][0], rel=1e-6)  # of its two seeds
    assert "| bits per byte |" in (place / "results/README.md").read_text(encoding="utf-8")


def test_of_reversed_text_all_is_told_for_the_text_as_it_was(place):
    measured = read_json("scores/sign-en-base/aot.json")
    plain, turned = (pd.DataFrame(study.where_rows("x", measured, each)) for each in (False, True))
    sums = [study.parts_of(each).loc["x"] for each in (plain, turned)]
    assert np.allclose(sums[0], -sums[1]) and sums[0].abs().max() > 0
    own = [each.set_index(["group", "class"]) for each in (plain, turned)]
    first, last = (("kind of token", each) for each in ("first piece of a word", "last piece"))
    for one, other in ((first, last), (last, first)):
        if one in own[0].index and other in own[1].index:
            assert own[0].loc[one, "forward"] == own[1].loc[other, "backward"]
            assert own[0].loc[one, "low"] == -own[1].loc[other, "high"]
    amounts = [study.amount_rows("x", place / "scores/sign-en-base-read_once", each) for each in (False, True)]
    assert [each["aot"] for each in amounts[0]] == [-each["aot"] for each in amounts[1]]
    assert [each["tokens"] for each in amounts[0]] == [each["tokens"] for each in amounts[1]]


def test_rows_whose_sign_changed_in_training_are_named():
    rows = {"steady": [0.1, 0.2, 0.3], "crossed": [0.1, -0.2, 0.3], "at 0": [0.0, 0.0, 0.1]}
    table = pd.DataFrame([{"row": row, "aot": each} for row, aot in rows.items() for each in aot])
    (blank, line) = study.crossings(table)
    assert blank == "" and line.endswith("evaluations: crossed.")
    assert study.crossings(table[table["row"] != "crossed"]) == []
