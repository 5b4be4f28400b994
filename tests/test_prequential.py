"""Code lengths of a training run: what is kept while training, and ∂ of it with its interval."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import TINY, logged, of_kind, one_line, rewrite, train, without_hashes

import compute_aot
from aot.base.files import file_sha256, read_json, write_json
from aot.base.folders import RESULTS
from aot.measure.checks import unigram_loss
from aot.measure.prequential import code_length, curve, first_pass, settled
from aot.measure.scoring import score
from aot.tokens.data_folder import open_stream, read_meta
from aot.tokens.tokenizers import data_tokenizer
from aot.tokens.windows import DIRECTIONS, Windows
from aot.train.arguments import RunArguments
from aot.train.runs import WINDOW_LOSSES
from aot.train.training import initial_model
from aot.train.window_losses import WINDOW_LOSS

STILL = ["--config_overrides", f"{TINY},resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"]


def rows_of(run, direction="forward"):
    return np.load(run / direction / WINDOW_LOSSES)


def prequential(folder, *flags):
    compute_aot.main(["--output_dir", str(folder), "--prequential", *map(str, flags)])
    return read_json(folder / "prequential.json")


@pytest.fixture(scope="module")
def still(data, tmp_path_factory):
    """A pair without dropout, which has seen each of 496 windows once in 62 steps, and then some twice."""
    short = rewrite(data, tmp_path_factory.mktemp("data") / "short", lambda ids, split: ids[:4000])
    flags = ["--max_steps", 70, "--eval_steps", 20, "--save_steps", 50]
    return train(tmp_path_factory.mktemp("runs") / "still", short, *STILL, *flags), short


def test_each_window_is_scored_before_it_is_trained_on(data, tmp_path):
    run = train(tmp_path, data, *STILL)
    settings = RunArguments(data=str(data), context=8, size="medium", config_overrides=STILL[1])
    ids = np.array(open_stream(data, "train"))
    for direction in DIRECTIONS:
        rows = rows_of(run, direction)
        assert rows.dtype == WINDOW_LOSS and rows["step"].tolist() == np.repeat(range(1, 13), 8).tolist()
        untrained = initial_model(direction, settings, read_meta(data)["vocab_size"], data_tokenizer(data), seed=42)
        text = np.concatenate([Windows(ids, 8)[number] for number in rows["window"][:8]])
        expected = score(untrained, text, direction, 8).reshape(8, 8).mean(1)
        np.testing.assert_allclose(rows["loss"][:8], expected, rtol=1e-5)
        for step, loss in logged(run / direction, "loss").items():
            assert rows["loss"][rows["step"] == step].mean() == pytest.approx(loss, rel=1e-6)


def test_both_directions_keep_the_same_windows_in_the_same_order(kind, pair_of_kind):
    forward, backward = (rows_of(pair_of_kind, direction) for direction in DIRECTIONS)
    assert np.array_equal(forward[["step", "window"]], backward[["step", "window"]]) and len(forward) == 12 * 8
    assert len(set(forward["window"])) == 96 and not np.array_equal(forward["loss"], backward["loss"])


@pytest.mark.parametrize("seldom", ["--logging_steps 5 --save_steps 7 --eval_steps 3", "--save_strategy no"])
def test_how_often_it_is_written_changes_nothing(data, pair, tmp_path, seldom):
    run = train(tmp_path, data, "--direction", "forward", *seldom.split())
    assert file_sha256(run / "forward" / WINDOW_LOSSES) == file_sha256(pair / "forward" / WINDOW_LOSSES)


def test_accumulated_batches_are_kept_like_whole_ones(data, tmp_path):
    runs = []
    for batch, accumulated in ((8, 1), (2, 4)):
        flags = ["--per_device_train_batch_size", batch, "--gradient_accumulation_steps", accumulated]
        flags += ["--optim", "sgd", "--direction", "forward", *STILL]
        runs.append(rows_of(train(tmp_path / f"{batch}", data, *flags)))
    assert np.array_equal(runs[0][["step", "window"]], runs[1][["step", "window"]])
    np.testing.assert_allclose(runs[0]["loss"], runs[1]["loss"], rtol=1e-5)


def test_only_the_first_epoch_counts(still):
    run, _ = still
    rows, first = rows_of(run), first_pass(run / "forward")
    assert len(rows) == 70 * 8 and len(first) == 62 * 8 == len(set(first["window"])) and first["step"].max() == 62
    assert np.array_equal(rows[: len(first)], first)


def test_the_report_is_what_the_rows_say(still, tmp_path, capsys):
    run, short = still
    report = prequential(tmp_path / "scores", run)
    out = capsys.readouterr().out
    assert report["unigram"] == [unigram_loss(np.array(open_stream(short, "train")), 5)] * 2
    assert "hardly learned" not in report["verdict"] and "One pair claims nothing" in report["verdict"] in out
    assert "stretches of the text and the course of one training: " in out and "is easier" not in out
    nats = {direction: 8 * first_pass(run / direction)["loss"].astype(float) for direction in DIRECTIONS}
    forward, backward = (each.sum() for each in nats.values())
    assert report["aot"] == pytest.approx((backward - forward) / ((backward + forward) / 2), rel=1e-9)
    assert report["tokens"] == 62 * 64 and report["step"] == 62 and report["seeds"] == 1
    for direction, total in nats.items():
        assert report[direction] == pytest.approx(total.sum() / (62 * 64))
        assert report["kilobytes"][direction] == pytest.approx(total.sum() / np.log(2) / 8000)
    assert report["low"] < report["aot"] < report["high"] and f"{report['aot']:+.3%}" in out
    points, until = report["curve"], report["curve"]["step"].index(10)
    some = {direction: each[: 10 * 8].sum() for direction, each in nats.items()}
    assert points["aot"][until] == pytest.approx(np.diff([*some.values()])[0] / np.mean([*some.values()]), rel=1e-9)
    assert points["tokens"][until] == 640 and points["step"][-1] == 62 and points["aot"][-1] == report["aot"]
    assert list(report["held_out"]) == ["20", "40", "60"] and not report["dropout"] and "dropout" not in out
    assert report["held_out"]["40"] == pytest.approx(logged(run / "backward", "eval_aot")[40], rel=1e-9)
    assert (tmp_path / "scores" / "prequential.png").read_bytes()[:4] == b"\x89PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["scores"]


def test_several_seeds_and_dropout(pair, second_pair, tmp_path, capsys):
    report = prequential(tmp_path / "scores", pair, second_pair)
    assert report["seeds"] == 2 and report["dropout"] == {"resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1}
    for aot, run in zip(report["per_seed"], (pair, second_pair), strict=True):
        forward, backward = (rows_of(run, direction)["loss"].sum(dtype=float) for direction in DIRECTIONS)
        assert aot == pytest.approx((backward - forward) / ((backward + forward) / 2), rel=1e-9)
    assert "These models have hardly learned" in report["verdict"] and "One pair" not in report["verdict"]
    assert "attn_pdrop=0.1: code lengths of thinned models" in capsys.readouterr().out


def test_what_counting_costs_is_unknown_where_the_text_is_gone(pair, data, tmp_path):
    run = shutil.copytree(pair, tmp_path / "run")
    for direction in DIRECTIONS:
        results = run / direction / RESULTS
        write_json(results, read_json(results) | {"data": str(tmp_path / "gone")})
    assert prequential(tmp_path / "scores", run)["unigram"] is None


def test_the_same_again_is_found_and_another_refused(pair, second_pair, tmp_path, capsys):
    folder = tmp_path / "scores"
    prequential(folder, pair)
    first, before = capsys.readouterr().out, (folder / "prequential.json").stat().st_mtime_ns
    prequential(folder, pair)
    assert capsys.readouterr().out == first and (folder / "prequential.json").stat().st_mtime_ns == before
    with pytest.raises(SystemExit, match="holds other scores .*window_losses") as stopped:
        prequential(folder, second_pair)
    assert one_line(stopped)


def test_models_that_learn_alike_have_no_arrow(data, tmp_path):
    def palindromes(ids, _):
        half = ids[: len(ids) // 4 * 4].reshape(-1, 4)
        return np.concatenate([half, half[:, ::-1]], axis=1).ravel()

    run = train(tmp_path / "run", rewrite(data, tmp_path / "palindromes", palindromes), *of_kind("lstm"))
    report = prequential(tmp_path / "scores", run)
    assert report["aot"] == report["low"] == report["high"] == 0 and report["tokens_needed"] is None


def refused(folder, *flags, match):
    with pytest.raises(SystemExit, match=match) as stopped:
        prequential(folder, *flags)
    assert one_line(stopped) and not folder.exists() and not folder.with_name("no.partial").exists()


def test_what_is_no_pass_of_a_pair_is_refused(pair, second_pair, data, tmp_path):
    no = tmp_path / "no"
    refused(no, pair, "--data", data, match="give --prequential without models and text")
    refused(no, tmp_path / "gone", match="gone-forward: no model there")
    refused(no, pair, pair, match="they have the same seed")
    overlapping = train(tmp_path / "overlapping", data, "--stride", 4, "--max_steps", 2)
    refused(no, overlapping, match="--stride 4 below --context 8: windows hold tokens seen before")
    odd = train(tmp_path / "odd", data, "--direction", "forward")
    train(odd, data, "--direction", "backward", "--seed", 1)
    refused(no, odd, match="differ in more than direction: .*seed")
    alone = train(tmp_path / "alone", data, "--direction", "forward")
    refused(no, alone, match="alone: has no backward in it")


def test_rows_that_are_not_all_there_are_refused(data, tmp_path):
    no, run = tmp_path / "no", without_hashes(train(tmp_path / "run", data, "--max_steps", 3))
    path, rows = run / "backward" / WINDOW_LOSSES, rows_of(run, "backward")
    np.save(path, rows[8:])
    refused(no, run, match="does not begin with the first step")
    np.save(path, rows[:-8])
    refused(no, run, match="they were trained on different windows")
    path.unlink()
    refused(no, run, match=f"backward: has no {WINDOW_LOSSES}")
    (run / "forward" / RESULTS).unlink()
    refused(no, run, match="is not trained to the end")


def test_a_run_of_one_step_has_no_interval(data, tmp_path, capsys):
    report = prequential(tmp_path / "scores", train(tmp_path / "run", data, "--max_steps", 1))
    assert report["low"] is report["tokens_needed"] is None and report["aot"]
    assert "no interval" in capsys.readouterr().out


def test_a_command_does_it(pair, tmp_path):
    command = [sys.executable, compute_aot.__file__, "--prequential", pair]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and "code length" in done.stdout, done.stderr
    assert (tmp_path / f"scores/{pair.name}-prequential/prequential.png").exists()


def point(low, high):
    return {"low": low, "high": high}


@pytest.mark.parametrize(
    ("intervals", "index"),
    [
        ([(None, None), (-1, 1), (1, 2), (1, 3)], 2),
        ([(1, 2), (-1, 1), (1, 2)], 2),
        ([(-2, -1), (1, 2), (1, 2)], 1),
        ([(1, 2), (1, 2)], 0),
        ([(1, 2), (-2, -1)], 1),
        ([(1, 2), (-1, 2)], None),
        ([(None, None)], None),
    ],
)
def test_a_sign_is_settled_once_it_stays(intervals, index):
    assert settled([point(*each) for each in intervals]) == index


def simulated(draw, arrow, text, training, seeds, steps=512, batch=2):
    """First passes whose ∂ is `arrow` but for noise that windows of a document, and neighbouring steps, share."""
    windows, passes = steps * batch, {direction: [] for direction in DIRECTIONS}
    document = np.repeat(draw.normal(0, text, windows // 4), 4)
    for _ in range(seeds):
        drift = np.zeros(steps)
        for step in range(1, steps):
            drift[step] = 0.9 * drift[step - 1] + draw.normal(0, training)
        rows = np.empty(windows, WINDOW_LOSS)
        rows["step"], rows["window"] = np.repeat(np.arange(1, steps + 1), batch), draw.permutation(windows)
        difference = arrow * 4 + document[rows["window"]] + drift[rows["step"] - 1] + draw.normal(0, 0.05, windows)
        for direction, sign in zip(DIRECTIONS, (-1, 1), strict=True):
            passes[direction].append(rows.copy())
            passes[direction][-1]["loss"] = 4 + sign * difference / 2
    return passes


@pytest.mark.parametrize(("text", "training", "seeds"), [(0.3, 0, 1), (0, 0.03, 1), (0.3, 0.03, 1), (0.3, 0.03, 3)])
def test_the_interval_covers_text_and_training(text, training, seeds):
    draw, covered, n = np.random.default_rng(0), 0, 200
    for _ in range(n):
        found = code_length(simulated(draw, 0.01, text, training, seeds), 8, 0.95)
        covered += found["low"] <= 0.01 <= found["high"]
    assert 0.9 < covered / n < 1


def test_exchanged_directions_have_the_opposite_arrow():
    passes = simulated(np.random.default_rng(1), 0.01, 0.3, 0.03, seeds=1)
    swapped = dict(zip(DIRECTIONS, [*passes.values()][::-1], strict=True))
    for one, other in zip(curve(passes, 8, 0.9), curve(swapped, 8, 0.9), strict=True):
        assert one["aot"] == -other["aot"] and one["step"] == other["step"]
        assert one["low"] is other["high"] is None or one["low"] == pytest.approx(-other["high"], rel=1e-9)
