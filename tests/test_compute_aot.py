"""From two checkpoints and a text to ∂: what is written, that the numbers agree, and what is refused."""

import json
import os
import re
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import LEARNED, SETTINGS, TINY, one_line, rewrite, train, without_hashes
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

import aot.measure.scores
import aot.tokens.windows
import compute_aot
import make_synthetic
import tokenize_lang
from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import read_json, write_json
from aot.base.folders import RESULTS, alone
from aot.measure import scoring
from aot.measure.checks import unigram_loss
from aot.measure.scoring import score, tokens_read
from aot.show import figures, style
from aot.tokens import streams, tokenizers
from aot.tokens.data_folder import open_stream
from aot.tokens.windows import DIRECTIONS, document_starts
from aot.train.models import load_model

SCRIPT = Path(compute_aot.__file__)
FILES = {"aot.json", "losses.npz", "by_position.png", "documents.png", "sentence.png"}


@pytest.fixture(scope="module")
def text(data, tmp_path_factory) -> Path:
    """The held-out lines of the data folder as a text file, paragraph by paragraph."""
    ids, tokenizer = np.array(open_stream(data, "validation")), AutoTokenizer.from_pretrained(data)
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text("\n\n".join(tokenizer.decode(line[:-1]) for line in ids.reshape(-1, 10)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def scores(pair, data, tmp_path_factory) -> Path:
    """The scores of the pair on the held-out split."""
    return compute(tmp_path_factory.mktemp("scores") / "pair", "--pair", pair, "--data", data)


def compute(output_dir: Path, *flags) -> Path:
    compute_aot.main(["--output_dir", str(output_dir), *map(str, flags)])
    return output_dir


def refused(output_dir: Path, *flags, match: str) -> None:
    with pytest.raises(SystemExit, match=match) as stopped:
        compute(output_dir, *flags)
    assert one_line(stopped) and not output_dir.exists() and not output_dir.with_name("no.partial").exists()


def report(folder: Path) -> dict:
    return json.loads((folder / "aot.json").read_text(encoding="utf-8"))


def agree(numbers: dict, expected: dict) -> bool:
    """Whether a report has all the expected entries, numbers to the last digits."""
    return all(
        numbers[key] == (pytest.approx(value, rel=1e-12) if isinstance(value, float | list) else value)
        for key, value in expected.items()
    )


def recomputed(folder: Path, units=None, own=False) -> dict:
    """The report that follows from `losses.npz` and what counting costs; `own`: each model has tokens of its own."""
    saved = np.load(folder / "losses.npz")
    totals = []
    for direction in DIRECTIONS:
        starts = saved[f"{direction}_document_starts" if own else "document_starts"]
        totals.append(np.add.reduceat(saved[direction].astype(float), starts, axis=1))
    units = np.diff([*starts, saved[direction].shape[1]]) if units is None else units
    return arrow_from_totals(*totals, units, unigram=report(folder)["unigram"])


def test_all_is_written_and_printed(pair, data, tmp_path, capsys):
    scores = compute(tmp_path / "scores", "--pair", pair, "--data", data)
    assert {path.name for path in scores.iterdir()} == FILES
    for path in scores.glob("*.png"):
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 5000
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]
    out, numbers = capsys.readouterr().out, report(scores)
    assert f"{numbers['forward']:.4f}  {numbers['backward']:.4f}" in out and numbers["verdict"] in out
    assert f"{numbers['aot']:+.3%}" in out and "2,030  tokens in 203 documents" in out


def test_the_report_follows_from_the_saved_losses(scores, data):
    numbers, saved = report(scores), np.load(scores / "losses.npz")
    assert agree(numbers, recomputed(scores))
    ids = open_stream(data, "validation")
    assert np.array_equal(saved["ids"], ids) and np.array_equal(saved["document_starts"], document_starts(ids))
    totals = {direction: saved[direction].sum(dtype=float) for direction in DIRECTIONS}
    for direction, nats in totals.items():
        each = saved[f"{direction}_per_document"]
        assert each.shape == (1, 203) and each.dtype == float and each.sum() == pytest.approx(nats, rel=1e-12)
    ahead, back = totals["forward"], totals["backward"]
    assert numbers["aot"] == pytest.approx((back - ahead) / ((ahead + back) / 2))
    assert numbers["delta"] == pytest.approx((back - ahead) / len(ids)) and numbers["tokens"] == len(ids)
    assert numbers["bytes"] == 203 * 9
    for direction, nats in totals.items():
        assert numbers[direction] == pytest.approx(nats / len(ids))
        assert numbers["bits_per_byte"][direction] == pytest.approx(nats / np.log(2) / (203 * 9))


def test_the_saved_losses_are_those_of_the_models(scores, pair, data):
    ids, saved = np.array(open_stream(data, "validation")), np.load(scores / "losses.npz")
    for direction in DIRECTIONS:
        assert saved[direction].shape == (1, len(ids))
        expected = score(load_model(str(pair / direction)), ids, direction, 8)
        assert np.allclose(saved[direction][0], expected, atol=1e-6)
        assert expected.mean() == pytest.approx(read_json(pair / direction / RESULTS)["eval_loss"], abs=1e-5)


def test_a_text_is_scored_like_the_data_folder_of_it(able, data, text, tmp_path, monkeypatch):
    of_data = report(compute(tmp_path / "data", "--pair", able, "--data", data))
    monkeypatch.setattr(streams, "CHUNK_BYTES", 100)  # it is encoded in pieces
    from_text = report(compute(tmp_path / "text", "--pair", able, "--text", text))
    for key in ("aot", "low", "high", "forward", "backward", "bytes", "bits_per_byte", "documents"):
        assert from_text[key] == pytest.approx(of_data[key])
    held_out, learned = (np.array(open_stream(data, split)) for split in ("validation", "train"))
    assert from_text["unigram"] == [unigram_loss(held_out, 5)] * 2
    assert of_data["unigram"] == [unigram_loss(held_out, 5, learned)] * 2


def test_a_command_reads_standard_input(able, data, text, tmp_path):
    of_data = report(compute(tmp_path / "data", "--pair", able, "--data", data))
    command = [sys.executable, SCRIPT, "--pair", able, "--text", "-"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with text.open() as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0 and of_data["verdict"] in done.stdout, done.stderr
    assert report(tmp_path / "scores" / "able-on-stdin")["aot"] == pytest.approx(of_data["aot"])


def test_models_are_trained_and_scored_without_what_only_some_texts_need(data, text, tmp_path):
    script = f"""
import sys
sys.modules |= dict.fromkeys(("zstandard", "datasets", "evaluate", "deepspeed"))  # their import fails
import compute_aot, run_clm_reverse
run_clm_reverse.main({["--data", str(data), "--output_dir", "pair", *SETTINGS, *LEARNED]})
compute_aot.main(["--pair", "pair", "--data", {str(data)!r}, "--output_dir", "scores"])
compute_aot.main(["--pair", "pair", "--text", {str(text)!r}, "--output_dir", "text"])
compute_aot.main(["--pair", "pair", "--text", "text.zst"])
"""
    (tmp_path / "text.zst").touch()
    environment = os.environ | {"PYTHONPATH": str(SCRIPT.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 1 and FILES == {path.name for path in (tmp_path / "scores").iterdir()}, done.stderr
    assert done.stderr.splitlines()[-1].startswith("text.zst: cannot be read without the package zstandard (")


def test_the_same_again_is_found_and_another_request_refused(scores, pair, second_pair, data, text, capsys):
    before = {path: path.stat().st_mtime_ns for path in scores.iterdir()}
    compute(scores, "--pair", pair, "--data", data)
    assert report(scores)["verdict"] in capsys.readouterr().out
    for flags, message in [
        (["--pair", pair, "--data", data, "--stride", "4"], "stride: 8 / 4"),
        (["--pair", pair, "--data", data, "--split", "train"], "text_sha256."),
        (["--pair", pair, "--text", text, "--confidence", "0.9"], "text: .*confidence: 0.95 / 0.9"),
        (["--pair", second_pair, "--data", data], "pairs: .*weights."),
    ]:
        with pytest.raises(SystemExit, match=f"holds other scores.*{message}.*--output_dir") as stopped:
            compute(scores, *flags)
        assert one_line(stopped)
    assert before == {path: path.stat().st_mtime_ns for path in scores.iterdir()}


def test_a_pair_trained_further_is_scored_anew_elsewhere(scores, pair, able, data, tmp_path):
    changed = without_hashes(shutil.copytree(pair, tmp_path / "pair"))
    folder = compute(tmp_path / "scores", "--pair", changed, "--data", data)
    shutil.copy(able / "forward" / "model.safetensors", changed / "forward")
    differ = rf"weights\.{changed}/forward: [0-9a-f]{{12}}… / [0-9a-f]{{12}}…"
    with pytest.raises(SystemExit, match=rf"\(there / now\): {differ}\. ") as stopped:
        compute(folder, "--pair", changed, "--data", data)
    assert one_line(stopped)


def test_several_seeds_and_the_control(scores, pair, second_pair, data, tmp_path, capsys):
    both = compute(tmp_path / "both", "--pair", pair, second_pair, "--data", data)
    numbers, saved = report(both), np.load(both / "losses.npz")
    assert numbers["seeds"] == 2 and "A/A control" in capsys.readouterr().out
    assert numbers["per_seed"][0] == pytest.approx(report(scores)["aot"])
    assert agree(numbers, recomputed(both))
    for direction in DIRECTIONS:
        one, other = saved[direction].sum(1, dtype=float)
        assert numbers["control"][direction] == pytest.approx(abs(other - one) / ((one + other) / 2))
        assert report(scores)["control"][direction] is None


def test_half_a_stride_gives_every_token_more_to_read(scores, pair, data, tmp_path):
    half = compute(tmp_path / "half", "--pair", pair, "--data", data, "--stride", "4")
    ids, saved = np.array(open_stream(data, "validation")), np.load(half / "losses.npz")
    for direction in DIRECTIONS:
        expected = score(load_model(str(pair / direction)), ids, direction, 8, 4)
        assert np.allclose(saved[direction][0], expected, atol=1e-6)
        assert report(half)[direction] != report(scores)[direction]
        assert tokens_read(len(ids), 8, 4, direction).mean() > tokens_read(len(ids), 8, 8, direction).mean()


def test_memory_does_not_grow_with_the_text(able, data, tmp_path, monkeypatch):
    score_pairs = aot.measure.scores.score_pairs
    peaks, lengths = [], (1_000, 5_000, 45_000)  # the first pays for imports

    def traced(*args):
        tracemalloc.start()
        try:
            sums = score_pairs(*args)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        return sums

    monkeypatch.setattr(aot.measure.scores, "score_pairs", traced)
    monkeypatch.setattr(aot.tokens.windows, "PART", 1000)
    for length in lengths:
        longer = rewrite(data, tmp_path / f"{length}", lambda ids, _, length=length: np.resize(ids, length))
        write_json(longer / "meta.json", read_json(longer / "meta.json") | {"tokens_per_document": 1000})
        flags = "--pair", able, "--data", longer, "--batch_size", "256", "--device", "cpu"
        compute(tmp_path / f"scores-{length}", *flags)
    assert (peaks[2] - peaks[1]) / (lengths[2] - lengths[1]) < 3  # bytes; the losses of one model are 4


def test_two_tokenizers_are_compared_by_text(able, text, tmp_path):
    source = ["--source", str(text), "--validation_fraction", "0.1", "--level", "byte"]
    tokenize_lang.main([*source, "--name", "bytes", "--output_dir", str(tmp_path)])
    other = train(tmp_path / "run", tmp_path / "bytes", *LEARNED, "--direction", "backward") / "backward"
    flags = ["--forward", able / "forward", "--backward", other, "--text", text]
    refused(tmp_path / "no", *flags, match="differ in more than direction: data_sha256")
    scores = compute(tmp_path / "scores", *flags, "--by_text")
    numbers, saved = report(scores), np.load(scores / "losses.npz")
    assert {path.name for path in scores.iterdir()} == FILES - {"sentence.png"}
    assert numbers["unit"] == "byte" and numbers["tokens"] == numbers["bytes"] == 203 * 9
    assert agree(numbers, recomputed(scores, units=np.full(203, 9), own=True))
    ids = saved["backward_ids"]
    assert AutoTokenizer.from_pretrained(other).decode(ids[:9]) == text.read_text()[:9]
    assert saved["forward_ids"].max() < 5 < ids.max()
    expected = score(load_model(str(other)), ids, "backward", 8)
    assert np.allclose(saved["backward"][0], expected, atol=1e-5)
    for counting, name, size in zip(numbers["unigram"], DIRECTIONS, (5, 257), strict=True):  # nats per byte
        own = saved[f"{name}_ids"]
        assert counting == pytest.approx(unigram_loss(own, size) * len(own) / (203 * 9))


@pytest.fixture
def drawn(monkeypatch) -> list:
    """What is drawn as bars: the tokens, the losses by direction, and whether it is a whole document."""
    calls = []
    monkeypatch.setattr(figures, "plot_sentence", lambda path, *shown, whole: calls.append((*shown, whole)))
    return calls


def test_the_first_document_is_shown_with_its_losses(pair, second_pair, data, tmp_path, drawn):
    scores = compute(tmp_path / "scores", "--pair", pair, second_pair, "--data", data)
    ((tokens, losses, whole),) = drawn
    saved, tokenizer = np.load(scores / "losses.npz"), AutoTokenizer.from_pretrained(data)
    assert "".join(tokens) == tokenizer.decode(saved["ids"][:10]) and tokens[-1] == tokenizer.eos_token and whole
    for direction in DIRECTIONS:
        assert np.array_equal(losses[direction], saved[direction][:, :10].mean(0))


@pytest.mark.parametrize(
    ("shown", "rest"),
    [
        ("Short. Whole.", ""),
        ("x" * 40, ""),
        ("x" * 40, "x"),
        ("No. Yes.", " And then a sentence that is too long"),
        ("“Go!” she said, “now.”", " And he went"),
        ("去吧。", "x" * 40),
        ("A title\n", "that has more than forty letters below"),
        ("x.", " " + "x" * 38 + ". More"),
    ],
)
def test_of_a_long_document_whole_sentences_are_shown(shown, rest, tmp_path, drawn):
    tokenizer = tokenizers.byte_tokenizer()
    ids = np.array(tokenizer(shown + rest)["input_ids"], np.uint16)
    files = {direction: tmp_path / f"{direction}.npy" for direction in DIRECTIONS}
    for file in files.values():
        np.save(file, np.random.default_rng(0).random((2, 100), np.float32))
    aot.measure.scores.draw_sentence(tmp_path / "x.png", ids, tokenizer, files)
    ((tokens, losses, whole),) = drawn
    assert len(tokens) == len(shown.encode()) and whole == (not rest)
    assert all(np.array_equal(loss, np.load(files[name])[:, : len(tokens)].mean(0)) for name, loss in losses.items())


@pytest.mark.parametrize("whole", [True, False])
def test_a_figure_of_a_part_says_so_and_adds_up_what_it_shows(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(style, "save", lambda figure, path: kept.append(figure))
    kept, losses = [], {"forward": np.array([1, 2.5]), "backward": np.array([4, 0.25])}
    figures.plot_sentence(tmp_path / "x.png", ["a", "b"], losses, whole=whole)
    (axis,) = kept[0].axes
    labels = [text.get_text() for text in kept[0].legends[0].get_texts()]
    assert labels == ["forward → 3.5 nats", "backward ← 4.2 nats"]
    assert axis.get_xlabel() == ("" if whole else "the beginning of a document")


def test_formulas_in_a_sentence_are_shown_as_they_are(tmp_path):
    figures.plot_sentence(tmp_path / "x.png", ["$$", "$x$", "\\frac"], {name: np.ones(3) for name in DIRECTIONS})
    assert (tmp_path / "x.png").stat().st_size


def test_the_batch_is_halved_until_it_fits(scores, pair, data, tmp_path, monkeypatch):
    tried = []

    def small_memory(model, ids, direction, context, stride, batch_size, *rest):
        tried.append(batch_size)
        if batch_size > 10:
            raise RuntimeError("CUDA out of memory.")
        return score(model, ids, direction, context, stride, batch_size, *rest)

    monkeypatch.setattr(scoring, "score", small_memory)
    folder = compute(tmp_path / "scores", "--pair", pair, "--data", data, "--batch_size", "32")
    assert tried[0] == 32 and min(tried) > 4
    assert report(folder)["aot"] == pytest.approx(report(scores)["aot"], abs=1e-6)


def test_what_is_scored_already_is_of_one_request_and_one_process(scores, pair, data, tmp_path, monkeypatch):
    ends, flags = tmp_path / "pair", ["--pair", pair, "--data", data]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(figures, "plot_documents", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        compute(ends, *flags)
    kept = {path: path.read_bytes() for path in (tmp_path / "pair.partial").glob("*.npy")}
    with pytest.raises(SystemExit, match="pair.partial: holds the start of other scores .*context: 8 / 4") as stopped:
        compute(ends, *flags, "--context", "4")
    assert one_line(stopped)
    with alone(tmp_path / "pair.partial"), pytest.raises(SystemExit, match="another process is at work") as stopped:
        compute(ends, *flags)
    assert one_line(stopped) and len(kept) == 2
    assert kept == {path: path.read_bytes() for path in (tmp_path / "pair.partial").glob("*.npy")}
    with monkeypatch.context() as patch:
        patch.setattr(aot.measure.scores, "score_model", None)  # nothing is left to score
        assert report(compute(ends, *flags))["aot"] == report(scores)["aot"]
    assert [path.name for path in tmp_path.iterdir()] == ["pair"]


def test_nothing_is_left_when_interrupted(pair, data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(figures, "plot_documents", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        compute(tmp_path / "scores", "--pair", pair, "--data", data)
    assert not (tmp_path / "scores").exists()
    compute(tmp_path / "scores", "--pair", pair, "--data", data)
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]


def test_pairs_that_continue_others(pair, second_pair, data, tmp_path):
    flags = "--max_steps", "1", "--model_name_or_path"
    further, second, other = (
        train(tmp_path / name, data, *more, *flags, base)
        for name, base, *more in [
            ("further", pair), ("second", second_pair), ("other", pair, "--learning_rate", "1e-3"),
        ]
    )  # fmt: skip
    assert report(compute(tmp_path / "one", "--pair", further, "--data", data))["seeds"] == 1
    assert report(compute(tmp_path / "two", "--pair", further, second, "--data", data))["seeds"] == 2
    for pairs, message in [
        (["--forward", further / "forward", "--backward", second / "backward"], "more than direction: continues"),
        (["--forward", further / "forward", "--backward", pair / "backward"], "more than direction.*continues"),
        (["--forward", further / "forward", "--backward", other / "backward"], "learning_rate: 0.01 / 0.001"),
        (["--pair", further, other], "more than the seed: learning_rate"),
    ]:
        with pytest.raises(SystemExit, match=message) as stopped:
            compute(tmp_path / "no", *pairs, "--data", data)
        assert one_line(stopped)


@pytest.fixture
def other_tokenizer(tmp_path):
    make_synthetic.main(["--source", "iid", "--symbols", "4", "--train_lines", "200", "--output_dir", str(tmp_path)])
    return tmp_path / "iid"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--seed 1", "initial_weights_sha256: .*seed: 42 / 1"),
        ("--context 5", "context: 8 / 5"),
        ("--max_steps 9", "max_steps: 12 / 9"),
        ("--learning_rate 1e-3", "learning_rate: 0.01 / 0.001"),
        (f"--config_overrides {TINY.replace('=1,', '=2,')}", "parameters"),
        ("data", "data_sha256"),
        ("tokenizer", "tokenizer_sha256"),
        ("checkpoint", "step: 12 / 8"),
    ],
)
def test_a_pair_differs_in_direction_alone(pair, data, tmp_path, request, flags, message):
    odd = tmp_path / "odd"
    if flags == "checkpoint":
        shutil.copytree(pair / "backward" / "checkpoint-8", odd / "backward")
    else:
        trained_on = {
            "data": lambda: rewrite(data, tmp_path / "other", lambda ids, _: ids[::-1]),
            "tokenizer": lambda: request.getfixturevalue("other_tokenizer"),
        }.get(flags, lambda: data)()
        train(odd, trained_on, "--direction", "backward", *(flags.split() if "--" in flags else []))
    shutil.copytree(pair / "forward", odd / "forward")
    refused(tmp_path / "no", "--pair", odd, "--data", data, match=f"differ in more than direction: .*{message}")


def test_seeds_differ_in_the_seed_alone(pair, second_pair, data, tmp_path):
    longer = train(tmp_path / "longer", data, "--seed", "1", "--max_steps", "13")
    refused(tmp_path / "no", "--pair", pair, longer, "--data", data, match="more than the seed: .*max_steps: 12 / 13")
    refused(tmp_path / "no", "--pair", pair, pair, "--data", data, match="they have the same seed")
    twice = pair, second_pair, second_pair
    refused(tmp_path / "no", "--pair", *twice, "--data", data, match=f"{second_pair}.*they have the same seed")


def test_one_pair_and_then_several_go_to_folders_of_their_own(pair, second_pair, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for pairs in ([pair], [pair, second_pair]):
        compute_aot.main(["--pair", *map(str, pairs), "--data", str(data)])
    assert {path.name for path in Path("scores").iterdir()} == {"pair-on-linear", "pair-and-1-more-on-linear"}


def test_what_seeds_have_in_common_is_said(data, tmp_path, capsys):
    pairs = [train(tmp_path / f"{seed}", data, "--data_seed", "7", "--seed", f"{seed}") for seed in (1, 2)]
    compute(tmp_path / "scores", "--pair", *pairs, "--data", data)
    assert "seeds have the same data_seed: what that does to ∂ is not in the interval" in capsys.readouterr().err


def test_scores_whose_words_claimed_more_are_not_shown(scores, pair, data, tmp_path):
    old = shutil.copytree(scores, tmp_path / "old")
    content = {key: value for key, value in report(old).items() if key != "carried_by"} | {"verdict": "easier"}
    write_json(old / "aot.json", content)
    with pytest.raises(SystemExit, match="old: holds scores of an older version, which claimed more; delete it"):
        compute(old, "--pair", pair, "--data", data)


def test_directions_are_checked(pair, strangers, data, tmp_path):
    no, ahead, back = tmp_path / "no", pair / "forward", pair / "backward"
    refused(no, "--forward", ahead, "--backward", ahead, "--data", data, match="is a forward model, but is given as")
    refused(no, "--forward", back, "--backward", ahead, "--data", data, match="is a backward model")
    mute = tmp_path / "mute"
    for direction, folder in strangers.items():
        shutil.copytree(folder, mute / direction)
    refused(no, "--pair", mute, "--data", data, match="does not say its direction; .*--forward and --backward")
    shutil.rmtree(mute / "backward")
    refused(no, "--pair", mute, "--data", data, match="has no backward in it")


def spoil_weights(folder):
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(500)


def spoil_a_tensor(change):
    def spoil(folder):
        tensors = load_file(folder / "model.safetensors")
        change(tensors, next(name for name in tensors if name.endswith("h.0.mlp.c_fc.weight")))
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    return spoil


def spoil_numbers(folder):
    model = load_model(str(folder))
    model.transformer.wpe.weight.data[3] = torch.nan
    model.save_pretrained(folder)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "forward: no weights in safetensors there"),
        (spoil_weights, "forward: its weights are damaged"),
        (spoil_a_tensor(lambda tensors, name: tensors.pop(name)), r"h.0.mlp.c_fc.weight are not there in the shape"),
        (
            spoil_a_tensor(lambda tensors, name: tensors.update({name: tensors[name][:, :3].contiguous()})),
            r"h.0.mlp.c_fc.weight are not there in the shape",
        ),
        (spoil_numbers, r"forward: gives token \d+ .* a loss of nan"),
        (lambda folder: (folder / RESULTS).unlink(), "forward: is not trained to the end; run the same training"),
        (lambda folder: (folder / "config.json").unlink(), "forward: no model there"),
        (lambda folder: [path.unlink() for path in folder.glob("tokenizer*")], "forward: no tokenizer there"),
    ],
)
def test_a_damaged_checkpoint_is_refused(able, text, tmp_path, spoil, message):
    damaged = without_hashes(shutil.copytree(able, tmp_path / "damaged"))
    spoil(damaged / "forward")
    refused(tmp_path / "no", "--pair", damaged, "--text", text, match=message)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("", "give one of --data, --text and --dataset"),
        ("--data DATA --text TEXT", "give one of --data, --text and --dataset"),
        ("--data DATA --by_text", "give one of .*with --by_text"),
        ("--data DATA --forward x", "give either --pair .*--forward MODEL"),
        ("--data DATA --colour red", "--colour red: unknown"),
        ("--data absent", "absent: not a data folder"),
        ("--data DATA --split test", "nothing in split 'test'; there are train, validation"),
        ("--data DATA --stride 9", "--context 8 --stride 9"),
        ("--data DATA --stride 0", "--context 8 --stride 0"),
        ("--data DATA --context 0", "--context 0"),
        ("--data DATA --context 9", "--context 9: .*forward reads at most 8 tokens"),
        ("--data DATA --confidence 95", "--confidence 95.0: must lie between 0 and 1"),
        ("--data DATA --batch_size 0", "--batch_size 0: must be auto or a number from 1"),
        ("--data DATA --batch_size many", "--batch_size many"),
        ("--data DATA --device abacus", "--device abacus"),
        ("--text absent.txt", "absent.txt: no such file"),
        ("--text http://127.0.0.1:1/absent.txt", "127.0.0.1"),
        ("--text TEXT --documents sentence", "--documents is 'sentence', must be one of paragraph, line, file"),
    ],
)
def test_bad_flags_are_one_line_and_leave_nothing(pair, data, text, tmp_path, flags, message):
    words = [{"DATA": data, "TEXT": text}.get(word, word) for word in flags.split()]
    refused(tmp_path / "no", "--pair", pair, *words, match=message)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "no text in it"), (b" \n\n\t\n", "no text in it"), (b"01\xff", "line 1, byte 2 .*not UTF-8")],
)
def test_a_text_without_text_is_refused(pair, tmp_path, content, message):
    path = tmp_path / "empty.txt"
    path.write_bytes(content)
    refused(tmp_path / "no", "--pair", pair, "--text", path, match=f"empty.txt.*{message}")


def test_a_model_that_is_nowhere_is_refused(data, tmp_path):
    message = "gone-forward: .*no such folder, and no name"
    refused(tmp_path / "no", "--pair", tmp_path / "gone", "--data", data, match=message)


def test_data_of_another_tokenizer_are_refused(pair, other_tokenizer, tmp_path):
    refused(tmp_path / "no", "--pair", pair, "--data", other_tokenizer, match="has another tokenizer than the models")


def test_a_folder_of_something_else_is_refused(pair, data, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(SystemExit, match="holds no scores; choose another --output_dir") as stopped:
        compute(tmp_path, "--pair", pair, "--data", data)
    assert one_line(stopped) and [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_single_document_has_no_interval(pair, tmp_path, capsys):
    path = tmp_path / "one.txt"
    path.write_text("0110:0110")
    numbers = report(compute(tmp_path / "scores", "--pair", pair, "--text", path))
    assert numbers["low"] is numbers["high"] is None and numbers["documents"] == 1
    said = capsys.readouterr().out
    assert "no interval" in said and re.search(r" 10 +tokens in 1 document$", said, re.MULTILINE)


@pytest.mark.parametrize("flags", [["--quick"], ["--pair", "pair"]])
def test_a_document_that_is_probably_several_is_read_where_that_is_wanted(flags, pair, tmp_path, monkeypatch):
    monkeypatch.chdir(pair.parent)
    path = tmp_path / "one.txt"
    path.write_text("0110:0110\n" * 4)
    flags = [pair.name if each == "pair" else each for each in flags] + ["--text", path]
    limit, folder = "--max_document_bytes", tmp_path / "scores"
    refused(folder, *flags, limit, 20, match="is longer than 20 bytes.* raise --max_document_bytes")
    refused(folder, *flags, limit, 0, match="--max_document_bytes 0: must be at least 1")
    assert report(compute(folder, *flags, limit, 40))["documents"] == 1


def test_the_report_is_json_that_any_reader_takes(scores):
    def refuse(constant):
        raise AssertionError(constant)

    json.loads((scores / "aot.json").read_text(encoding="utf-8"), parse_constant=refuse)
