"""The quick learner in the explorer, and the examples with which the page begins."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import compute_aot
from aot.explore import quick_text
from aot.explore.units import graphemes
from aot.explore.words import said
from aot.tokens.windows import DIRECTIONS
from experiments import explorer_examples

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    "Es war einmal ein Müller, der war arm.",
    "今天天气很好 e\u0301, 👨‍👩‍👧‍👦 🇩🇪.",
    "Der Müller hatte eine Tochter.",
]


def test_its_numbers_are_those_of_compute_aot(tmp_path):
    text = "\n\n".join(DOCUMENTS)
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    flags = ["--quick", "--per_symbol", "--text", str(tmp_path / "text.txt"), "--output_dir", str(tmp_path / "scores")]
    compute_aot.main(flags)
    report = json.loads((tmp_path / "scores/aot.json").read_text())
    losses = np.load(tmp_path / "scores/losses.npz")
    measured = quick_text.measure(text)
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured and measured["kind"] == "quick"
    (result,) = measured["results"]
    assert result["learner"] == report["learner"] and result["report"]["seeds"] is None
    for key in ("aot", "low", "high", "verdict", "documents"):
        assert result["report"][key] == report[key], key
    for own, row in zip(result["profile"], report["profile"], strict=True):
        assert {key: own[key] for key in ("learner", "aot", "low", "high", "bits")}.items() <= row.items()
        assert own["null"].items() <= row["null"].items()
        assert own["easier"] == (row["easier"] if row["easier"] in DIRECTIONS else None)
    best, at = losses["learners"].tolist().index(report["learner"]), 0
    expected = [document[begin:end] for document in DOCUMENTS for begin, end in parts(document)]
    assert [unit["text"] for unit in result["units"]] == expected and "👨‍👩‍👧‍👦" in expected
    for unit in result["units"]:
        assert unit["token"] == at and unit["tokens"] == len(unit["text"])
        at += unit["tokens"]
        for direction in DIRECTIONS:
            assert unit[direction] == pytest.approx(losses[direction][best, unit["token"] : at].sum(), abs=1e-6)
    assert at == losses["forward"].shape[1]


def parts(document: str):
    """Begin and end of each character."""
    ends = graphemes(document)
    return zip([0, *ends[:-1]], ends, strict=True)


def test_the_reversed_text_has_the_reversed_arrow():
    text = "Es war einmal ein Müller.\n\nEr hatte eine Tochter."
    there, back = (quick_text.measure(text, reverse)["results"][0]["report"]["aot"] for reverse in (False, True))
    assert there == -back != 0


def test_one_document_has_no_interval_and_what_cannot_be_predicted_is_refused():
    (result,) = quick_text.measure(DOCUMENTS[0])["results"]
    assert result["report"]["low"] is None and all(row["null"] is None for row in result["profile"])
    for text, told in (("aaaa", "nothing to predict"), (" ", "There is no text yet")):
        with pytest.raises(ValueError, match=told):
            quick_text.measure(text)


@pytest.mark.parametrize(
    ("low", "high", "seeds", "told"),
    (
        (0.01, 0.02, 1, "+1.00 % to +2.00 %: of these two models, the forward one has the lower loss."),
        (-0.01, 0.02, 1, "−1.00 % to +2.00 %: these two models are not told apart at this precision."),
        (-0.02, -0.01, 3, "−2.00 % to −1.00 %: backward is easier."),
        (0.01, 0.02, None, "+1.00 % to +2.00 %: forward is easier, for this learner."),
        (None, None, 3, "There is no interval, as all of the loss is in one document: this is about it alone."),
    ),
)
def test_what_is_said_claims_what_its_interval_covers(low, high, seeds, told):
    report = {"low": low, "high": high, "seeds": seeds, "documents": 4}
    over = "4 documents and 3 training seeds" if seeds == 3 else "4 documents"
    assert said(report).removeprefix(f"The interval over {over} goes from ") == told


def test_several_visitors_at_once_get_what_each_would_get_alone():
    quick_text.warm()
    texts = [f"{each} Es war einmal.\n\nEin Müller {each}." for each in range(6)]
    with ThreadPoolExecutor(3) as visitors:
        assert list(visitors.map(quick_text.measure, texts)) == list(map(quick_text.measure, texts))


def test_the_examples_are_what_measuring_them_gives(tmp_path, monkeypatch):
    """Machines round differently, so the losses are compared, and the five likeliest tokens by their probability."""
    (tmp_path / "space/examples").mkdir(parents=True)
    for name in ("pairs", "experiments"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    explorer_examples.main()
    committed = (ROOT / explorer_examples.EXAMPLES).read_text(encoding="utf-8")
    assert len(committed.encode()) < 1.5e6
    now, then = (json.loads(each) for each in (explorer_examples.EXAMPLES.read_text(encoding="utf-8"), committed))
    assert same(now, then), "run `make explorer-examples`"
    assert [each["language"] for each in then["examples"]] == ["fr", "en", "en"]
    for example in then["examples"]:
        (result,) = example["pair_result"]["results"]
        assert result["message"] is None and example["books"]["documents"] == 20
        assert example["text"].split("\n\n") == example["pair_result"]["documents"]


def same(one, other) -> bool:
    """Whether two contents of JSON are equal, but for 1e-3 in numbers."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) < 1e-3
    return one == other


def test_the_known_text_was_not_read_in_training():
    books = json.dumps(json.loads((ROOT / "experiments/corpora.json").read_text(encoding="utf-8"))["languages"]["en"])
    assert "Austen" not in books and "Bronte" in books
