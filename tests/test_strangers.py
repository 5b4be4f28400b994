"""Pairs that say nothing of their origin, and texts that a model cannot read: checked by what the models do."""

import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import HUB, LEARNED, TINY, edit, one_line, train, undeclared
from huggingface_hub import HfApi
from transformers import AutoTokenizer

import compute_aot
import generate
import run_clm_reverse
import tokenize_lang
from aot.base.files import file_sha256, read_json
from aot.base.places import ROOT
from aot.measure import checks, scores
from aot.measure.checks import sample, unigram_loss
from aot.measure.scoring import score
from aot.tokens.data_folder import open_stream
from aot.tokens.text import reverse_graphemes
from aot.tokens.tokenizers import checkpoint_tokenizer, encode
from aot.tokens.windows import DIRECTIONS
from aot.train.models import build_model, load_model
from aot.train.pairs import load_config, weights_identity

NEXT = {"north": "wind", "wind": "over", "over": "river", "river": "stone", "stone": "castle", "castle": "north"}


def compute(output_dir: Path, forward: Path, backward: Path, *flags) -> dict:
    """The report of two models that are given one by one."""
    models = ["--forward", str(forward), "--backward", str(backward)]
    compute_aot.main([*models, "--output_dir", str(output_dir), *map(str, flags)])
    return read_json(output_dir / "aot.json")


def refused(output_dir: Path, *args, match: str) -> None:
    with pytest.raises(SystemExit, match=match) as stopped:
        compute(output_dir, *args)
    assert one_line(stopped) and not output_dir.exists() and not output_dir.with_name("no.partial").exists()


def untrained(like: Path, folder: Path, overrides: str = TINY, model_type: str = "gpt2") -> Path:
    """A stranger's model that has learned nothing, with the tokenizer of another."""
    torch.manual_seed(0)
    build_model(5, 8, "nano", model_type, overrides).save_pretrained(folder)
    AutoTokenizer.from_pretrained(like).save_pretrained(folder)
    return folder


def changed(checkpoint: Path, target: Path, file: str, **entries) -> Path:
    """A copy of a checkpoint with other entries in one of its JSON files; those that are None are not there."""
    shutil.copytree(checkpoint, target)
    edit(target / file, lambda content: [content.pop(key, None) for key in entries])
    there = {key: value for key, value in entries.items() if value is not None}
    edit(target / file, lambda content: content.update(there))
    return target


def test_counting_is_an_adaptive_code():
    ids = np.random.default_rng(0).choice(5, 300, p=[0.4, 0.3, 0.2, 0.1, 0])
    seen, nats = np.full(5, 0.5), 0
    for each in ids:
        nats -= np.log(seen[each] / seen.sum())
        seen[each] += 1
    assert unigram_loss(ids, 5) == pytest.approx(nats / 300, rel=1e-9)
    entropy = -sum(share * np.log(share) for share in np.bincount(ids) / 300 if share)
    assert entropy < unigram_loss(ids, 5) < entropy + 0.05
    assert unigram_loss(np.arange(50), 50_000) == np.log(50_000)  # all are new: plug-in entropy would be ln 50
    assert unigram_loss(np.zeros(10_000, np.uint16), 5) < 0.002


def test_what_was_counted_before_need_not_be_learned():
    rng = np.random.default_rng(0)
    zipf = 1 / np.arange(1, 5001)
    known, ids = (rng.choice(5000, n, p=zipf / zipf.sum()) for n in (200_000, 400))
    expected = -np.log((np.bincount(known, minlength=5000) + 0.5) / (len(known) + 2500))[ids].mean()
    assert unigram_loss(ids, 5000, known) == pytest.approx(expected, abs=0.05)
    assert unigram_loss(ids, 5000) > expected + 0.5


def test_a_sample_is_windows_from_all_over_the_text():
    ids = np.arange(100_003)
    windows = sample(ids, 100).reshape(-1, 100)
    assert len(windows) == 40 and not (windows[:, 0] % 100).any() and (np.diff(windows) == 1).all()
    assert windows[0, 0] == 0 and windows[-1, -1] == 99_999 and np.ptp(np.diff(windows[:, 0])) <= 100
    assert sample(ids, checks.SAMPLE).tolist() == ids[: checks.SAMPLE].tolist()
    assert sample(ids[:50], 100).tolist() == list(range(50))


def test_a_good_pair_of_strangers_has_the_arrow_that_it_has_with_its_origin(able, strangers, data, tmp_path):
    declared = compute(tmp_path / "declared", *(able / name for name in DIRECTIONS), "--data", data)
    found = compute(tmp_path / "strangers", *strangers.values(), "--data", data)
    assert {**found, "request": None} == {**declared, "request": None}
    ids = np.array(open_stream(data, "validation"))
    counting = unigram_loss(ids, 5, np.array(open_stream(data, "train")))
    assert found["unigram"] == [counting] * 2 and found["forward"] < counting


def test_an_untrained_model_is_refused_before_the_other_is_scored(strangers, data, tmp_path, monkeypatch):
    monkeypatch.setattr(scores, "score_model", None)
    model = untrained(data, tmp_path / "untrained")
    for pair in ((strangers["forward"], model), (model, strangers["backward"])):
        message = r"untrained: cannot read this text: \d\.\d{4} nats .* counting tokens gives 1\.19"
        refused(tmp_path / "no", *pair, "--data", data, match=message)


def test_one_checkpoint_is_no_pair(strangers, data, tmp_path):
    model = strangers["forward"]
    refused(tmp_path / "no", model, model, "--data", data, match="forward: stands for both directions")
    copy = shutil.copytree(model, tmp_path / "copy")
    refused(tmp_path / "no", model, copy, "--data", data, match="forward and .*copy: are one and the same model")
    half = load_model(str(model), fast=False).half()
    half.save_pretrained(copy)
    refused(tmp_path / "no", model, copy, "--data", data, match="one and the same model")


def test_a_pair_swapped_is_refused(strangers, data, tmp_path):
    message = r"backward: is no forward model, .*: 2\.\d+ forward and 0\.\d+ backward\. Swap --forward and --backward"
    refused(tmp_path / "no", *reversed(strangers.values()), "--data", data, match=message)


def test_strangers_of_other_sizes_are_refused_unless_by_text(strangers, data, tmp_path):
    larger = untrained(data, tmp_path / "larger", "n_layer=2,n_head=2,n_embd=32")
    message = "no pair, .*: hidden_size: 16 / 32; num_hidden_layers: 1 / 2$"
    refused(tmp_path / "no", strangers["forward"], larger, "--data", data, match=message)
    (tmp_path / "text").write_text("0110:0110\n\n1010:1011")
    flags = "--text", tmp_path / "text", "--by_text"
    refused(tmp_path / "no", strangers["forward"], larger, *flags, match="larger: cannot read")


def test_strangers_of_one_shape_and_other_sizes_are_refused(data, tmp_path):
    shape = "num_hidden_layers=1,num_attention_heads=2,hidden_size=16,intermediate_size="
    pair = [untrained(data, tmp_path / size, shape + size, "llama") for size in ("16", "32")]
    message = r"no pair, they have [\d,]+ and [\d,]+ parameters; --by_text compares them"
    refused(tmp_path / "no", *pair, "--data", data, match=message)


def test_one_with_and_one_without_an_origin_are_compared_by_what_both_say(able, strangers, data, tmp_path):
    mixed = compute(tmp_path / "mixed", strangers["forward"], able / "backward", "--data", data)
    assert mixed["aot"] == compute(tmp_path / "declared", *(able / name for name in DIRECTIONS), "--data", data)["aot"]


def test_several_pairs_of_strangers_are_seeds(able, strangers, data, tmp_path):
    other = train(tmp_path / "other", data, *LEARNED, "--seed", "5")
    others = {name: undeclared(other / name, tmp_path / f"other-{name}") for name in DIRECTIONS}
    models = [["--" + name, str(strangers[name]), str(others[name])] for name in DIRECTIONS]
    flags = ["--data", str(data), "--output_dir", str(tmp_path / "scores")]
    compute_aot.main([*models[0], *models[1], *flags])
    found = read_json(tmp_path / "scores/aot.json")
    assert found["seeds"] == 2 and "One pair" not in found["verdict"]
    flags[-1] = str(tmp_path / "no")
    for wrong, message in [
        ((models[0], models[1][:2]), "--forward names 2 and --backward 1: a seed has both"),
        ((["--forward", models[0][1], models[0][1]], models[1]), "cannot stand for two seeds .*the same weights"),
    ]:
        with pytest.raises(SystemExit, match=message) as stopped:
            compute_aot.main([*wrong[0], *wrong[1], *flags])
        assert one_line(stopped) and not (tmp_path / "no").exists()


def test_what_is_done_is_not_checked_again_and_our_own_data_never(able, pair, strangers, data, tmp_path, monkeypatch):
    compute(tmp_path / "done", *strangers.values(), "--data", data)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(scores, "draw", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        compute(tmp_path / "begun", *strangers.values(), "--data", data)
    monkeypatch.setattr(scores, "check_models", None)
    compute(tmp_path / "done", *strangers.values(), "--data", data)
    compute(tmp_path / "begun", *strangers.values(), "--data", data)
    report = compute(tmp_path / "own", *(pair / name for name in DIRECTIONS), "--data", data)
    assert report["backward"] > report["unigram"][1] and "hardly learned" in report["verdict"]


def test_our_own_pair_is_refused_a_text_that_it_cannot_read(able, tmp_path):
    text = tmp_path / "text"
    text.write_text("\n\n".join(["0:::0::1:"] * 200))
    refused(tmp_path / "no", *(able / name for name in DIRECTIONS), "--text", text, match="forward: cannot read")


def test_a_foreign_word_for_a_direction_is_outranked(strangers, able, data, tmp_path, capsys):
    other = changed(strangers["backward"], tmp_path / "other", "config.json", direction="forward")
    found = compute(tmp_path / "scores", strangers["forward"], other, "--data", data)
    notice = f"{other}: says that it is a forward model, and is taken as a backward one, as given"
    assert capsys.readouterr().err.splitlines()[0] == notice
    plain = compute(tmp_path / "plain", *strangers.values(), "--data", data)
    assert {**found, "request": None} == {**plain, "request": None}
    refused(tmp_path / "no", other, strangers["forward"], "--data", data, match="other: is no forward model")
    shutil.copytree(strangers["forward"], tmp_path / "pair" / "forward")
    shutil.copytree(other, tmp_path / "pair" / "backward")
    with pytest.raises(SystemExit, match="forward: does not say its direction"):
        compute_aot.main(["--pair", str(tmp_path / "pair"), "--data", str(data)])
    generate.main(["--backward", str(other), "--prompt", "01", "--max_new_tokens", "2", "--do_sample", "false"])
    out, err = capsys.readouterr()
    assert notice in err and out.rstrip().endswith("01")
    with pytest.raises(SystemExit, match="is a forward model, but is given as one that reads backward"):
        generate.main(["--backward", str(able / "forward")])


@pytest.mark.parametrize("missing", ["bos_token", "eos_token"])
def test_one_mark_is_enough_for_both_ends_of_a_text(strangers, data, tmp_path, capsys, missing):
    (tmp_path / "text").write_text("0110:0110\n\n1010:1011")
    flags = "--text", tmp_path / "text"
    models = [
        changed(path, tmp_path / name, "tokenizer_config.json", **{missing: None}) for name, path in strangers.items()
    ]
    found = compute(tmp_path / "scores", *models, *flags)
    name = missing[:3].upper()
    lines = [f"{path}: its tokenizer has no {name} token; <|endoftext|> stands for it" for path in models]
    assert capsys.readouterr().err.splitlines()[:2] == lines
    plain = compute(tmp_path / "plain", *strangers.values(), *flags)
    assert {**found, "request": None} == {**plain, "request": None}


def test_a_tokenizer_without_any_mark_is_refused(strangers, tmp_path):
    mute = changed(strangers["forward"], tmp_path / "mute", "tokenizer_config.json", bos_token=None, eos_token=None)
    with pytest.raises(SystemExit, match="mute: no tokenizer there that marks where a text begins or ends") as stopped:
        checkpoint_tokenizer(str(mute))
    assert one_line(stopped)


class Code:
    def __reduce__(self):
        return os.mkdir, ("code_was_run",)


def pickled(checkpoint: Path, target: Path, **more) -> Path:
    """A copy of a checkpoint with its weights in a pickle, and `more` beside them."""
    shutil.copytree(checkpoint, target, ignore=shutil.ignore_patterns("*.safetensors"))
    torch.save(load_model(str(checkpoint), fast=False).state_dict() | more, target / "pytorch_model.bin")
    return target


def test_pickled_weights_are_read_where_that_is_asked_for(strangers, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = [pickled(path, tmp_path / name) for name, path in strangers.items()]
    message = "forward: has its weights in pytorch_model.bin alone, pickled, .*--pickled_weights"
    refused(tmp_path / "no", *models, "--data", data, match=message)
    found = compute(tmp_path / "scores", *models, "--data", data, "--pickled_weights")
    plain = compute(tmp_path / "plain", *strangers.values(), "--data", data)
    assert {**found, "request": None} == {**plain, "request": None}
    for path in models:
        assert weights_identity(str(path), load_config(str(path))) == file_sha256(path / "pytorch_model.bin")
    with pytest.raises(SystemExit, match="--pickled_weights"):
        generate.main(["--forward", str(models[0]), "--max_new_tokens", "2"])
    generate.main(["--forward", str(models[0]), "--max_new_tokens", "2", "--pickled_weights"])

    evil = pickled(strangers["backward"], tmp_path / "evil", code=Code())
    message = "evil: its pickled weights hold more than tensors"
    refused(tmp_path / "no", models[0], evil, "--data", data, "--pickled_weights", match=message)
    assert not (tmp_path / "code_was_run").exists()
    (evil / "pytorch_model.bin").unlink()
    message = "evil: no weights in safetensors there: Error no file named"
    refused(tmp_path / "no", strangers["forward"], evil, "--data", data, match=message)


@pytest.mark.parametrize(
    "content", [b"hello\n", b"", pickle.dumps([1, 2]), pickle.dumps({"a": 1})], ids=["text", "empty", "list", "dict"]
)
def test_what_is_no_pickle_of_tensors_is_refused_in_one_line(strangers, data, tmp_path, content):
    folder = pickled(strangers["forward"], tmp_path / "odd")
    (folder / "pytorch_model.bin").write_bytes(content)
    flags = "--data", data, "--pickled_weights"
    refused(tmp_path / "no", folder, strangers["backward"], *flags, match="odd: ")


def test_training_goes_on_from_pickled_weights_where_that_is_asked_for(strangers, data, tmp_path):
    model = pickled(strangers["forward"], tmp_path / "forward")
    flags = "--direction", "forward", "--max_steps", 1, "--model_name_or_path", model
    with pytest.raises(SystemExit, match="forward: has its weights in pytorch_model.bin alone"):
        train(tmp_path / "run", data, *flags)
    train(tmp_path / "run", data, *flags, "--pickled_weights")
    train(tmp_path / "plain", data, *flags[:-1], strangers["forward"])
    recipe, plain = (read_json(tmp_path / name / "forward" / "recipe.json") for name in ("run", "plain"))
    assert recipe == plain
    with pytest.raises(SystemExit, match="--pickled_weights: is about --model_name_or_path") as stopped:
        run_clm_reverse.main(["--data", str(data), "--pickled_weights"])
    assert one_line(stopped)


def test_pickled_weights_on_the_hub(strangers, data, tmp_path, monkeypatch):
    monkeypatch.setitem(HUB.tokens, "eve", "hf_eve")
    eve = HfApi(token="hf_eve")
    eve.create_repo("eve/ltr")
    eve.upload_folder(repo_id="eve/ltr", folder_path=pickled(strangers["forward"], tmp_path / "model"))
    with pytest.raises(SystemExit, match="eve/ltr: has its weights in pytorch_model.bin alone"):
        load_model("eve/ltr")
    ids = np.array(open_stream(data, "validation")[:100])
    expected = score(load_model(str(strangers["forward"])), ids, "forward", 8)
    assert np.array_equal(score(load_model("eve/ltr", pickled=True), ids, "forward", 8), expected)


WITHOUT_WAITING = "import sys, time, compute_aot; time.sleep = lambda seconds: None; compute_aot.main(sys.argv[1:])"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, r"Hub \(http://127.0.0.1:9\) cannot be reached; .*HF_HUB_OFFLINE=1"),
        ({"HF_HUB_OFFLINE": "1"}, "not in the cache, while HF_HUB_OFFLINE is set; unset it once"),
    ],
)
def test_no_network_is_not_no_model(data, tmp_path, settings, message):
    flags = "--forward", "ann/gone", "--backward", "ann/gone-too", "--data", data
    command = [sys.executable, "-c", WITHOUT_WAITING, *flags]
    environment = os.environ | {"HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | settings
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and last.startswith("ann/gone: no model there: "), done.stderr
    assert re.search(message, last)


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    """Lines of words, of which each mostly says which one is the next."""
    random, lines = np.random.default_rng(0), []
    for _ in range(1500):
        words = [random.choice(list(NEXT))]
        for _ in range(random.integers(4, 9)):
            words.append(NEXT[words[-1]] if random.random() < 0.9 else random.choice(list(NEXT)))
        lines.append(" ".join(words))
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("\n\n".join(lines))
    return path


@pytest.fixture(scope="module")
def reversed_pair(text, tmp_path_factory) -> dict[str, Path]:
    """A forward model, and one that was trained, forward too, on text with its characters reversed."""
    folder, models = tmp_path_factory.mktemp("reversed"), {}
    for name, flags in {"forward": [], "backward": ["--reverse_text"]}.items():
        source = ["--source", str(text), "--vocab_size", "300", "--validation_fraction", "0.1", "--name", name]
        tokenize_lang.main([*source, *flags, "--output_dir", str(folder)])
        models[name] = train(folder / f"run-{name}", folder / name, *LEARNED, "--direction", "forward") / "forward"
    return models


@pytest.mark.parametrize("known", [True, False])
def test_a_model_of_reversed_characters_reads_reversed_characters(reversed_pair, text, tmp_path, known):
    models = reversed_pair
    if not known:
        models = {name: undeclared(path, tmp_path / name) for name, path in models.items()}
    flags = *models.values(), "--text", text
    message = "is a forward model, but is given as" if known else "backward: cannot read this text"
    refused(tmp_path / "no", *flags, "--by_text", match=message)
    found = compute(tmp_path / "scores", *flags, "--reverse_text")

    documents, nats = text.read_text().split("\n\n"), {}
    for name, path in models.items():
        tokenizer = AutoTokenizer.from_pretrained(path)
        own = documents if name == "forward" else [reverse_graphemes(document) for document in documents]
        ids = encode(own, tokenizer.backend_tokenizer, 0)
        nats[name] = score(load_model(str(path)), ids, "forward", 8).sum(dtype=float)
    difference, total = nats["backward"] - nats["forward"], nats["backward"] + nats["forward"]
    assert found["aot"] == pytest.approx(2 * difference / total, rel=1e-6)
    assert found["unit"] == "byte" and found["documents"] == 1500
    assert found["request"]["reverse_text"] and found["request"]["by_text"]


def test_reversed_characters_need_a_text(able, data, tmp_path):
    models = [able / name for name in DIRECTIONS]
    refused(tmp_path / "no", *models, "--data", data, "--reverse_text", match="--reverse_text, which encode anew, not")
    (tmp_path / "text").write_text("0110:0110")
    flags = "--text", tmp_path / "text", "--reverse_text"
    refused(tmp_path / "no", *models, *flags, match="is a backward model, but is given as one that reads forward")
    with pytest.raises(SystemExit, match="compare one pair at a time"):
        compute_aot.main(["--pair", str(able), str(able), *map(str, flags)])
