"""Both directions at once are the pair that one after the other gives, and stop together."""

import functools
import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import SETTINGS, logged, one_line, train
from test_resume import same_run
from transformers import TrainingArguments

import run_clm_reverse
from aot.base.collector import AS_USUAL
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.tokens.windows import DIRECTIONS
from aot.train import parallel
from aot.train.commands import parse
from aot.train.runs import RECIPE, checkpoints, last_checkpoint
from aot.train.trainer import ReverseTrainer
from aot.train.training import train_apart

AT_ONCE = "--parallel_directions"


def start(output_dir: Path, data: Path, *flags: str) -> subprocess.Popen:
    """The command, each direction with one thread as the tests have it."""
    flags = ["--data", data, "--output_dir", output_dir, *SETTINGS, AT_ONCE, *flags]
    command = [*map(str, [sys.executable, run_clm_reverse.__file__, *flags])]
    one_thread, kept = os.environ | {"OMP_NUM_THREADS": "1"}, {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=output_dir.parent, env=one_thread, text=True, **kept)


def children(process: subprocess.Popen) -> set[str]:
    return set(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())


def gone(pids: set[str]) -> bool:
    """Whether processes end within half a minute; a zombie has ended."""
    for _ in range(300):
        states = [Path(f"/proc/{pid}/stat") for pid in pids]
        if not any(path.exists() and path.read_text().rpartition(") ")[2][0] != "Z" for path in states):
            return True
        time.sleep(0.1)
    return False


def saved_once(process: subprocess.Popen, pair: Path) -> None:
    """Wait until both directions have a checkpoint."""
    while not all(last_checkpoint(pair / direction) for direction in DIRECTIONS):
        assert process.poll() is None, process.stderr.read()[-2000:]
        time.sleep(0.05)


def test_at_once_is_one_after_the_other(data, pair, tmp_path):
    process = start(tmp_path / "pair", data)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err[-2000:]
    assert out.count("nats per held-out token") == 1 and "∂ = " in out
    for direction in DIRECTIONS:
        one, other = (folder / direction for folder in (tmp_path / "pair", pair))
        same_run(one, other)
        assert read_json(one / RECIPE) == read_json(other / RECIPE)
        assert logged(one, "eval_aot") == logged(other, "eval_aot")
    assert set(logged(pair / "backward", "eval_aot")) == {4, 8, 12} and not logged(pair / "forward", "eval_aot")


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_starts_both_ends_both(data, pair, tmp_path, number):
    long = ["--max_steps", "100000", "--eval_strategy", "no", "--save_steps", "20"]
    process = start(tmp_path / "pair", data, *long)
    try:
        saved_once(process, tmp_path / "pair")
        pids = children(process)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (143 if number == signal.SIGTERM else -signal.SIGKILL)
        assert len(pids) >= len(DIRECTIONS) and gone(pids)
        assert "Traceback" not in err
        for direction in DIRECTIONS:
            run = tmp_path / "pair" / direction
            assert f"{direction}: stopped by SIGTERM" in err or number == signal.SIGKILL
            assert last_checkpoint(run) == str(checkpoints(run)[0]) and not (run / RESULTS).exists()
    finally:
        process.kill()


def fails_backward(direction):
    if direction == "backward":
        raise SystemExit("backward: no such thing")
    time.sleep(600)


def test_what_fails_ends_the_other(capfd):
    with pytest.raises(SystemExit) as stopped:
        parallel.at_once(fails_backward)
    assert stopped.value.code == 1 and capfd.readouterr().err.count("backward: no such thing") == 1


def test_told_while_a_direction_starts(monkeypatch):
    """SIGTERM comes when forward has started and is not yet known to have."""
    environment = parallel.environment_of

    @contextmanager
    def told(number):
        with environment(number):
            yield
        if number == 0:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(parallel, "environment_of", told)
    with pytest.raises(SystemExit) as stopped:
        parallel.at_once(time_passes)
    assert stopped.value.code == 143


def tells_who_started_it(direction):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if direction == "backward":
        os.kill(os.getppid(), signal.SIGTERM)


def test_told_when_both_have_come_to_their_end():
    """As when SIGTERM comes after the last step, too late for them: nothing that follows may begin."""
    with pytest.raises(SystemExit) as stopped:
        parallel.at_once(tells_who_started_it)
    assert stopped.value.code == 143


def is_frozen(direction):
    raise SystemExit(gc.get_freeze_count() == 0 or gc.get_threshold() != AS_USUAL)


def test_the_collector_leaves_alone_what_each_has_imported():
    parallel.at_once(is_frozen)


def time_passes(direction):
    time.sleep(600)


def fails_backward_some_time_after_its_files_are_closed(direction):
    if direction == "backward":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # with its files it loses sight of the process that started it
        os.closerange(3, 256)
        time.sleep(0.5)
        os._exit(3)
    time.sleep(600)


def test_what_ends_slowly_ends_the_other():
    """The files of a process close before it has ended, and so before its status is known."""
    with pytest.raises(SystemExit) as stopped:
        parallel.at_once(fails_backward_some_time_after_its_files_are_closed)
    assert stopped.value.code == 3


def test_backward_told_to_stop_at_its_end_does_not_wait(data, tmp_path, monkeypatch):
    """As when forward fails while backward saves its last step."""
    save = ReverseTrainer._save_checkpoint

    def told(self, *args, **kwargs):
        save(self, *args, **kwargs)
        if self.state.global_step == self.state.max_steps:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ReverseTrainer, "_save_checkpoint", told)
    argv = [*map(str, ["--data", data, "--output_dir", tmp_path, *SETTINGS, AT_ONCE])]
    with pytest.raises(SystemExit) as stopped:
        train_apart("backward", argv, "")
    assert stopped.value.code == 143 and not (tmp_path / "backward" / RESULTS).exists()


def test_what_stopped_at_once_goes_on_one_after_the_other(data, pair, tmp_path):
    process = start(tmp_path / "pair", data)
    saved_once(process, tmp_path / "pair")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    train(tmp_path / "pair", data)
    for direction in DIRECTIONS:
        same_run(tmp_path / "pair" / direction, pair / direction)
        assert logged(tmp_path / "pair" / direction, "eval_aot") == logged(pair / direction, "eval_aot")


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_it_takes_both(data, tmp_path, direction):
    with pytest.raises(SystemExit, match="--parallel_directions .* goes with --direction both") as stopped:
        train(tmp_path / "run", data, "--direction", direction, AT_ONCE)
    assert one_line(stopped) and not (tmp_path / "run").exists()


def test_of_several_gpus_a_direction_has_one(data, tmp_path, monkeypatch):
    """The recipe is that of the processes of both directions, each of which sees a single GPU."""
    setup = vars(TrainingArguments)["_setup_devices"].func

    def with_two_gpus(self):
        device = setup(self)
        self._n_gpu = 2
        return device

    patched = functools.cached_property(with_two_gpus)
    patched.__set_name__(TrainingArguments, "_setup_devices")
    monkeypatch.setattr(TrainingArguments, "_setup_devices", patched)
    flags = ["--data", str(data), "--output_dir", str(tmp_path), *SETTINGS]
    assert parse(flags)[1].train_batch_size == 16
    assert parse([*flags, AT_ONCE])[1].train_batch_size == 8


@pytest.mark.slow
def test_its_data_loaders_may_have_processes(data, pair, tmp_path):
    process = start(tmp_path / "pair", data, "--dataloader_num_workers", "1", "--max_steps", "4")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err[-2000:]
    assert logged(tmp_path / "pair" / "forward", "loss")[1] == logged(pair / "forward", "loss")[1]


def test_each_process_has_its_share(monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: 7)
    monkeypatch.setattr(parallel.torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,1,2")
    before = dict(os.environ)
    seen = []
    for number in (0, 1):
        with parallel.environment_of(number):
            seen.append([os.environ[name] for name in ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "TQDM_POSITION")])
    assert seen == [["3", "5", "0"], ["3", "1", "1"]] and os.environ == before
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    with parallel.environment_of(1):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["CUDA_VISIBLE_DEVICES"]) == ("6", "1")
    monkeypatch.setattr(parallel.torch.cuda, "device_count", lambda: 1)
    with parallel.environment_of(1):
        assert "CUDA_VISIBLE_DEVICES" not in os.environ  # both on the one that is there
