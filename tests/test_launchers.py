"""However it is launched, a pair is the same: one process, several, or DeepSpeed."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import SETTINGS, logged, train

from aot.data import open_stream
from aot.models import load_model
from aot.runs import RECIPE, RESULTS, read_json
from aot.scoring import score

ROOT = Path(__file__).parent.parent
NO_DROPOUT = "n_layer=1,n_head=2,n_embd=16,initializer_range=0.3,resid_pdrop=0,embd_pdrop=0,attn_pdrop=0"
DEEPSPEED = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None or shutil.which("c++") is None,
    reason="DeepSpeed is not installed, or has no compiler for its communication on CPUs",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def launch(config: str, processes: int, output: Path, data: Path) -> Path:
    """A pair trained as a user launches it, on CPUs, with 8 windows a step whatever the number of processes."""
    command = ["accelerate", "launch", "--config_file", f"accelerate_configs/{config}.yaml"]
    command += ["--num_processes", processes, "--main_process_port", free_port(), "run_clm_reverse.py"]
    flags = ["--data", data, "--output_dir", output, *SETTINGS, "--config_overrides", NO_DROPOUT]
    flags += ["--per_device_train_batch_size", 8 // processes]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu", "PATH": path}
    done = subprocess.run([*map(str, command + flags)], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return output


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory) -> Path:
    """The pair trained by one process, without a launcher."""
    return train(tmp_path_factory.mktemp("alone") / "pair", data, "--config_overrides", NO_DROPOUT)


@pytest.mark.parametrize(
    ("config", "processes", "wrapper"),
    [
        ("cpu", 1, "GPT2LMHeadModel"),
        ("ddp", 2, "DistributedDataParallel"),
        pytest.param("zero1", 2, "DeepSpeedEngine", marks=DEEPSPEED),
        pytest.param("zero2", 2, "DeepSpeedEngine", marks=DEEPSPEED),
        pytest.param("zero3", 2, "DeepSpeedEngine", marks=DEEPSPEED),
        pytest.param("zero3", 1, "DeepSpeedEngine", marks=DEEPSPEED),
    ],
)
def test_every_launcher_trains_the_same_pair(config, processes, wrapper, alone, data, tmp_path):
    pair = launch(config, processes, tmp_path / "pair", data)
    ids = open_stream(data, "validation")
    for direction in ("forward", "backward"):
        results = read_json(pair / direction / RESULTS)
        assert (results["processes"], results["wrapper"]) == (processes, wrapper)
        assert read_json(pair / direction / RECIPE) == read_json(alone / direction / RECIPE)
        for key in ("loss", "eval_loss"):
            reference = logged(alone / direction, key)
            assert logged(pair / direction, key) == pytest.approx(reference, rel=1e-5)
        scores = [score(load_model(str(run / direction)), ids, direction, 8) for run in (pair, alone)]
        np.testing.assert_allclose(*scores, atol=1e-4)
