"""Where the arrow of a pair sits: classes of tokens, what they add to ∂, and the table of compute_aot.py --where."""

import csv
import re
from functools import cache

import numpy as np
import pytest
from conftest import ROOT, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import aot.data
import compute_aot
from aot import where, where_figure
from aot.data import DIRECTIONS, document_starts
from aot.runs import read_json
from aot.token_classes import (
    DIGITS,
    END,
    FIRST,
    FROM_END,
    FROM_START,
    IN_DOCUMENT,
    IN_SENTENCE,
    INNER,
    KINDS,
    LAST,
    SIGNS,
    SPACE,
    WHOLE,
    Tokens,
    nearer_end,
    octave_names,
    octaves,
    pieces,
)
from aot.tokenizers import (
    MARK,
    byte_tokenizer,
    char_tokenizer,
    encode,
    general_tokenizer,
    train_bpe,
    train_symmetric_bpe,
)
from aot.transforms import WORD
from metrics.arrow_of_time.gap import arrow_from_totals

LEVELS = ("bpe", "symmetric_bpe", "char", "byte")
DOCUMENTS = st.lists(st.text("aé你b'1.! \n—", min_size=1, max_size=20), min_size=1, max_size=4)


@cache
def tokenizer_of(level: str):
    texts = (ROOT / "corpora/en.txt").read_text(encoding="utf-8")[:20_000].split("\n\n") + ["é你b'1—!"]
    made = {
        "bpe": lambda: train_bpe(texts, 400),
        "symmetric_bpe": lambda: train_symmetric_bpe(texts, 600),
        "char": lambda: char_tokenizer(sorted(set("".join(texts)))),
        "byte": byte_tokenizer,
    }
    return made[level]()


def tokens_of(level: str, documents: list) -> Tokens:
    tokenizer = tokenizer_of(level)
    ids = encode(documents, tokenizer.backend_tokenizer, tokenizer.eos_token_id)
    return Tokens(ids, document_starts(ids), pieces(tokenizer, np.unique(ids)), tokenizer.eos_token_id)


def mirrored(tokens: Tokens) -> Tokens:
    """The text from its end, as documents of which the end-of-text token is the first."""
    ends = np.append(tokens.starts[1:], len(tokens.ids))
    return Tokens(tokens.ids[::-1], len(tokens.ids) - ends[::-1], tokens.pieces, tokens.eos)


@pytest.mark.parametrize("level", LEVELS)
@settings(deadline=None, max_examples=40)
@given(documents=DOCUMENTS)
def test_tokens_are_laid_on_the_text_that_they_stand_for(level, documents):
    tokens = tokens_of(level, documents)
    text, first, after = tokens.text
    if level == "symmetric_bpe":  # which tells such a space twice
        documents = [re.sub(r"(?<=\S) (?=\S)", "  ", each) for each in documents]
    assert text == "\n".join(documents)
    assert (first <= after).all() and (np.diff(first) >= 0).all() and after[-1] == len(text)
    covered = {place for begin, end in zip(first, after, strict=True) for place in range(begin, end)}
    parted = np.cumsum([len(each) + 1 for each in documents])[:-1] - 1
    assert covered == set(range(len(text))) - set(parted)


@pytest.mark.parametrize("level", LEVELS)
@settings(deadline=None, max_examples=40)
@given(documents=DOCUMENTS)
def test_tokenizers_agree_on_words(level, documents):
    tokens = tokens_of(level, documents)
    inside, word, last_word = tokens.touched
    words = sum(len(WORD.findall(each)) for each in documents)
    start, end, count = tokens.piece
    assert (inside & (start == 0)).sum() == (inside & (end == 0)).sum() == words == tokens.words.shape[1]
    single = inside & (word == last_word)
    assert (start + end + 1 == count)[single].all()
    kinds = np.bincount(tokens.kind, minlength=len(KINDS))
    assert kinds[END] == len(documents) and len(tokens.ids) == kinds.sum()
    assert kinds[[FIRST, INNER, LAST, WHOLE, DIGITS]].sum() == inside.sum()
    assert (tokens.in_a_word(0)[inside] > 0).all() and not tokens.pieces_of_word[~inside].any()


def named(level: str, document: str) -> list[tuple[str, int]]:
    tokens = tokens_of(level, [document])
    spelt = [tokens.pieces[each].decode(errors="replace") for each in tokens.ids.tolist()]
    return [*zip(spelt, tokens.kind.tolist(), strict=True)]


def test_kinds_of_what_tokenizers_cut_and_join():
    characters = [("a", WHOLE), (" ", SPACE), ("b", FIRST), ("é", INNER), ("b", LAST), (".", SIGNS), ("1", DIGITS)]
    assert named("char", "a béb.1") == [*characters, ("", END)]
    assert named("byte", "é") == [("�", FIRST), ("�", LAST), ("", END)]
    assert [kind for _, kind in named("byte", "“é")] == [SIGNS, SIGNS, SIGNS, FIRST, LAST, END]
    assert named("bpe", "in the")[:2] == [("in", WHOLE), (" the", WHOLE)]
    assert MARK not in "".join(each for each, _ in named("symmetric_bpe", "to the"))
    unknown = named("char", "a☃b")
    assert unknown == [("a", WHOLE), ("\ufffd", SIGNS), ("b", WHOLE), ("", END)]
    assert named("byte", "x\n") == [("x", WHOLE), ("\n", SPACE), ("", END)]


def test_bytes_that_are_no_text():
    tokens = tokens_of("byte", [b"a\xff\xe2\x80", b"\x9cb"])  # what would be a character is in two documents
    assert tokens.kind.tolist() == [WHOLE, SIGNS, SIGNS, SIGNS, END, SIGNS, WHOLE, END]


def test_a_tokenizer_that_writes_spaces_otherwise():
    backend = Tokenizer(models.Unigram([("<unk>", 0), ("▁to", -1), ("▁", -2), ("t", -3), ("h", -3)], unk_id=0))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tokenizer = general_tokenizer(backend, "<unk>")
    ids = encode(["to toth"], tokenizer.backend_tokenizer, tokenizer.eos_token_id)
    tokens = Tokens(ids, np.array([0]), pieces(tokenizer, np.unique(ids)), tokenizer.eos_token_id)
    assert tokens.text[0] == " to toth" and tokens.kind.tolist() == [WHOLE, FIRST, INNER, LAST, END]


@settings(deadline=None)
@given(documents=st.lists(st.text("ab1, \n", min_size=1, max_size=20), min_size=1, max_size=4))
def test_from_the_end_each_first_is_a_last(documents):
    tokens = tokens_of("char", documents)
    other = mirrored(tokens)
    exchanged = np.arange(len(KINDS))
    exchanged[[FIRST, LAST]] = LAST, FIRST
    assert np.array_equal(other.kind[::-1], exchanged[tokens.kind])
    assert np.array_equal(other.in_a_word(0)[::-1], tokens.in_a_word(1))
    assert np.array_equal(other.pieces_of_word[::-1], tokens.pieces_of_word)
    assert np.array_equal(other.in_document[::-1], len(IN_DOCUMENT) - 1 - tokens.in_document)
    exchanged = np.append(np.arange(len(IN_SENTENCE) - 1)[::-1], len(IN_SENTENCE) - 1)
    assert np.array_equal(other.in_sentence[::-1], exchanged[tokens.in_sentence])


def test_place_in_a_sentence_and_in_a_document():
    tokens = tokens_of("char", ["a b c a b c a b. a b\nc"])
    in_words = [IN_SENTENCE[each] for each in tokens.in_sentence[tokens.touched[0]]]
    first = ["first", "2nd", "3rd to 5th", "3rd to 5th", "5th to 3rd last", "5th to 3rd last", "2nd last", "last"]
    assert in_words == [*first, "first", "last", "between, or the only one"]
    assert nearer_end(np.arange(5), np.arange(5)[::-1], (1, 8)).tolist() == [0, 1, 2, 3, 4]
    assert len(FROM_START) == len(FROM_END) == 5


def test_octaves():
    assert octaves(np.arange(9)).tolist() == [0, 1, 2, 2, 3, 3, 3, 3, 4]
    assert octave_names(9) == ["0", "1", "2–3", "4–7", "8–9"] and octave_names(0) == ["0"]
    assert len(octave_names(1023)) == octaves(np.array([1023]))[0] + 1
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
    monkeypatch.setattr(aot.data, "PART", 100)
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
    monkeypatch.setattr(compute_aot, "draw", lambda *_: None)  # figures take seconds
    monkeypatch.setattr(where_figure, "plot", lambda path, report: path.write_text(f"{len(report['where'])} rows"))
    command = ["--pair", str(pair), str(second_pair), "--data", str(data)]
    once, later = tmp_path / "once", tmp_path / "later"
    compute_aot.main([*command, "--output_dir", str(once), "--where"])
    printed = capsys.readouterr().out
    compute_aot.main([*command, "--output_dir", str(later)])
    assert "where.csv" not in capsys.readouterr().out
    before = read_json(later / "aot.json")
    monkeypatch.setattr(compute_aot, "measure", None)  # nothing is scored again

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
