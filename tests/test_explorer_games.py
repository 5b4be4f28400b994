"""What the explorer's games are played with: chosen by a rule, and found by the pairs that ship."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from aot.base.files import file_sha256, opened
from aot.tokens.windows import DIRECTIONS
from experiments import explorer_games
from experiments.explorer_games import RATIO, ROUNDS, TIMES, choose, compared, main, rate
from experiments.game_texts import Novels, letters, turned

ROOT = Path(__file__).parent.parent
FILE = ROOT / "space/examples/games.json"
LANGUAGES = {"en": ROOT / "pairs/en-books", "fr": ROOT / "pairs/fr-books"}


@pytest.fixture(scope="module")
def data() -> dict:
    return opened(FILE)


@pytest.fixture(scope="module", params=LANGUAGES)
def novels(request) -> Novels:
    return Novels(LANGUAGES[request.param], request.param)


@pytest.fixture(scope="module")
def content(data, novels) -> dict:
    return data["languages"][novels.language]


def of_kind(content: dict, kind: str) -> list[dict]:
    return [each for each in content["rounds"] if each["kind"] == kind]


def test_a_text_in_27_symbols():
    assert letters("Où l'œuvre s'achève-t-elle ?") == "ou l oeuvre s acheve t elle"
    assert letters("Well, I don't know; do you?") == "well i don t know do you"


def test_words_from_the_last_to_the_first_keep_capital_and_punctuation_in_place():
    assert turned("It was true, all true.") == "True all true, was it."
    assert turned("May I go?") == "Go I may?"


def test_the_file_is_small_and_says_what_it_was_made_from(data, novels, content):
    assert FILE.stat().st_size < 400_000
    assert data["about"]["command"] in explorer_games.__doc__
    assert content["held_out"] == file_sha256(novels.folder / "held_out.txt.xz")
    for direction, weights in content["weights"].items():
        assert weights == file_sha256(novels.folder / direction / "model.safetensors")


def test_sentences_are_short_plain_and_of_many_books(novels, content):
    sentences = content["sentences"]
    assert len({each["text"] for each in sentences}) == len(sentences) == 60
    for each in sentences:
        assert 18 <= len(each["letters"]) <= 32 and each["letters"] == letters(each["text"])
        assert novels.fit(each["text"], 3)
    assert max(Counter(each["author"] for each in sentences).values()) <= 12  # of whom there may be two books
    assert len({each["author"] for each in sentences}) >= 10


def test_the_losses_are_those_that_the_pairs_have_now(novels, content):
    for each in content["sentences"][:5]:
        for direction in DIRECTIONS:
            bits = sum(bits for _, bits in novels.words(each["text"], direction))
            assert each[direction] == pytest.approx(bits, rel=1e-3)
    for kind, direction in {"continuation": "forward", "beginning": "backward"}.items():
        each = of_kind(content, kind)[0]
        for text in each["texts"]:
            parts = [each["given"], text["text"]]
            whole = " ".join(parts if direction == "forward" else parts[::-1])
            words = novels.words(whole, direction)
            words = words[-len(text["words"]) :] if direction == "forward" else words[: len(text["words"])]
            assert [word.strip() for word, _ in words] == [word.strip() for word, _ in text["words"]]
            assert text["bits"] == pytest.approx(sum(bits for _, bits in words), rel=1e-3)
    for each in of_kind(content, "direction")[:2]:
        for text in each["texts"]:
            assert text["bits"] == pytest.approx(sum(b for _, b in novels.words(text["text"], text["is"])), rel=1e-3)


def test_a_word_has_all_that_its_tokens_cost(novels):
    from aot.measure.scoring import score
    from aot.tokens.tokenizers import encode

    text, tokenizer = (
        "Je n'ai rien vu, dit-il." if novels.language == "fr" else "I saw nothing, he said.",
        novels.pair.tokenizer,
    )
    ids = encode([text], tokenizer.backend_tokenizer, tokenizer.eos_token_id)[:-1]
    for direction, model in novels.pair.models.items():
        words = novels.words(text, direction)
        assert "".join(word for word, _ in words) == text
        total = score(model, ids, direction, 256, bos=tokenizer.bos_token_id).sum() / math.log(2)
        assert sum(bits for _, bits in words) == pytest.approx(float(total), rel=1e-5)


def test_each_round_has_an_answer_by_numbers_that_differ_clearly(content):
    assert Counter(each["kind"] for each in content["rounds"]) == ROUNDS
    for each in content["rounds"]:
        first, second = each["texts"]
        ratio = rate(second) / rate(first)
        assert all(text["bits"] == pytest.approx(sum(b for _, b in text["words"]), abs=0.1) for text in each["texts"])
        if each["kind"] == "reversal":
            assert [first["is"], second["is"]] == ["original", "reversed"]
            assert ratio < TIMES[0] if each["right"] == "little" else ratio > TIMES[1]
        else:
            assert max(ratio, 1 / ratio) >= RATIO[each["kind"]]
            assert each["right"] == min(each["texts"], key=rate)["is"]


def test_no_constant_strategy_is_better_than_chance(content):
    for kind in ROUNDS:
        rounds = of_kind(content, kind)
        assert {2 * count for count in Counter(each["right"] for each in rounds).values()} == {len(rounds)}
        if kind in ("continuation", "beginning"):  # where the length may give it away
            longer = [
                max(each["texts"], key=lambda text: text["characters"])["is"] == each["right"] for each in rounds
            ]
            assert sum(longer) == len(rounds) / 2
    assert len({text["text"] for each in content["rounds"] for text in each["texts"]}) > 60


def test_a_model_writes_a_half_of_a_sentence(novels, monkeypatch):
    monkeypatch.setattr(explorer_games, "TEXTS", 64)
    sentence = {
        "en": "And I said to myself that someone must have restored the picture.",
        "fr": "Le papier brûla tout à coup entre les doigts du prince.",
    }[novels.language]
    kinds = {kind: list(compared(novels, [sentence], kind, seed=3)) for kind in ("continuation", "beginning")}
    assert any(kinds.values())  # most of what a model writes is no plain sentence, or too long or short
    for kind, found in kinds.items():
        for _, each in found:
            parts = [[each["given"], text["text"]] for text in each["texts"]]
            author, model = (" ".join(part if kind == "continuation" else part[::-1]) for part in parts)
            assert author == sentence != model and novels.fit(model, 1)


def test_the_command_writes_sentences_and_rounds(tmp_path, monkeypatch):
    monkeypatch.setattr(explorer_games, "ROUNDS", {"continuation": 0, "beginning": 0, "reversal": 2, "direction": 2})
    monkeypatch.setattr(explorer_games, "SENTENCES", 3)
    monkeypatch.setattr(explorer_games, "NAMES", {"fr": "French"})
    every = Novels.sentences
    monkeypatch.setattr(Novels, "sentences", lambda novels, common: dict([*every(novels, common).items()][::5]))
    main(["--pairs", str(ROOT / "pairs"), "--out", str(tmp_path / "games.json")])
    written = opened(tmp_path / "games.json")["languages"]["fr"]
    assert len(written["sentences"]) == 3 and len(written["rounds"]) == 4
    assert np.isfinite([each["forward"] for each in written["sentences"]]).all()
    assert written["reversals"]["easier"] < 0.1 * written["reversals"]["sentences"]


def test_too_few_rounds_are_an_error_that_says_which():
    with pytest.raises(SystemExit, match="only 0 of 6 rounds of the kind reversal"):
        choose("reversal", [], {}, Counter())
