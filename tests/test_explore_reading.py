"""A text by pairs in the explorer: the numbers of compute_aot.py, what each model had expected, what none can read."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import one_line
from transformers import set_seed

import compute_aot
from aot.base.progress import Bar, quietly
from aot.explore import offered, reading, writing
from aot.explore.pieces import END
from aot.measure.generation import continue_prompts, encode_prompt
from aot.tokens.windows import DIRECTIONS

DOCUMENTS = ["0110:0110", "1010:1011\n0:1", "0011:0011"]
TEXT = "\n\n".join(DOCUMENTS)
CONTEXT = 8  # of the pairs
ENGLISH, FRENCH = "pairs/en-books", "pairs/fr-books"
SENTENCES = {
    1: "It rained.",
    2: "She had been waiting at the window since noon. When the carriage came at last, she did not go down.",
    5: "I have a new phone. It was cheap, and it works. My brother laughed at me! Why would he? He has no idea.",
}


def computed(pairs: list, folder: Path, text: str) -> tuple[dict, dict]:
    """Report and losses of compute_aot.py for a text, with windows that overlap by half as on the page."""
    folder.mkdir()
    (folder / "text.txt").write_text(text, encoding="utf-8")
    flags = ["--pair", *map(str, pairs), "--text", str(folder / "text.txt"), "--stride", str(CONTEXT // 2)]
    compute_aot.main([*flags, "--output_dir", str(folder / "scores")])
    return json.loads((folder / "scores/aot.json").read_text()), dict(np.load(folder / "scores/losses.npz"))


def test_the_numbers_are_those_of_compute_aot_for_one_pair_and_for_seeds(pair, second_pair, able, tmp_path):
    measured = reading.measure(list(map(str, (pair, able, second_pair))), TEXT)
    assert json.loads(json.dumps(measured, allow_nan=False)) == measured
    assert (measured["kind"], measured["documents"]) == ("pair", DOCUMENTS)
    assert (measured["reversed"], measured["notices"]) == (False, [])
    groups = {f"{pair} and 1 more seed": [pair, second_pair], str(able): [able]}
    assert [result["name"] for result in measured["results"]] == [*groups]
    for number, (result, pairs) in enumerate(zip(measured["results"], groups.values(), strict=True)):
        report, losses = computed(pairs, tmp_path / str(number), TEXT)
        assert result["pairs"] == list(map(str, pairs)) and result["context"] == CONTEXT and result["message"] is None
        assert result["report"]["verdict"] == report["verdict"]
        for key in ("aot", "low", "high", "per_seed", "seeds", "documents", "unigram"):
            assert result["report"][key] == pytest.approx(report[key], abs=1e-6), key
        tokens = result["tokens"]
        assert tokens["ids"] == losses["ids"].tolist() and tokens["starts"] == losses["document_starts"].tolist()
        assert "".join(tokens["texts"]) == END.join(DOCUMENTS).replace("\n", "<|unk|>") + END
        for direction in DIRECTIONS:
            assert np.allclose(tokens[direction], losses[direction], atol=1e-5)
            own = [unit[direction] for unit in result["units"]]
            parts = [slice(unit["token"], unit["token"] + unit["tokens"]) for unit in result["units"]]
            assert np.allclose(own, [losses[direction][:, part].sum(1).mean() for part in parts], atol=1e-5)
        for number, document in enumerate(DOCUMENTS):
            assert "".join(unit["text"] for unit in result["units"] if unit["document"] == number) == document + END


def test_the_reversed_text_is_read_like_any_other(pair):
    backwards = [document[::-1] for document in DOCUMENTS]
    measured = reading.measure([str(pair)], TEXT, reverse=True)
    assert measured == reading.measure([str(pair)], "\n\n".join(backwards)) | {"reversed": True}
    assert measured["documents"] == backwards


def test_what_is_expected_is_what_the_models_say_where_they_have_read_as_much_as_is_told(pair, second_pair):
    (result,) = reading.measure([str(pair), str(second_pair)], TEXT)["results"]
    opened, ids = offered.open_pairs([str(pair), str(second_pair)]), result["tokens"]["ids"]
    texts = dict(zip(ids, result["tokens"]["texts"], strict=True))
    for unit in result["units"]:
        forward, backward = unit["read"]
        at = unit["token"]
        contexts = {"forward": ids[at - forward : at], "backward": ids[at + 1 : at + 1 + backward][::-1]}
        for direction, context in contexts.items():
            read = torch.tensor([[opened[0].tokenizer.bos_token_id, *context]])
            with torch.inference_mode():
                chances = [torch.softmax(each.models[direction](read).logits[0, -1], -1) for each in opened]
            best, numbers = torch.topk(torch.stack(chances).mean(0), 5)
            found = unit["expected"][direction]
            assert [share for _, share in found] == pytest.approx(best.tolist(), abs=1e-4)
            names = dict(zip(numbers.tolist(), [name for name, _ in found], strict=True))
            assert all(names[each] == texts[each].replace("\n", "↵") for each in names.keys() & texts.keys())
    assert max(unit["read"][0] for unit in result["units"]) == CONTEXT - 1


def test_one_pass_gives_losses_and_what_was_expected(pair):
    opened, passes = offered.open_pair(str(pair)), []
    count = opened.models["forward"].register_forward_hook(lambda *_: passes.append(1))
    reading.measure([str(pair)], TEXT)
    count.remove()
    assert len(passes) == 1


def test_a_model_that_ignores_its_context_shows_no_difference_and_cannot_read(pair):
    opened = offered.open_pair(str(pair))

    class Deaf(torch.nn.Module):
        device, config = opened.models["forward"].device, opened.models["forward"].config
        logits = torch.randn(5, generator=torch.manual_seed(0))

        def forward(self, input_ids):
            return type("Output", (), {"logits": self.logits.expand(*input_ids.shape, -1)})

    deaf = offered.Pair("deaf", dict.fromkeys(DIRECTIONS, Deaf()), opened.tokenizer, opened.context)
    found = reading.result_of([deaf], DOCUMENTS)
    assert found["tokens"]["forward"] == found["tokens"]["backward"] and found["report"] is None
    assert all(unit["expected"]["forward"] == unit["expected"]["backward"] for unit in found["units"])
    assert "cannot read this text: its forward model loses" in found["message"]


@pytest.mark.parametrize("sentences", SENTENCES)
def test_short_english_texts_are_read(sentences):
    (result,) = reading.measure([ENGLISH], SENTENCES[sentences])["results"]
    assert result["message"] is None and result["report"]["tokens"] == len(result["tokens"]["ids"])


@pytest.mark.parametrize(
    ("text", "told"),
    (
        ("你好，世界。今天天气很好，我们去公园散步吧。", "100% of its tokens are pieces of characters"),
        ("مرحبا بك في بيتنا. كان يوما جميلا جدا.", "% of its tokens are pieces of characters"),
        ("שלום עולם. היום יום יפה מאוד והלכנו לשוק.", "% of its tokens are pieces of characters"),
        ("😀👨‍👩‍👧‍👦🇩🇪 👍🏽 😀😀😀 🎉", "% of its tokens are pieces of characters"),
        ("Und der König sprach zu seinen Knechten: Gehet hin und sehet, ob der Feind noch im Lande ist.", "nats per "),
        ("31415926535897932384626433832795028841971693993751", "nats per token, and counting tokens alone would"),
    ),
)
def test_what_a_pair_cannot_read_gets_no_arrow_and_is_shown(text, told):
    for result in reading.measure([ENGLISH, FRENCH], text)["results"]:
        assert result["report"] is None and "This pair cannot read this text: " in result["message"]
        assert "".join(unit["text"] for unit in result["units"]) == text + END
    (result,) = reading.measure([ENGLISH], text)["results"]
    assert told in result["message"]


def test_characters_that_a_tokenizer_does_not_know_are_told(pair):
    (result,) = reading.measure([str(pair)], "0110:01 10")["results"]
    assert result["message"] is None
    (result,) = reading.measure([str(pair)], "01 a 0: b")["results"]
    assert result["message"] == "This pair cannot read this text: its tokenizer does not know 56% of it."


def test_long_texts_and_large_models_are_cut_to_what_takes_seconds(pair, monkeypatch):
    text = "01: " * 3000
    measured = reading.measure([str(pair)], text)
    assert len(measured["results"][0]["tokens"]["ids"]) in range(3990, 4001)
    assert "this page takes 4,000 tokens. For all" in measured["notices"][0]
    monkeypatch.setattr(reading, "WORK", 2 * 100.5 * offered.open_pair(str(pair)).parameters)
    for reverse in (False, True):
        measured = reading.measure([str(pair)], text, reverse)
        assert len(measured["results"][0]["tokens"]["ids"]) in range(95, 101)
        assert "this page takes 100 tokens with models this large." in measured["notices"][0]


def test_several_visitors_at_once_get_what_each_would_get_alone(pair, second_pair):
    def measured(text):
        return reading.measure([str(pair), str(second_pair)], text)

    texts = [f"{TEXT}\n\n{each:04b}:{each:04b}" for each in range(6)]
    with ThreadPoolExecutor(3) as visitors:
        assert list(visitors.map(measured, texts)) == list(map(measured, texts))


def test_a_server_shows_no_bars():
    with quietly(), ThreadPoolExecutor(1) as others:
        assert Bar(total=1).disable and not others.submit(lambda: Bar(total=1).disable).result()
    assert not Bar(total=1).disable


def test_both_models_write_what_they_write_elsewhere(pair):
    found = writing.write([str(pair)], "011", 5, 1, 0, 3, 7)
    opened, (result,) = offered.open_pair(str(pair)), found["results"]
    assert (result["name"], result["prompt"]) == (str(pair), "011")
    for direction, model in opened.models.items():
        set_seed(7)
        ids = encode_prompt("011", opened.tokenizer, direction, 5, CONTEXT)
        settings = {"max_new_tokens": 5, "do_sample": True, "top_k": 0, "num_return_sequences": 3}
        texts = [each["text"] for each in continue_prompts(model, opened.tokenizer, direction, [ids], **settings)]
        assert result[direction] == texts


def test_several_who_write_at_once_get_what_each_would_get_alone(pair):
    def written(seed):
        return writing.write([str(pair)], "011", 5, 1, 0, 3, seed)

    with ThreadPoolExecutor(3) as visitors:
        assert list(visitors.map(written, range(6))) == list(map(written, range(6)))


def test_writing_has_bounds(pair, monkeypatch):
    def refused(**changes):
        asked = {"prompt": "0", "new": 1, "temperature": 1, "top_k": 0, "texts": 1, "seed": 0} | changes
        with pytest.raises(ValueError) as told:
            writing.write([str(pair)], **asked)
        return str(told.value)

    assert "4 tokens and 5 new ones are more than the 8" in refused(prompt="0110", new=5)
    assert refused(new=201) == "new tokens: 201 is not between 1 and 200."
    assert refused(temperature=float("nan")) == "temperature: nan is not between 0.1 and 2."
    assert "texts: 9 " in refused(texts=9) and "top k: -1 " in refused(top_k=-1) and "seed: -1 " in refused(seed=-1)
    assert "2,001 characters" in refused(prompt="0" * 2001)
    monkeypatch.setattr(writing, "WORK", 1)
    assert "take too long for this page" in refused()


def test_losses_that_are_no_numbers_are_said_to_be_none(pair):
    opened = offered.open_pair(str(pair))
    weight = opened.models["backward"].lm_head.weight
    broken = offered.load_pair(str(pair))
    broken.models["backward"].lm_head.weight.data = weight.detach().clone().fill_(torch.nan)
    with pytest.raises(SystemExit, match="its backward model gives token 0 a loss of nan") as stopped:
        reading.result_of([broken], DOCUMENTS)
    assert one_line(stopped)
