"""However it is launched, a pair is the same: one process, several, or DeepSpeed."""

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import SETTINGS, TINY, left_behind, logged, train, weights
from transformers import AutoModelForCausalLM

from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure.scoring import score
from aot.tokens.data_folder import open_stream
from aot.train.runs import RECIPE, STATE, WINDOW_LOSSES, checkpoints, last_checkpoint

ROOT = Path(__file__).parent.parent
STILL = ["--config_overrides", f"{TINY},resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"]
DEEPSPEED = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None or shutil.which("c++") is None,
    reason="DeepSpeed is not installed, or has no compiler for its communication on CPUs",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def command(config: str, processes: int, output: Path, data: Path, *flags, port: int = 0) -> list[str]:
    """A launch as a user types it, of 8 windows a step whatever the number of processes."""
    launcher = ["accelerate", "launch", "--config_file", f"accelerate_configs/{config}.yaml"]
    launcher += ["--num_processes", processes, "--main_process_port", port or free_port()]
    script = ["tests/fsdp_on_cpu.py" if config == "fsdp" else "run_clm_reverse.py"]
    script += ["--data", data, "--output_dir", output, *SETTINGS, *STILL]
    return [*map(str, launcher + script), "--per_device_train_batch_size", str(8 // processes), *flags]


def on_cpus() -> dict[str, str]:
    """The environment of a launch."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"OMP_NUM_THREADS": "1", "PATH": path, "DS_ACCELERATOR": "cpu", "ACCELERATE_TORCH_DEVICE": "cpu"}
    return os.environ | own


def launch(command: list[str]) -> subprocess.Popen:
    """Start a command on CPUs."""
    kept = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=on_cpus(), **kept)


def output_of(launcher: subprocess.Popen) -> tuple[str, str]:
    """What a launch prints; it is stopped, with the processes that it has started, if it does not come to an end."""
    try:
        return launcher.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        launcher.terminate()
        out, err = launcher.communicate(timeout=30)
        return out, f"{err}\nstill running after three minutes"


def run(*commands: list[str]) -> list[tuple[str, str]]:
    """Output and errors of commands that run together, on CPUs; all of them have to succeed."""
    launchers = [*map(launch, commands)]
    with ThreadPoolExecutor(len(commands)) as together:
        printed = list(together.map(output_of, launchers))
    failed = any(launcher.returncode for launcher in launchers)
    assert not failed, "\n".join(out[-1000:] + err[-3000:] for out, err in printed)
    return printed


def assert_same(pair: Path, alone: Path, data: Path, processes: int, wrapper: str, rounding: float = 1e-5) -> None:
    """Same start, windows and losses; and checkpoints in float32 that a plain from_pretrained scores alike."""
    ids = open_stream(data, "validation")
    for direction in ("forward", "backward"):
        results = read_json(pair / direction / RESULTS)
        assert (results["processes"], results["wrapper"]) == (processes, wrapper)
        assert read_json(pair / direction / RECIPE) == read_json(alone / direction / RECIPE)
        for key in ("loss", "eval_loss"):
            assert logged(pair / direction, key) == pytest.approx(logged(alone / direction, key), rel=rounding)
        rows, expected = (np.load(path / direction / WINDOW_LOSSES) for path in (pair, alone))
        assert np.array_equal(rows[["step", "window"]], expected[["step", "window"]])
        np.testing.assert_allclose(rows["loss"], expected["loss"], rtol=10 * rounding)
        models = [AutoModelForCausalLM.from_pretrained(path / direction) for path in (pair, alone)]
        assert {model.dtype for model in models} == {torch.float32}
        scores = [score(model.eval(), ids, direction, 8) for model in models]
        np.testing.assert_allclose(*scores, atol=10 * rounding)


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory) -> Path:
    """The pair trained by one process, without a launcher."""
    return train(tmp_path_factory.mktemp("alone") / "pair", data, *STILL)


@pytest.mark.parametrize(
    ("config", "processes", "wrapper"),
    [
        ("cpu", 1, "GPT2LMHeadModel"),
        ("fsdp", 2, "FSDPGPT2LMHeadModel"),
        pytest.param("zero1", 2, "DeepSpeedEngine", marks=[DEEPSPEED, pytest.mark.slow]),
        pytest.param("zero2", 2, "DeepSpeedEngine", marks=[DEEPSPEED, pytest.mark.slow]),
        pytest.param("zero3", 2, "DeepSpeedEngine", marks=[DEEPSPEED, pytest.mark.slow]),
    ],
)
def test_every_launcher_trains_the_same_pair(config, processes, wrapper, alone, data, tmp_path):
    ((out, _),) = run(command(config, processes, tmp_path / "pair", data))
    assert out.count("nats per held-out token") == 1
    assert_same(tmp_path / "pair", alone, data, processes, wrapper)


def test_a_pair_of_two_processes_goes_on_as_one_of_two_machines(alone, data, tmp_path):
    pair = tmp_path / "pair"
    run(command("ddp", 2, pair, data))
    assert_same(pair, alone, data, 2, "DistributedDataParallel")
    whole = weights(pair / "backward")
    for name in (RESULTS, STATE, "model.safetensors"):
        (pair / "backward" / name).unlink()
    shutil.rmtree(pair / "backward" / "checkpoint-12")
    port, machines = free_port(), []
    for rank in ("0", "1"):
        machines.append(command("multi_node", 2, pair, data, port=port))
        machines[-1][2:2] = ["--machine_rank", rank, "--main_process_ip", "localhost"]
    out = "".join(out for out, _ in run(*machines))
    assert out.count("finished before") == out.count("nats per held-out token") == 1
    assert weights(pair / "backward") == whole
    assert_same(pair, alone, data, 2, "DistributedDataParallel")


@pytest.mark.parametrize("config", ["ddp", pytest.param("zero3", marks=[DEEPSPEED, pytest.mark.slow])])
def test_the_second_of_two_seeds_is_the_one_trained_alone(config, alone, data, tmp_path):
    ((out, _),) = run(command(config, 2, tmp_path / "pair", data, "--seeds", "1", "42"))
    assert out.count("nats per held-out token") == 2
    wrapper = "DistributedDataParallel" if config == "ddp" else "DeepSpeedEngine"
    assert_same(tmp_path / "pair-seed42", alone, data, 2, wrapper)


def workers(launcher: subprocess.Popen) -> list[int]:
    """The processes that a launcher has started."""
    return [*map(int, Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split())]


def test_muon_trains_the_same_with_two_processes(data, tmp_path):
    flags = ["--optim", "muon", "--direction", "forward"]
    run(command("ddp", 2, tmp_path / "ddp", data, *flags))
    train(tmp_path / "alone", data, *STILL, *flags)
    ddp, alone = (tmp_path / name / "forward" for name in ("ddp", "alone"))
    assert read_json(ddp / RESULTS)["wrapper"] == "DistributedDataParallel"
    assert read_json(ddp / RECIPE) == read_json(alone / RECIPE)
    # it orthogonalizes in bfloat16, so that rounding is larger
    assert logged(ddp, "loss") == pytest.approx(logged(alone, "loss"), rel=1e-3)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_one_of_two_processes_told_to_stop_stops_both(data, tmp_path):
    flags = ["--direction", "forward", "--save_strategy", "no", "--eval_strategy", "no", "--max_steps", "100000"]
    ddp = command("ddp", 2, tmp_path / "pair", data, *flags, "--logging_steps", "1")
    launcher, folder = launch(ddp), tmp_path / "pair" / "forward"
    while (line := launcher.stdout.readline()) and "in training" not in line:  # however slow the machine
        pass
    assert line, launcher.stderr.read()
    os.kill(workers(launcher)[1], signal.SIGTERM)
    _, err = output_of(launcher)
    step = int(re.search(r"forward: stopped by SIGTERM after step (\d+), which is saved", err)[1])
    assert [path.name for path in checkpoints(folder)] == [f"checkpoint-{step}"] and step < 100_000
    assert last_checkpoint(folder) and not (folder / RESULTS).exists()


@DEEPSPEED
@pytest.mark.parametrize("config", ["zero1", pytest.param("zero3", marks=pytest.mark.slow)])
def test_deepspeed_computes_in_bfloat16_and_keeps_float32(config, alone, data, tmp_path):
    reference = train(tmp_path / "reference", data, *STILL, "--bf16", "true")
    assert logged(reference / "forward", "loss") != pytest.approx(logged(alone / "forward", "loss"), rel=1e-5)
    lock = left_behind(Path(os.environ["TORCH_EXTENSIONS_DIR"]))
    ((_, err),) = run(command(config, 1, tmp_path / "pair", data, "--bf16", "true"))
    assert f"{lock}: removed" in err and not lock.exists()
    # the last bit of a weight, where the two round otherwise, can become that of its bfloat16
    assert_same(tmp_path / "pair", reference, data, 1, "DeepSpeedEngine", rounding=1e-3)
    begin, expected = (list(logged(each / "forward", "loss").values())[:6] for each in (tmp_path / "pair", reference))
    assert begin == pytest.approx(expected, rel=1e-5)
