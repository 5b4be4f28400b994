"""A third order of reading: exact where it is forward or backward, and refused where a direction is meant."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SETTINGS, edit, logged, one_line, refused, rewrite, train, weights
from huggingface_hub.repocard import metadata_load
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig

import compute_aot
import generate
import push_pair
import report
import run_clm_reverse
from aot.arrow_of_time.gap import arrow_from_totals
from aot.base.files import read_json
from aot.explore.offered import load_pair
from aot.measure.scoring import document_totals, score
from aot.statistics.costs import cost_of_order
from aot.tokens.data_folder import open_stream
from aot.tokens.windows import DIRECTIONS, Order, ReverseTokenCollator, in_text_order, orient
from aot.train.models import build_model, load_model
from aot.train.pairs import check_direction
from aot.train.runs import RECIPE
from experiments import order_rows

ROOT = Path(__file__).parent.parent
orders = st.integers(1, 40).flatmap(
    lambda context: st.builds(
        Order, st.just(context), st.integers(0, 5), st.integers(1, context), st.booleans()
    )
)  # fmt: skip


@given(orders, st.data())
@settings(max_examples=50, deadline=None)
def test_an_order_is_a_permutation_that_is_taken_back_and_of_short_windows_its_part(order, draw):
    tokens = draw.draw(st.integers(1, order.context))
    assert sorted(order.places) == list(range(order.context))
    assert list(order.of(tokens)) == [place for place in order.places if place < tokens]
    ids = np.arange(2 * tokens).reshape(2, tokens)
    for values in (ids, torch.from_numpy(ids), ids.astype(np.float32)):
        assert (in_text_order(orient(values, order), order) == values).all()
        assert (orient(values, order)[0] == values[0][order.of(tokens).copy()]).all()
    back = Order(order.context, order.seed, order.block, not order.turned)
    assert (orient(ids, back) == orient(ids, order)[..., ::-1]).all()
    with pytest.raises(ValueError, match="has no order"):
        orient(np.arange(order.context + 1), order)


@given(orders)
@settings(max_examples=50, deadline=None)
def test_blocks_stay_together_and_one_block_is_a_direction(order):
    read = Order(order.context, order.seed, order.block).places
    blocks = np.split(read, np.flatnonzero(np.diff(read // order.block)) + 1)
    assert len(blocks) == -(-order.context // order.block)
    assert all((np.diff(block) == 1).all() and block[0] % order.block == 0 for block in blocks)
    for direction, turned in zip(DIRECTIONS, (False, True), strict=True):
        whole = Order(order.context, order.seed, order.context, turned)
        assert (orient(read, whole) == orient(read, direction)).all()


def test_an_order_is_drawn_the_same_for_ever_and_is_another_for_another_seed_and_context():
    assert Order(8).places.tolist() == [3, 2, 4, 5, 7, 6, 0, 1]
    assert Order(256).places[:6].tolist() == [236, 37, 124, 214, 201, 105]
    assert (Order(256, seed=1).places != Order(256).places).any()
    assert list(Order(300).of(256)) != list(Order(256).places)
    with pytest.raises(ValueError, match="blocks of 1 to 8 tokens"):
        Order(8, block=9)


def test_batches_hold_each_token_once_and_open_with_bos():
    order, windows = Order(5, seed=3), [np.arange(10, 15), np.arange(20, 23)]
    batch = ReverseTokenCollator(order, bos=9)(windows)
    expected = [[10 + place for place in order.places], [20 + place for place in order.of(3)] + [-100] * 2]
    assert batch["labels"].tolist() == expected
    assert batch["input_ids"].tolist() == [[9, *expected[0][:-1]], [9, *expected[1][:3], 9]]
    whole = ReverseTokenCollator(order, bos=9)(np.stack([windows[0], windows[0][::-1]]))
    assert whole["labels"].tolist() == [expected[0], [14 - place for place in order.places]]


class Deaf(torch.nn.Module):
    """Gives every token its own probability, whatever stands around it."""

    device = torch.device("cpu")

    def forward(self, input_ids):
        return SimpleNamespace(logits=torch.arange(5.0).expand(*input_ids.shape, -1))


@given(orders, st.integers(0, 90))
@settings(max_examples=40, deadline=None)
def test_a_model_that_ignores_its_context_loses_nothing_in_any_order(order, n):
    ids = np.random.default_rng(n).integers(0, 5, n)
    of_each = -torch.arange(5.0).log_softmax(0).numpy()
    for direction in (*DIRECTIONS, order):
        assert (score(Deaf(), ids, direction, order.context, batch_size=3) == of_each[ids]).all()


@pytest.fixture(scope="module")
def ids(data):
    return np.array(open_stream(data, "validation"))


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory) -> Path:
    """Run folders with a model of an order each: drawn, the same from its end, forward, backward, and in blocks."""
    folder = tmp_path_factory.mktemp("orders")
    of = {"drawn": [], "turned": ["--order_reversed"], "forward": ["--order_block", 8], "blocks": ["--order_block", 2]}
    of["backward"] = [*of["forward"], *of["turned"]]
    for name, flags in of.items():
        train(folder / name, data, "--direction", "permuted", *flags)
    return folder


def test_one_block_is_the_forward_run_and_from_its_end_the_backward_one(pair, runs):
    for direction in DIRECTIONS:
        assert weights(runs / direction / "permuted") == weights(pair / direction)
        assert logged(runs / direction / "permuted", "loss") == logged(pair / direction, "loss")
    assert len({weights(runs / name / "permuted") for name in ("drawn", "turned", "blocks", *DIRECTIONS)}) == 5


def test_a_permuted_run_is_a_forward_one_on_permuted_windows(data, runs, ids, tmp_path):
    order = Order(8)

    def permute(ids, _):
        return np.concatenate([orient(window, order) for window in np.split(ids, range(8, len(ids), 8))])

    twin = train(tmp_path / "twin", rewrite(data, tmp_path / "data", permute), "--direction", "forward") / "forward"
    assert weights(twin) == weights(runs / "drawn/permuted")
    own = load_model(str(runs / "drawn/permuted"))
    losses, expected = score(own, ids, order, 8), score(load_model(str(twin)), permute(ids, ""), "forward", 8)
    assert (permute(losses, "") == expected).all() and losses.shape == ids.shape
    held_out = logged(runs / "drawn/permuted", "eval_loss")[12]
    assert losses.mean(dtype=float) == pytest.approx(held_out, rel=1e-6)
    for context, stride in ((4, None), (8, 4), (16, None)):
        with pytest.raises(ValueError, match="is of whole windows of 8"):
            score(own, ids, order, context, stride)


def test_a_permuted_run_says_what_it_is(pair, runs):
    folder = runs / "blocks/permuted"
    recipe, forward = read_json(folder / RECIPE), read_json(pair / "forward" / RECIPE)
    order = recipe.pop("order")
    assert recipe == forward | {"direction": "permuted"} and "order" not in forward
    assert (order["seed"], order["block"], order["reversed"]) == (0, 2, False) and len(order["places_sha256"]) == 64
    config = AutoConfig.from_pretrained(folder)
    assert config.direction == "permuted" and config.arrow_of_time["order"] == order
    assert metadata_load(folder / "README.md")["pipeline_tag"] == "other"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "seed 0, of blocks of 2 tokens that stay together. " in card and "model.generate" not in card
    assert "order that chance has drawn" in (folder / "pipeline.py").read_text() and config.custom_pipelines


@pytest.fixture(scope="module")
def scored(data, pair, runs, tmp_path_factory) -> tuple[Path, list[str]]:
    """Scores of a pair beside all orders, and the flags that made them."""
    folder = tmp_path_factory.mktemp("scores") / "order-x"
    models = [str(runs / name / "permuted") for name in ("drawn", "turned", *DIRECTIONS)]
    flags = ["--pair", str(pair), "--data", str(data), "--output_dir", str(folder)]
    compute_aot.main(flags)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    compute_aot.main([*flags, "--permuted", *models])
    assert before.items() <= {path: path.read_bytes() for path in folder.iterdir()}.items()
    return folder, [*flags, "--permuted", *models]


def test_what_an_order_costs_is_beside_the_pair(scored, capsys, ids):
    folder, flags = scored
    files = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    compute_aot.main(flags)  # nothing is scored again
    printed = capsys.readouterr().out
    assert files == {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    found, aot = read_json(folder / "permuted.json")["orders"], read_json(folder / "aot.json")
    forward, backward = found["order 0, blocks of 8"], found["order 0, blocks of 8, from its end"]
    assert (forward["permuted"], backward["permuted"]) == (aot["forward"], aot["backward"])
    assert forward["cost"]["aot"] == pytest.approx(-aot["aot"] / 2)
    assert backward["cost"]["aot"] == pytest.approx(aot["aot"] / 2)
    assert backward["share"]["aot"] == pytest.approx(2) and forward["share"] is None
    assert f"order 0, blocks of 8, and the same from its end: ∂ = {aot['aot']:+.3%}" in printed
    with np.load(folder / "losses.npz") as pair, np.load(folder / "permuted-seed0-block1.npz") as drawn:
        losses, starts = drawn["permuted"], pair["document_starts"]
        assert losses.shape == pair["forward"].shape == (1, len(ids))
        assert drawn["permuted_per_document"][0].tolist() == document_totals(losses[0], starts).tolist()
        assert found["order 0"]["permuted"] == pytest.approx(losses.mean(dtype=float), rel=1e-9)


@given(st.integers(0, 99), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_the_cost_is_a_share_whose_interval_is_that_of_the_arrow(seed, seeds):
    forward, backward, permuted = np.random.default_rng(seed).uniform(1, 2, (3, seeds, 9))
    both = (forward + backward) / 2
    found = cost_of_order(None, forward, backward, permuted + both)
    assert found["cost"]["aot"] == pytest.approx(permuted.sum() / both.sum())
    if found["cost"]["low"] > 0:
        assert found["share"]["aot"] == pytest.approx((backward - forward).sum() / permuted.sum())
    assert (found["share"] is None) == (found["cost"]["low"] <= 0)
    arrow = arrow_from_totals(forward, backward, np.ones(9))
    same = cost_of_order(None, forward, backward, backward)["cost"]  # then it costs half of ∂
    for key in ("aot", "low", "high", "standard_error"):
        assert same[key] == pytest.approx(arrow[key] / 2)
    clusters = np.arange(9) // 3
    summed = [each.reshape(seeds, 3, 3).sum(2) for each in (forward, backward, permuted)]
    assert cost_of_order(clusters, forward, backward, permuted) == cost_of_order(None, *summed)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--order_seed", "1"], "--order_seed: is about --direction permuted"),
        (["--direction", "both", "--order_reversed"], "--order_reversed: is about --direction permuted"),
        (["--direction", "permuted", "--order_block", "9"], "blocks of 1 to 8 tokens, the context"),
        (["--direction", "permuted", "--order_block", "0"], "blocks of 1 to 8 tokens, the context"),
        (["--direction", "permuted", "--order_seed", "-1"], "need a seed ≥ 0"),
        (["--direction", "permuted", "--parallel_directions"], "goes with --direction both"),
        (["--direction", "permuted", "--push_to_hub", "--hub_model_id", "U/N"], "publishes a pair"),
        (["--direction", "permuted", "--model_name_or_path", "PAIR/forward"], "is a forward model"),
        (["--direction", "permuted", "--order_seed", "1", "--model_name_or_path", "RUN"], "seed: 0 / 1"),
        (["--direction", "permuted", "--context", "4", "--model_name_or_path", "RUN"], "reads in another order"),
        (["--direction", "forward", "--model_name_or_path", "RUN/permuted"], "is a permuted model"),
    ],
)
def test_what_no_order_is_trained_with_is_refused(flags, message, data, pair, runs, tmp_path):
    flags = [each.replace("PAIR", str(pair)).replace("RUN", str(runs / "drawn")) for each in flags]
    with pytest.raises(SystemExit, match=message) as stopped:
        run_clm_reverse.main(["--data", str(data), "--output_dir", str(tmp_path / "run"), *SETTINGS, *flags])
    assert one_line(stopped) and not (tmp_path / "run").exists()


def test_a_run_goes_on_in_its_own_order_alone(data, runs, tmp_path, capsys):
    drawn = ["--direction", "permuted"]
    for flags in (["--order_seed", "1"], ["--order_block", "2"], ["--order_reversed"]):
        with pytest.raises(SystemExit, match="other settings.*order.*places_sha256") as stopped:
            train(runs / "drawn", data, *drawn, *flags)
        checkpoint = str(runs / "drawn/permuted/checkpoint-8")
        with pytest.raises(SystemExit, match="belongs to another run.*order") as other:
            train(tmp_path / "run", data, *drawn, *flags, "--resume_from_checkpoint", checkpoint)
        assert one_line(stopped) and one_line(other)
    shutil.copytree(runs / "drawn", tmp_path / "run")
    for file in ("results.json", "model.safetensors", "trainer_state.json"):
        (tmp_path / "run/permuted" / file).unlink()
    shutil.rmtree(tmp_path / "run/permuted/checkpoint-12")
    train(tmp_path / "run", data, *drawn)
    assert weights(tmp_path / "run/permuted") == weights(runs / "drawn/permuted")
    assert "--permuted" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--forward", "RUN", "--backward", "PAIR/backward"], "is a permuted model, but is given as one that reads"),
        (["--forward", "PAIR/forward", "--backward", "RUN"], "is a permuted model, but is given as one that reads"),
        (["--pair", "PAIR", "--permuted", "PAIR/forward"], "is no model of .*--direction permuted, but forward"),
        (["--pair", "PAIR", "--permuted", "RUN", "RUN/../../turned/permuted", "RUN/"], "are both of order 0 and"),
        (["--pair", "PAIR", "--permuted", "RUN", "--context", "4"], "is one of windows of 8 tokens"),
        (["--pair", "PAIR", "--permuted", "RUN", "--stride", "4"], "is one of windows of 8 tokens"),
        (["--pair", "PAIR", "SECOND", "--permuted", "RUN"], "order 0: has no model beside"),
        (["--pair", "SECOND", "--permuted", "RUN"], "belongs to none of these pairs.*seed: 1 / 42"),
        (["--pair", "PAIR", "--permuted", "NOWHERE"], "NOWHERE: no model there"),
    ],
)
def test_what_is_no_direction_and_what_is_no_order_is_refused(flags, message, data, pair, second_pair, runs, tmp_path):
    places = {"PAIR": pair, "SECOND": second_pair, "RUN": runs / "drawn/permuted", "NOWHERE": tmp_path / "NOWHERE"}
    for name, path in places.items():
        flags = [path.as_posix() + each.removeprefix(name) if each.startswith(name) else each for each in flags]
    said = refused(*flags, "--data", data, "--output_dir", tmp_path / "scores")
    assert re.search(message, said) and not (tmp_path / "scores").exists()


def test_nothing_else_takes_it_for_a_direction(data, pair, runs, scored, tmp_path):
    model, folder = str(runs / "drawn/permuted"), tmp_path / "pair"
    flags = ["--pair", pair, "--permuted", model, "--text", ROOT / "corpora/en.txt", "--by_text"]
    assert "not --by_text" in refused(*flags, "--output_dir", tmp_path / "scores")
    assert "--permuted: has no effect with --quick" in refused("--quick", "--data", data, "--permuted", model)
    assert "give --prequential without models" in refused("--prequential", pair, "--permuted", model)
    shutil.copytree(pair, folder)
    shutil.rmtree(folder / "backward")
    shutil.copytree(model, folder / "backward")
    told = "is a permuted model, but is given as one that reads backward"
    for call in (
        lambda: generate.main(["--backward", model, "--prompt", "01"]),
        lambda: generate.main(["--pair", str(folder), "--prompt", "01"]),
        lambda: push_pair.main(["--pair", str(folder), "--hub_model_id", "user/name", "--dry_run"]),
        lambda: load_pair(str(folder)),
        lambda: check_direction(AutoConfig.from_pretrained(model), model, "backward", trusted=True),
    ):
        with pytest.raises(SystemExit, match=told) as stopped:
            call()
        assert one_line(stopped)
    edit(folder / "backward/results.json", lambda results: results.pop("sha256"))
    edit(folder / "backward/config.json", lambda config: config["arrow_of_time"]["order"].update(seed=7))
    pairs = ["--pair", pair, "--data", data, "--output_dir", tmp_path / "scores"]
    assert "in an order that is not drawn here" in refused(*pairs, "--permuted", folder / "backward")


def test_losses_that_were_changed_and_other_models_are_refused(data, pair, scored, runs, tmp_path):
    folder, flags = scored
    shutil.copytree(folder, tmp_path / "scores")
    flags = [str(tmp_path / "scores") if each == str(folder) else each for each in flags]
    file = tmp_path / "scores/permuted-seed0-block1.npz"
    before = file.read_bytes()
    file.write_bytes(before[:-1])
    assert "permuted-seed0-block1.npz" in refused(*flags)
    file.write_bytes(before)
    edit(tmp_path / "scores/permuted.json", lambda found: found["orders"]["order 0"]["request"].update(models={}))
    assert "holds other scores of order 0 (there / now)" in refused(*flags)


def test_the_table_is_what_was_scored(scored, pair, tmp_path):
    folder, _ = scored
    flags = ["--scores", str(folder.parent), "--results", str(tmp_path)]
    order_rows.main(flags)
    table = pd.read_csv(tmp_path / "order.csv")
    found, aot = read_json(folder / "permuted.json")["orders"], read_json(folder / "aot.json")
    assert table["row"].tolist() == ["x"] * 4 and table["block"].tolist() == [1, 1, 8, 8]
    assert table["aot"].to_numpy() == pytest.approx(aot["aot"], rel=1e-6)
    names = [f"order 0{block}{end}" for block in ("", ", blocks of 8") for end in ("", ", from its end")]
    for row, each in zip(table.itertuples(), map(found.get, names), strict=True):
        assert row.permuted == pytest.approx(each["permuted"], rel=1e-6)
        assert (row.cost, row.cost_low) == pytest.approx((each["cost"]["aot"], each["cost"]["low"]), rel=1e-6)
    assert table["arrow"].notna().tolist() == [True, False, True, False]
    lines = report.block("order", tmp_path, tmp_path)
    rows = [line for line in lines if line.startswith("| x")]
    assert len(rows) == 4 and f"{aot['aot']:+.3%}" in rows[0] and "blocks of 8, from the end" in rows[3]
    assert (tmp_path / "order.png").stat().st_size > 5000
    order_rows.main(flags)
    assert report.block("order", tmp_path, tmp_path) == lines == report.block("order", tmp_path, tmp_path / "none")
    with pytest.raises(SystemExit, match="no scores of orders") as stopped:
        order_rows.main(["--scores", str(tmp_path)])
    assert one_line(stopped)
    assert report.block("order", tmp_path / "none", tmp_path) == ["Not run yet."]
    table.drop(columns="cost").to_csv(tmp_path / "order.csv", index=False)
    with pytest.raises(SystemExit, match="order.csv: has no column cost") as stopped:
        report.block("order", tmp_path, tmp_path)
    assert one_line(stopped)


def test_the_experiment_trains_each_order_beside_each_pair(tmp_path):
    python = f'[ "$1" != -c ] || exec {shlex.quote(sys.executable)} "$@"\necho "$@"'
    for name, does in {"python": python, "flock": 'shift; exec "$@"', "xargs": "exit"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    script = 'source experiments/order.sh y; pairs y-French y-French "1 2" d --context 8\n'
    script += "pairs y-English y-English 3 d"
    how = {"cwd": ROOT, "text": True, "capture_output": True}
    done = subprocess.run(["bash", "-c", script], **how, env={"PATH": f"{tmp_path}:/usr/bin:/bin", "FULL": ""})
    assert done.returncode == 0, done.stderr
    *lines, english = [line for line in done.stdout.splitlines() if "data/d" in line]
    french = next(line for line in lines if line.startswith("compute_aot.py"))
    assert english == (
        "compute_aot.py --data data/d --output_dir scores/y-English --pair runs/y-English-seed3 --permuted "
        "runs/y-English-seed3/permuted"
    )
    models = french.partition("--permuted ")[2].split()
    assert len(models) == len(set(models)) == 10
    trained = [line.split() for line in lines if line.startswith("run_clm_reverse.py")]
    own = [line for line in trained if "runs/y-French" in line]
    assert ["--direction" in line for line in own] == [False, True]
    folders = {f"{line[4]}-seed{seed}/permuted" for line in trained if "--direction" in line for seed in line[6:8]}
    assert set(models) <= folders


@torch.no_grad()
def test_rotary_positions_tell_a_place_by_its_distance_from_bos():
    torch.manual_seed(0)
    shape = "num_hidden_layers=2,num_attention_heads=2,hidden_size=16,intermediate_size=32,initializer_range=0.3"
    model = build_model(5, 8, "nano", "nanochat", shape).eval()
    alike, after_bos = torch.ones(1, 8, dtype=torch.long), torch.tensor([[0] + [1] * 7])
    without, told = (model.model(input_ids=ids).last_hidden_state[0] for ids in (alike, after_bos))
    assert torch.allclose(without, without[:1].expand_as(without), atol=1e-5)  # nothing to count from
    assert torch.cdist(told[1:], told[1:]).add(torch.eye(7)).min() > 1e-2


def test_the_docs_tell_what_was_measured():
    table = pd.read_csv(ROOT / "results/order.csv").drop_duplicates(["row", "block", "reversed"])
    page = (ROOT / "docs/origins.md").read_text(encoding="utf-8")
    told = " ".join(page.partition("## Reading order")[2].partition("\n## ")[0].split())
    for row in table[~table["reversed"]].itertuples():
        assert f"{100 * row.cost:.1f} %" in told and f"{100 * row.aot:+.2f} %" in told, row.row
    french = table[(table["row"] == "French") & (table["block"] == 1)].iloc[0]
    assert f"{100 * french.cost_low:.1f} to {100 * french.cost_high:.1f} %" in told
    assert "{:+.3f} % ({:+.3f} to {:+.3f} %)".format(*(100 * french[["arrow", "arrow_low", "arrow_high"]])) in told
    drawn = table[table["block"] == 1].set_index("row")
    more = drawn.loc["French-amount_2.5MB"]
    assert (drawn["share"].round(3) == 0.002).sum() == len(drawn) - 1 and "0.2 % of the cost" in told
    assert f"{100 * more['share']:.1f} % of what order is worth" in told
    of_pair, of_permuted = (more["unigram"] - more[["forward", "permuted"]]).astype(float)
    assert f"{of_permuted:.2f} nats a token, where they have {of_pair:.1f}" in told
    assert (drawn["permuted"] > 0.99 * drawn["unigram"]).all()
