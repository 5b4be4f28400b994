"""Tokenizers as GPT-2, Llama and Qwen have them, tiny: from a text to what a pair writes."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, one_line
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, GPT2Tokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer

import compute_aot
import generate
import run_clm_reverse
import tokenize_lang
from aot.base.files import read_json
from aot.measure.scoring import score
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.streams import load_stream
from aot.tokens.tokenizers import data_tokenizer, encode, load_tokenizer, vocabulary_size
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.models import load_model

SPELLED = "Not the end: <|endoftext|> and </s>, <s> and <|im_end|> too.\nIt goes on."


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """Lines of a novel."""
    return (ROOT / "corpora/en.txt").read_text(encoding="utf-8")[:60_000].split("\n")[:-1]


def learned(backend: Tokenizer, texts: list[str], size: int, **how) -> tuple[dict, list]:
    """Vocabulary and merges of a BPE on what `backend` makes of texts."""
    backend.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size, show_progress=False, **how))
    state = json.loads(backend.to_str())["model"]
    return state["vocab"], [tuple(merge) for merge in state["merges"]]


def byte_level(texts: list[str]) -> tuple[dict, list]:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return learned(backend, texts, 300, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))


def of_gpt2(texts: list[str]):
    """Its mark of both ends is the last id."""
    vocab, merges = byte_level(texts)
    return GPT2Tokenizer(vocab={**vocab, "<|endoftext|>": len(vocab)}, merges=merges)


def of_qwen(texts: list[str]):
    """Its end of a text, which is padding too, and more are added behind the vocabulary; it has no BOS."""
    vocab, merges = byte_level(texts)
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=merges)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return tokenizer


def of_llama(texts: list[str]):
    """Unknown, beginning and end of a text are 0, 1 and 2; it puts a beginning before what it encodes, and spaces are
    letters, one more before the first; what it does not know are bytes."""
    backend = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    learned(backend, texts, 420, special_tokens=special)
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    space, strip = decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)
    backend.decoder = decoders.Sequence([space, decoders.ByteFallback(), decoders.Fuse(), strip])
    marks = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **marks)


KINDS = {of_gpt2: (300, 300, 301), of_llama: (1, 2, 420), of_qwen: (300, 300, 303)}  # BOS, EOS, vocabulary


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def kind(request, corpus, tmp_path_factory) -> tuple[Path, tuple[int, int, int]]:
    """Folder of a tokenizer as others publish it, and what it has."""
    folder = tmp_path_factory.mktemp("others") / "tokenizer"
    request.param(corpus).save_pretrained(folder)
    return folder, KINDS[request.param]


@pytest.fixture(scope="module")
def data(kind, corpus, tmp_path_factory) -> Path:
    """Data folder made with it."""
    here = tmp_path_factory.mktemp("data")
    Path(here, "en.txt").write_text("\n\n".join([*corpus, SPELLED]), encoding="utf-8")
    flags = ["--tokenizer", str(kind[0]), "--validation_fraction", "0.3", "--output_dir", str(here)]
    tokenize_lang.main(["--source", str(here / "en.txt"), "--name", "en", *flags])
    return here / "en"


def test_a_stream_has_their_end_of_text_and_no_other_mark(kind, data, corpus):
    bos, eos, vocabulary = kind[1]
    meta, tokenizer = read_meta(data), data_tokenizer(data)
    assert (meta["eos_token_id"], meta["vocab_size"]) == (eos, vocabulary)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, len(tokenizer)) == (bos, eos, vocabulary)
    texts = []
    for split in ("train", "validation"):
        ids = np.asarray(open_stream(data, split))
        assert not {*tokenizer.all_special_ids} - {eos} & {*ids.tolist()}  # nor those that it would add
        texts += [tokenizer.decode(each[:-1]) for each in np.split(ids, document_starts(ids, eos)[1:])]
        assert np.count_nonzero(ids == eos) == meta["splits"][split]["documents"] and ids[-1] == eos
    assert sorted(texts) == sorted([*filter(None, corpus), SPELLED])


def test_a_pair_of_their_tokens_is_trained_measured_and_writes(kind, data, tmp_path, capsys):
    bos, eos, vocabulary = kind[1]
    run, scores = tmp_path / "run", tmp_path / "scores"
    settings = "--size nano --context 16 --per_device_train_batch_size 16 --max_steps 30 --learning_rate 1e-2"
    few = "--save_strategy no --eval_strategy no --bf16 false --disable_tqdm true"
    run_clm_reverse.main(["--data", str(data), "--output_dir", str(run), *settings.split(), *few.split()])
    for direction in DIRECTIONS:
        config = AutoConfig.from_pretrained(run / direction)
        found = config.bos_token_id, config.eos_token_id, config.vocab_size, config.pad_token_id
        assert found == (bos, eos, vocabulary, None)
        written = read_json(run / direction / "generation_config.json")
        assert (written["bos_token_id"], written["eos_token_id"]) == (bos, eos)
    compute_aot.main(["--pair", str(run), "--data", str(data), "--output_dir", str(scores)])
    report, ids = read_json(scores / "aot.json"), np.asarray(open_stream(data, "validation"))
    assert report["documents"] == read_meta(data)["splits"]["validation"]["documents"]
    for direction in DIRECTIONS:  # what they were trained to begin with
        losses = score(load_model(str(run / direction)), ids, direction, 16, bos=bos)
        assert losses.mean() == pytest.approx(report[direction], abs=1e-5)
    expected = (report["backward"] - report["forward"]) / (report["forward"] + report["backward"]) * 2
    assert report["aot"] == pytest.approx(expected, abs=1e-9)
    capsys.readouterr()
    generate.main(["--pair", str(run), "--prompt", "the man", "--max_new_tokens", "5", "--min_new_tokens", "5"])
    after, before = (part.strip("\n") for part in capsys.readouterr().out.split("--- backward\n"))
    assert "the man" in after and before.endswith("the man") and len(before) > len("the man")


def test_a_folder_is_not_read_with_another_end_of_text(data):
    tokenizer = data_tokenizer(data)
    assert len(load_stream(data, "train", tokenizer))
    for other in {*tokenizer.all_special_tokens} - {tokenizer.eos_token}:  # of the same tokens
        tokenizer.eos_token = other
        with pytest.raises(SystemExit, match="has another tokenizer than the models"):
            load_stream(data, "train", tokenizer)


def test_what_has_no_end_of_text_is_refused(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("en.txt").write_text("\n\n".join(corpus), encoding="utf-8")
    tokenizer = of_gpt2(corpus)
    tokenizer.eos_token = None
    tokenizer.save_pretrained("endless")
    with pytest.raises(SystemExit, match=r"endless: its tokenizer has no end-of-text .* \"eos_token\"") as stopped:
        tokenize_lang.main(["--source", "en.txt", "--name", "en", "--tokenizer", "endless"])
    assert one_line(stopped) and not Path("data").exists()


def test_an_end_of_text_that_a_text_can_have_is_refused(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("en.txt").write_text("\n\n".join(corpus), encoding="utf-8")
    tokenizer = of_gpt2(corpus)
    tokenizer.eos_token = "he"
    tokenizer.save_pretrained("common")
    with pytest.raises(SystemExit, match="has its end-of-text token, id .*, for a part of the text '") as stopped:
        tokenize_lang.main(["--source", "en.txt", "--name", "en", "--tokenizer", "common"])
    assert one_line(stopped)
    vocab = [("<unk>", 0.0), ("</s>", 0.0), *((letter, -1.0) for letter in "abc</s> ")]
    backend = Tokenizer(models.Unigram(vocab, 0))  # whose vocabulary is looked for in the text, its marks, too
    with pytest.raises(ValueError, match="for a part of the text 'a</s>b'"):
        encode(["ab", "a</s>b"], backend, 1)


def test_a_large_vocabulary_with_gaps_gets_ids_that_hold_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("en.txt").write_text("\n\n".join(f"{number} one" for number in range(99)), encoding="utf-8")
    vocab = {each: number for number, each in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE({**vocab, "<|endoftext|>": 151_643}, []))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>").save_pretrained("large")
    flags = ["--tokenizer", "large", "--validation_fraction", "0.3"]
    tokenize_lang.main(["--source", "en.txt", "--name", "en", *flags])
    meta, ids = read_meta("data/en"), np.asarray(open_stream("data/en", "train"))
    assert meta["dtype"] == ids.dtype == "uint32" and ids.max() == 151_643 == meta["eos_token_id"]
    assert meta["vocab_size"] == vocabulary_size(load_tokenizer("large")) == 151_644
