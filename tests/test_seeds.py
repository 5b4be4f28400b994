"""Several seeds in one command are the runs of as many commands, and stop, go on and are published like them."""

import shlex
import shutil
import signal
from pathlib import Path

import pytest
from conftest import one_line, train, weights
from test_parallel import saved_once, start

import run_clm_reverse
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.tokens.windows import DIRECTIONS
from aot.train import commands
from aot.train.runs import RECIPE, last_checkpoint

SEEDS = ("--seeds", "42", "1")  # of `pair` and of `second_pair`


@pytest.fixture(scope="module")
def both(data, tmp_path_factory) -> Path:
    """The --output_dir of a command that has trained two seeds."""
    return train(tmp_path_factory.mktemp("seeds") / "run", data, *SEEDS)


def of(output_dir: Path, seed: int) -> Path:
    return output_dir.with_name(f"{output_dir.name}-seed{seed}")


def same_pair(pair: Path, other: Path) -> None:
    for direction in DIRECTIONS:
        assert weights(pair / direction) == weights(other / direction)
        assert read_json(pair / direction / RECIPE) == read_json(other / direction / RECIPE)


def test_two_seeds_are_two_commands(both, pair, second_pair):
    assert [path.name for path in sorted(both.parent.iterdir())] == ["run-seed1", "run-seed42"]
    same_pair(of(both, 42), pair)
    same_pair(of(both, 1), second_pair)


def test_the_same_again_finds_all_finished_and_says_how_to_measure_them(both, data, capsys):
    before = {path: path.stat().st_mtime_ns for path in both.parent.rglob("*")}
    train(both, data, *SEEDS)
    out, folders = capsys.readouterr().out, [of(both, 42), of(both, 1)]
    assert out.count("finished before") == 4 and before == {path: path.stat().st_mtime_ns for path in before}
    for folder in folders:
        forward, backward = (read_json(folder / direction / RESULTS)["eval_loss"] for direction in DIRECTIONS)
        assert f"{folder}: forward {forward:.4f}, backward {backward:.4f} nats per held-out token, ∂ = " in out
    assert out.splitlines()[-1] == f"    python compute_aot.py --pair {folders[0]} {folders[1]} --data {data}"


def test_the_written_command_makes_that_one_run(both, capsys):
    for seed in (42, 1):
        command = shlex.split(read_json(of(both, seed) / "forward" / RESULTS)["command"])
        assert command[:2] == ["python", "run_clm_reverse.py"] and "--seeds" not in command
        assert command[-4:] == ["--seed", f"{seed}", "--output_dir", str(of(both, seed))]
        run_clm_reverse.main(command[2:])
        out = capsys.readouterr().out
        assert out.count(f"{of(both, seed)}/") == out.count("finished before") == 2


def test_a_single_pair_is_measured_as_before(data, pair, capsys):
    train(pair, data)
    *_, meaning, _, command = capsys.readouterr().out.splitlines()
    assert meaning.startswith("One pair describes two models") and "%" not in meaning
    assert command == f"    python compute_aot.py --pair {pair} --data {data}"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--seeds 1 2 --seed 1", "give one of --seed and --seeds"),
        ("--seed=42 --seeds 1 2", "give one of --seed and --seeds"),
        ("--seeds 1 2 1", "--seeds 1 2 1: give each of them once"),
        ("--seeds 1 -2", "--seed -2: must be from 0 to 4294967295"),
        ("--seeds 1 4294967296", "--seed 4294967296: must be from 0"),
        ("--seed -1", "--seed -1: must be from 0"),
        ("--seeds 1 two", "--seeds.*'two'"),
        ("--seeds", "--seeds: expected at least one argument"),
        ("--seeds 1 2 --resume_from_checkpoint PAIR/forward/checkpoint-8", "checkpoint-8: is of one run, .*--seed;"),
        ("--seeds 1 2 --data_seed 7", "--data_seed: would give all of --seeds one order of windows"),
        ("--seeds 1 2 --push_to_hub --hub_model_id nobody", "--hub_model_id nobody-seed1: must be USER/NAME"),
    ],
)
def test_what_does_not_go_with_several_is_one_line(data, pair, tmp_path, flags, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        train(tmp_path / "run", data, *flags.replace("PAIR", str(pair)).split())
    assert one_line(stopped) and not any(tmp_path.iterdir())


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_what_would_stop_the_second_seed_stops_before_the_first(data, pair, tmp_path, direction):
    shutil.copytree(pair / direction, of(tmp_path / "run", 1) / direction)
    with pytest.raises(SystemExit, match=f"{direction}: holds a run made with .*seed: 42 / 1") as stopped:
        train(tmp_path / "run", data, *SEEDS)
    assert one_line(stopped) and [path.name for path in tmp_path.iterdir()] == ["run-seed1"]


def test_one_direction_of_several_seeds(data, pair, second_pair, tmp_path, capsys):
    run = train(tmp_path / "run", data, "--direction", "forward", *SEEDS)
    out = capsys.readouterr().out
    assert out.count("nats per held-out token\n") == 2 and "∂" not in out
    assert all(not (of(run, seed) / "backward").exists() for seed in (42, 1))
    for seed, alone in ((42, pair), (1, second_pair)):
        assert weights(of(run, seed) / "forward") == weights(alone / "forward")


def test_a_file_of_flags_may_have_several(tmp_path):
    recipe = tmp_path / "run.yaml"
    recipe.write_text("data: data/en\nsize: micro\nseeds: [1, 2, 3]")
    parsed = [args for _, _, args in commands.commands("", [str(recipe)])]
    expected = [(seed, f"runs/en-micro-T256-seed{seed}") for seed in (1, 2, 3)]
    assert [(args.seed, args.output_dir) for args in parsed] == expected


@pytest.mark.parametrize("spelled", ["--output_dir runs/x/", "--output-dir=runs/x"])
def test_the_names_of_each(spelled):
    flags = f"--data d {spelled} --seeds 3 4 --hub-model-id ann/x --hub_token secret --size micro --run_name a".split()
    for seed, command in zip((3, 4), commands.each_seed(flags), strict=True):
        own = f"--seed {seed} --output_dir runs/x-seed{seed} --hub_model_id ann/x-seed{seed} --run_name a-seed{seed}"
        assert command == f"--data d --hub_token secret --size micro {own}".split()


@pytest.mark.slow  # each of seeds, directions at once and stopping has tests of its own
def test_both_directions_at_once_told_to_stop_and_started_again(data, pair, second_pair, tmp_path):
    process = start(tmp_path / "run", data, *SEEDS)
    saved_once(process, of(tmp_path / "run", 42))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143 and not of(tmp_path / "run", 1).exists()
    assert all(last_checkpoint(of(tmp_path / "run", 42) / direction) for direction in DIRECTIONS)
    process = start(tmp_path / "run", data, *SEEDS)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and out.count("nats per held-out token") == 2, err[-2000:]
    same_pair(of(tmp_path / "run", 42), pair)
    same_pair(of(tmp_path / "run", 1), second_pair)
