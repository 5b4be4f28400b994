"""Where the arrow of a pair sits: what classes of tokens add to ∂, and the table of compute_aot.py --where."""

import csv

import numpy as np
import pytest
from conftest import ROOT, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from test_token_classes import tokenizer_of, tokens_of

import aot.tokens.windows
import compute_aot
from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import read_json
from aot.measure import measuring, scores, where
from aot.show import where_figure
from aot.tokens.windows import DIRECTIONS


def test_equal_counts_have_one_rank():
    assert where.ranks_of(np.array([5, 9, 0, 5, 1, 1])).tolist() == [1, 0, 2, 1, 2, 2]


def scored(seed: int, seeds: int = 2) -> dict:
    """What losses.npz would hold, of made-up losses of a real text."""
    draw = np.random.default_rng(seed)
    text = (ROOT / "corpora/de.txt").read_text(encoding="utf-8")
    tokens = tokens_of("bpe", [each[: draw.integers(1, 300)] for each in text.split("\n\n")[1:12]])
    losses = {each: draw.exponential(3, (seeds, len(tokens.ids))).astype(np.float32) for each in DIRECTIONS}
    return {"ids": tokens.ids, "document_starts": tokens.starts, **losses}


def rows_of(saved: dict, stride: int = 8) -> list[dict]:
    groups = where.add_up(saved, tokenizer_of("bpe"), 16, stride)
    return [row for group in groups for row in where.rows_of(group, 0.95)]


def by_group(rows: list[dict]) -> dict[str, list[dict]]:
    names = dict.fromkeys(row["group"] for row in rows)
    return {name: [row for row in rows if row["group"] == name] for name in names}


def arrow_of(saved: dict, samples: np.ndarray) -> dict:
    lengths = np.diff(saved["document_starts"], append=len(saved["ids"]))
    sample = np.repeat(samples, lengths)
    totals = ([np.bincount(sample, losses) for losses in saved[direction]] for direction in DIRECTIONS)
    return arrow_from_totals(*totals, np.bincount(sample))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([1, 3]), st.booleans())
def test_rows_of_a_group_add_up_to_the_arrow(seed, seeds, clustered):
    saved = scored(seed, seeds)
    samples = np.arange(len(saved["document_starts"]))
    if clustered:
        saved["clusters"] = samples = samples // 3
    arrow = arrow_of(saved, samples)
    groups = by_group(rows_of(saved))
    assert len(groups) == 8
    for rows in groups.values():
        assert sum(row["aot"] for row in rows) == pytest.approx(arrow["aot"], abs=1e-12)
        assert np.sum([row["per_seed"] for row in rows], 0) == pytest.approx(np.array(arrow["per_seed"]), abs=1e-12)
        assert sum(row["tokens"] for row in rows) == len(saved["ids"])
        for direction in DIRECTIONS:
            assert sum(row["share"] * row[direction] for row in rows) == pytest.approx(arrow[direction], rel=1e-9)
        for row in rows:
            difference, loss = row["backward"] - row["forward"], (row["backward"] + row["forward"]) / 2
            assert row["within"] == pytest.approx(difference / loss)


def test_all_tokens_in_one_class_are_the_arrow_itself():
    saved = scored(0)
    arrow = arrow_of(saved, np.arange(len(saved["document_starts"])))
    for group in where.add_up(saved, tokenizer_of("bpe"), 16, 8):
        group.tokens = np.array([group.tokens.sum()])
        group.nats = {direction: nats.sum(2, keepdims=True) for direction, nats in group.nats.items()}
        (row,) = where.rows_of(group, 0.95)
        for name in ("aot", "low", "high", "standard_error", "seed_spread"):
            assert row[name] == pytest.approx(arrow[name], rel=1e-9)


def test_the_swapped_pair_on_the_reversed_text_has_the_opposite_arrow_in_the_mirrored_rows():
    saved = scored(1)
    ends = np.append(saved["document_starts"][1:], len(saved["ids"]))
    turned = {"ids": saved["ids"][::-1], "document_starts": len(saved["ids"]) - ends[::-1]}
    turned |= {one: saved[other][:, ::-1] for one, other in zip(DIRECTIONS, DIRECTIONS[::-1], strict=True)}
    groups, others = by_group(rows_of(saved)), by_group(rows_of(turned))
    mirror = {"first": "last", "2nd to 8th": "8th to 2nd last", "9th to 64th": "64th to 9th last"}
    mirror |= {other: one for one, other in mirror.items()}
    for name in ("in its document", "frequency, by rank", "tokens read before it"):
        rows = {row["row"]: row["aot"] for row in groups[name]}
        opposite = {mirror.get(row["row"], row["row"]): -row["aot"] for row in others[name]}
        assert rows == pytest.approx(opposite, abs=1e-12) and len(rows) > 3


def test_documents_are_added_in_parts(monkeypatch):
    saved = scored(2)
    whole = rows_of(saved)
    monkeypatch.setattr(aot.tokens.windows, "PART", 100)
    slices = [*where.batches(saved["document_starts"], len(saved["ids"]))]
    assert len(slices) > 3 and [*range(11)] == [each for part in slices for each in range(11)[part]]
    for one, other in zip(whole, rows_of(saved), strict=True):
        for name in ("tokens", "forward", "backward", "aot", "low", "high"):
            assert one[name] == pytest.approx(other[name], abs=1e-12)


def test_an_archive_is_mapped(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "bcd": np.arange(5, dtype=np.uint16)}
    np.savez(tmp_path / "some.npz", **arrays)
    mapped = where.mapped(tmp_path / "some.npz")
    assert mapped.keys() == arrays.keys() and all(isinstance(each, np.memmap) for each in mapped.values())
    for name, array in arrays.items():
        assert np.array_equal(mapped[name], array) and mapped[name].dtype == array.dtype


def table(folder) -> tuple[list[dict], str]:
    return read_json(folder / "aot.json")["where"], (folder / "where.csv").read_text(encoding="utf-8")


def test_asked_later_is_asked_at_once(pair, second_pair, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(scores, "draw", lambda *_: None)  # figures take seconds
    monkeypatch.setattr(where_figure, "plot", lambda path, report: path.write_text(f"{len(report['where'])} rows"))
    command = ["--pair", str(pair), str(second_pair), "--data", str(data)]
    once, later = tmp_path / "once", tmp_path / "later"
    compute_aot.main([*command, "--output_dir", str(once), "--where"])
    printed = capsys.readouterr().out
    compute_aot.main([*command, "--output_dir", str(later)])
    assert "where.csv" not in capsys.readouterr().out
    before = read_json(later / "aot.json")
    monkeypatch.setattr(measuring, "measure", None)  # nothing is scored again

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(where_figure, "plot", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        compute_aot.main([*command, "--output_dir", str(later), "--where"])
    assert read_json(later / "aot.json") == before and not (later / "where.csv").exists()
    compute_aot.main([*command, "--output_dir", str(later), "--where"])
    assert capsys.readouterr().out == printed.replace("once", "later")
    assert table(once) == table(later) and {each.name for each in tmp_path.iterdir()} == {"once", "later"}
    assert before == {key: value for key, value in read_json(later / "aot.json").items() if key != "where"}

    rows = by_group(table(once)[0])
    assert [row["row"] for row in rows["kind of token"]] == ["digits", "punctuation, signs", "end of document"]
    assert [row["row"] for row in rows["tokens read before it"]] == ["0", "1", "2–3", "4–7"]
    assert sum(row["aot"] for row in rows["kind of token"]) == pytest.approx(before["aot"], abs=1e-12)
    assert printed.count("adds to ∂") == 8 and "Holm" in printed and "where.csv where.png" in printed
    lines = [*csv.DictReader(table(once)[1].splitlines())]
    assert [float(line["adds"]) for line in lines] == [row["aot"] for row in table(once)[0]]
    compute_aot.main([*command, "--output_dir", str(later), "--where"])  # it is there
    assert capsys.readouterr().out == printed.replace("once", "later")


def test_one_pair_claims_nothing_of_any_kind_of_token(pair, data, tmp_path):
    compute_aot.main(["--pair", str(pair), "--data", str(data), "--output_dir", str(tmp_path / "one"), "--where"])
    assert {row["easier"] for row in table(tmp_path / "one")[0]} == {"one pair"}
    assert (tmp_path / "one" / "where.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_what_has_no_shared_tokens_is_refused(pair, text):
    for flags in (["--pair", pair, "--text", text, "--by_text"], ["--prequential", pair]):
        assert "--where: takes tokens that a pair shares" in refused(*flags, "--where")
