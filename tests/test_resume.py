"""What is killed, told to stop, out of disk or damaged goes on as if nothing had happened: same bytes, same losses."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import SETTINGS, logged, of_kind, one_line, train, weights
from transformers import TrainerState

import aot.measure.scores
import compute_aot
import run_clm_reverse
import tokenize_lang
from aot.base.cli import command
from aot.base.files import read_json
from aot.base.folders import RESULTS, alone
from aot.measure import measuring
from aot.show import figures
from aot.tokens import first_reading, making
from aot.train import training
from aot.train.interruption import StopAtNonFiniteLoss
from aot.train.runs import MANIFEST, RECIPE, STATE, WINDOW_LOSSES, checkpoints, damage, last_checkpoint
from aot.train.trainer import ReverseTrainer

ROOT = Path(__file__).parent.parent


class Killed(BaseException):
    pass


def die(*_):
    raise Killed


def killed_at(step):
    """A run dies after the arithmetic of a step, before anything of it is logged, evaluated or saved."""
    end = StopAtNonFiniteLoss.on_step_end

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == step:
            raise Killed
        end(self, args, state, control, **kwargs)

    return StopAtNonFiniteLoss, "on_step_end", on_step_end


def when_in(owner, name, act, when=lambda *args: True):
    """Something happens when a function is called with certain arguments."""
    function = getattr(owner, name)

    def acts(*args, **kwargs):
        if when(*args):
            act()
        return function(*args, **kwargs)

    return owner, name, acts


def at_step(step):
    return lambda trainer, *_: trainer.state.global_step == step


DEATHS = {  # and the steps that are left, counted from the last checkpoint
    "before any checkpoint": (killed_at(3), 12),
    "before a checkpoint": (killed_at(4), 12),
    "right after a checkpoint": (killed_at(5), 8),
    "at the last step": (killed_at(12), 4),
    "while saving": (when_in(TrainerState, "save_to_json", die, lambda state, _: state.global_step == 8), 8),
    "evaluating": (when_in(ReverseTrainer, "exact_loss", die), 12),
    "before the final model": (when_in(ReverseTrainer, "save_state", die), 0),
    "before the card": (when_in(training, "share", die), 0),
    "before the results": (when_in(training, "write_json", die, lambda path, _: path.name == RESULTS), 0),
}


def same_run(run: Path, other: Path) -> None:
    assert weights(run) == weights(other)
    assert np.array_equal(np.load(run / WINDOW_LOSSES), np.load(other / WINDOW_LOSSES))
    for key in ("loss", "eval_loss", "grad_norm", "learning_rate"):
        assert logged(run, key) == logged(other, key)
    names = [{path.name for path in folder.iterdir() if path.is_file()} for folder in (run, other)]
    assert names[0] == names[1] >= {"README.md", ".gitignore", ".gitattributes"}
    results = [read_json(folder / RESULTS) for folder in (run, other)]
    assert results[0]["eval_loss"] == results[1]["eval_loss"] and results[0]["step"] == results[1]["step"] == 12


@contextmanager
def counted(owner, name):
    """The calls of a function."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*when_in(owner, name, lambda: calls.append(1)))
        yield calls


def killed_and_resumed(death, data, pair, flags=()):
    """Train forward, die, and train again, which repeats no step that was saved."""
    dies, repeated = DEATHS[death]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*dies)
        train(pair, data, "--direction", "forward", *flags)
    assert not (pair / "forward" / RESULTS).exists()
    with counted(ReverseTrainer, "training_step") as steps:
        train(pair, data, "--direction", "forward", *flags)
    assert len(steps) == repeated


@pytest.mark.parametrize("death", DEATHS)
def test_killed_and_resumed_is_never_killed(data, pair, tmp_path, death):
    killed_and_resumed(death, data, tmp_path / "pair")
    same_run(tmp_path / "pair" / "forward", pair / "forward")


def test_any_kind_of_model_is_resumed_alike(kind, pair_of_kind, data, tmp_path):
    killed_and_resumed("right after a checkpoint", data, tmp_path / "pair", of_kind(kind))
    same_run(tmp_path / "pair" / "forward", pair_of_kind / "forward")


def test_killed_before_its_recipe_was_written(data, tmp_path):
    (tmp_path / "forward").mkdir()
    (tmp_path / "forward" / f"{RECIPE}.partial").write_text('{\n  "direc')
    train(tmp_path, data, "--direction", "forward", "--max_steps", "1")
    assert read_json(tmp_path / "forward" / RESULTS)["step"] == 1


def test_killed_again_and_again_at_random(tmp_path):
    flags = ["--kills", "4", "--output", tmp_path / "soak.json"]
    done = subprocess.run([sys.executable, "-m", "tests.soak", *flags], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = read_json(tmp_path / "soak.json")
    assert report["identical"] and report["kills"] == sum(report["kills_by_stage"].values()) == 4
    assert {"runs/en/forward/model.safetensors", "data/en/train.bin", "scores/en/aot.json"} < {*report["compared"]}


@pytest.fixture(scope="module")
def stopped(data, tmp_path_factory):
    """Folder with a forward run that was killed at its last step; it has the checkpoints of steps 4 and 8."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*killed_at(12))
        train(folder, data, "--direction", "forward")
    assert [path.name for path in checkpoints(folder / "forward")] == ["checkpoint-8", "checkpoint-4"]
    return folder


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = [
    *((name, cut) for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", STATE, MANIFEST)),
    (WINDOW_LOSSES, cut),
    *((name, zero) for name in ("optimizer.pt", STATE, MANIFEST)),
    *((name, flip) for name in ("model.safetensors", "optimizer.pt", STATE)),
    *((name, Path.unlink) for name in ("rng_state.pth", MANIFEST)),
]


@pytest.mark.parametrize(("name", "spoil"), DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(data, pair, stopped, tmp_path, capsys, name, spoil):
    run = shutil.copytree(stopped, tmp_path / "run") / "forward"
    spoil(run / "checkpoint-8" / name)
    capsys.readouterr()
    with counted(ReverseTrainer, "training_step") as steps:
        train(run.parent, data, "--direction", "forward")
    problem = "its save was cut short" if name == MANIFEST else f"its {name} is damaged"
    assert f"checkpoint-8: {problem}; goes on from the one before\n" in capsys.readouterr().err and len(steps) == 8
    same_run(run, pair / "forward")
    assert [damage(path) for path in checkpoints(run)] == [None, None]


def test_all_checkpoints_are_damaged(data, pair, stopped, tmp_path):
    run = shutil.copytree(stopped, tmp_path / "run") / "forward"
    for checkpoint in checkpoints(run):
        cut(checkpoint / "optimizer.pt")
    assert last_checkpoint(run) is None and len(checkpoints(run)) == 2
    train(run.parent, data, "--direction", "forward")
    same_run(run, pair / "forward")


def sigterm():
    os.kill(os.getpid(), signal.SIGTERM)


SELDOM = ("--direction", "forward", "--logging_steps", "5", "--eval_steps", "3")  # neither when a checkpoint is saved


@pytest.fixture(scope="module")
def seldom(data, tmp_path_factory):
    """A finished forward run that logs and evaluates at other steps than it saves."""
    return train(tmp_path_factory.mktemp("seldom"), data, *SELDOM) / "forward"


SIGTERMS = {
    "in a step": (when_in(ReverseTrainer, "training_step", sigterm, at_step(6)), 7),
    "in the first step": (when_in(ReverseTrainer, "training_step", sigterm, at_step(0)), 1),
    "in an evaluation": (when_in(ReverseTrainer, "exact_loss", sigterm, at_step(3)), 3),
    "in a save": (when_in(TrainerState, "save_to_json", sigterm, lambda state, _: state.global_step == 8), 9),
    "in the last step": (when_in(ReverseTrainer, "training_step", sigterm, at_step(11)), 12),
}


@pytest.mark.parametrize("moment", SIGTERMS)
def test_sigterm_saves_and_exits(data, seldom, tmp_path, monkeypatch, capsys, moment):
    sends, step = SIGTERMS[moment]
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(*sends)
        train(tmp_path, data, *SELDOM)
    run = tmp_path / "forward"
    assert stopped.value.code == 143 and not (run / RESULTS).exists() and not (run / "model.safetensors").exists()
    assert f"forward: stopped by SIGTERM after step {step}, which is saved" in capsys.readouterr().err
    assert Path(last_checkpoint(run)).name == f"checkpoint-{step}" and signal.getsignal(signal.SIGTERM) == before
    with counted(ReverseTrainer, "training_step") as steps:
        train(tmp_path, data, *SELDOM)
    assert len(steps) == 12 - step
    same_run(run, seldom)


def test_sigterm_in_the_last_save_keeps_the_other_direction_from_beginning(data, pair, tmp_path, monkeypatch):
    def last_checkpoint_of_the_training(state, _):
        return state.global_step == 12 and signal.getsignal(signal.SIGTERM) != signal.SIG_DFL

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(*when_in(TrainerState, "save_to_json", sigterm, last_checkpoint_of_the_training))
        train(tmp_path, data)
    assert stopped.value.code == 143 and [path.name for path in tmp_path.iterdir()] == ["forward"]
    same_run(tmp_path / "forward", pair / "forward")
    same_run(train(tmp_path, data) / "backward", pair / "backward")


def test_two_processes_do_not_train_in_one_folder(data, stopped, tmp_path, monkeypatch):
    run = shutil.copytree(stopped, tmp_path / "run") / "forward"
    before = sorted(run.rglob("*"))
    with alone(run):
        (run / "checkpoint-8" / MANIFEST).rename(run / "manifest")  # as while it is written
        with pytest.raises(SystemExit, match="forward: another process is at work there") as refused:
            train(run.parent, data, "--direction", "forward")
        (run / "manifest").rename(run / "checkpoint-8" / MANIFEST)
    assert one_line(refused) and sorted(run.rglob("*")) == before


def test_a_run_goes_on_from_its_own_checkpoints_only(data, pair, second_pair, stopped, tmp_path):
    run = shutil.copytree(stopped, tmp_path / "run") / "forward"
    one = ["--direction", "forward", "--resume_from_checkpoint"]
    for flags, message in [
        (one[2:] + [run / "checkpoint-4"], "checkpoint-4: belongs to another run .*direction: forward / backward"),
        ([*one, run / "checkpoint-4", "--seed", "1"], "run: holds a run made with other settings|seed: 42 / 1"),
        ([*one, second_pair / "forward/checkpoint-8"], "checkpoint-8: belongs to another run .*seed: 1 / 42"),
    ]:
        with pytest.raises(SystemExit, match=message) as refused:
            train(run.parent, data, *flags)
        assert one_line(refused)
    with counted(ReverseTrainer, "training_step") as steps:
        train(run.parent, data, *one, run / "checkpoint-4")
    assert len(steps) == 8
    same_run(run, pair / "forward")
    spoiled = shutil.copytree(run / "checkpoint-8", tmp_path / "checkpoint-8")
    cut(spoiled / "optimizer.pt")
    with pytest.raises(SystemExit, match="its optimizer.pt is damaged; `auto` finds"):
        train(tmp_path / "new", data, *one, spoiled)


def test_a_loss_that_is_no_number_is_not_saved_by_sigterm(data, tmp_path, monkeypatch):
    monkeypatch.setattr(*when_in(ReverseTrainer, "training_step", sigterm, at_step(2)))
    flags = "--direction forward --learning_rate 1e30 --max_grad_norm 0 --logging_steps 12 --eval_strategy no".split()
    with pytest.raises(SystemExit, match="NaN or infinite at step 3. Last good checkpoint: none") as stopped:
        train(tmp_path, data, *flags)
    assert one_line(stopped) and not checkpoints(tmp_path / "forward")


def test_ctrl_c_is_one_line(data, pair, tmp_path):
    flags = ["--data", data, "--output_dir", tmp_path, "--direction", "forward", *SETTINGS, "--max_steps", "100000"]
    flags += ["--eval_strategy", "no", "--save_steps", "500"]  # of two checkpoints in one second transformers warns
    process = subprocess.Popen(
        [*map(str, [sys.executable, run_clm_reverse.__file__, *flags])],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not last_checkpoint(tmp_path / "forward"):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    errors = process.communicate()[1].decode()
    assert process.returncode == 130 and last_checkpoint(tmp_path / "forward")
    assert errors.splitlines()[-1] == "interrupted; the same command goes on from what it has saved, if anything"


def test_ctrl_c_ends_every_command_alike(capsys):
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        command(interrupted)
    assert stopped.value.code == 130 and "interrupted; " in capsys.readouterr().err
    for script in (tokenize_lang, run_clm_reverse, compute_aot):
        assert "\n    command(main)\n" in Path(script.__file__).read_text()


@pytest.fixture
def no_file_above(monkeypatch):
    """A function that lets no file grow above a size in bytes, as if the disk was full then."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def full(stopped, name):
    message = stopped.value.code
    assert one_line(stopped) and f"{name}: cannot be written (" in message and "MB are free there" in message
    return True


@pytest.mark.parametrize("too_large", ["model.safetensors", "optimizer.pt", STATE])
def test_a_full_disk_in_training(data, pair, tmp_path, monkeypatch, no_file_above, too_large):
    checkpoint = pair / "forward" / "checkpoint-8"
    limit = {"model.safetensors": 6_000, "optimizer.pt": (checkpoint / "model.safetensors").stat().st_size + 99}
    act = lambda: no_file_above(limit.get(too_large, 0))  # noqa: E731
    fills = {STATE: when_in(TrainerState, "save_to_json", act, lambda state, _: state.global_step == 8)}
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(*fills.get(too_large, when_in(ReverseTrainer, "training_step", act, at_step(5))))
        train(tmp_path, data, "--direction", "forward")
    assert full(stopped, "checkpoint-8") and Path(last_checkpoint(tmp_path / "forward")).name == "checkpoint-4"
    no_file_above(resource.RLIM_INFINITY)
    train(tmp_path, data, "--direction", "forward")
    same_run(tmp_path / "forward", pair / "forward")


def test_a_full_disk_after_training(data, pair, tmp_path, monkeypatch, no_file_above):
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(*when_in(ReverseTrainer, "save_state", lambda: no_file_above(100)))
        train(tmp_path, data, "--direction", "forward")
    assert full(stopped, "forward") and not (tmp_path / "forward" / RESULTS).exists()
    no_file_above(resource.RLIM_INFINITY)
    train(tmp_path, data, "--direction", "forward")
    same_run(tmp_path / "forward", pair / "forward")


@pytest.mark.parametrize("where", ["data/en", "data/en/train.bin", "survey.json", "meta.json"])
def test_a_full_disk_in_tokenizing(tmp_path, monkeypatch, no_file_above, where):
    monkeypatch.chdir(tmp_path)
    Path("en.txt").write_bytes((ROOT / "corpora/en.txt").read_bytes()[:200_000])
    flags = "--source en.txt --documents line --name en --vocab_size 300 --validation_fraction 0.1".split()
    tokenize_lang.main([*flags, "--output_dir", "whole"])
    name = where.replace("data/en", "data/en.partial/en")
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        if where.endswith(".json"):
            act = lambda: no_file_above(100)  # noqa: E731
            module = first_reading if where == "survey.json" else making
            patch.setattr(*when_in(module, "write_json", act, lambda path, _: path.name == where))
        else:
            no_file_above(1_000 if where == "data/en" else 70_000)
        tokenize_lang.main(flags)
    assert full(stopped, name) and not Path("data/en").exists()
    no_file_above(resource.RLIM_INFINITY)
    tokenize_lang.main(flags)
    for path in Path("whole/en").iterdir():
        assert path.read_bytes() == Path("data/en", path.name).read_bytes()
    assert [path.name for path in Path("data").iterdir()] == ["en"]


def compute(pair, data, folder):
    compute_aot.main(["--pair", str(pair), "--data", str(data), "--output_dir", str(folder), "--device", "cpu"])


@pytest.fixture(scope="module")
def scores(pair, data, tmp_path_factory):
    """The finished scores of the pair."""
    folder = tmp_path_factory.mktemp("scores") / "scores"
    compute(pair, data, folder)
    return folder


def same_scores(folder, other):
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in other.iterdir())
    losses = [np.load(each / "losses.npz") for each in (folder, other)]
    assert all(np.array_equal(losses[0][name], losses[1][name]) for name in losses[1])
    assert read_json(folder / "aot.json") == read_json(other / "aot.json")
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


INTERRUPTED = {  # and how many models are scored thereafter
    "in the first model": (when_in(aot.measure.scores, "score_model", die), 2),
    "in the second model": (
        when_in(aot.measure.scores, "score_model", die, lambda path, *_: path.endswith("backward")), 1
    ),
    "before the first model is done": (
        when_in(aot.measure.scores, "write_json", die, lambda path, _: path.name == "forward-0.json"), 2
    ),
    "before the second model is done": (
        when_in(aot.measure.scores, "write_json", die, lambda path, _: path.name == "backward-0.json"), 1
    ),
    "drawing": (when_in(figures, "plot_documents", die), 0),
    "before the report": (when_in(aot.measure.scores, "write_json", die, lambda path, _: path.name == "aot.json"), 0),
    "before the last rename": (when_in(Path, "rename", die, lambda _, to: to.name == "scores"), 0),
    "before the last removal": (when_in(measuring, "print_report", die), 0),
}  # fmt: skip


@pytest.mark.parametrize("moment", INTERRUPTED)
def test_scoring_goes_on_with_the_next_model(pair, data, scores, tmp_path, monkeypatch, moment):
    dies, left = INTERRUPTED[moment]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(*dies)
        compute(pair, data, tmp_path / "scores")
    with counted(aot.measure.scores, "score_model") as scored:
        compute(pair, data, tmp_path / "scores")
    assert len(scored) == left
    same_scores(tmp_path / "scores", scores)


@pytest.mark.parametrize("lost", ["forward.npy", "request.json"])
def test_scores_of_which_something_is_lost_are_made_again(pair, data, scores, tmp_path, monkeypatch, lost):
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(figures, "plot_documents", die)
        compute(pair, data, tmp_path / "scores")
    (tmp_path / "scores.partial" / lost).unlink()
    with counted(aot.measure.scores, "score_model") as scored:
        compute(pair, data, tmp_path / "scores")
    assert len(scored) == 2
    same_scores(tmp_path / "scores", scores)


@pytest.mark.parametrize(("size", "name", "left"), [(4_000, "forward.npy", 2), (12_000, "scores/by_position.png", 0)])
def test_a_full_disk_in_scoring(pair, data, scores, tmp_path, no_file_above, size, name, left):
    no_file_above(size)
    with pytest.raises(SystemExit) as stopped:
        compute(pair, data, tmp_path / "scores")
    assert full(stopped, name) and not (tmp_path / "scores").exists()
    no_file_above(resource.RLIM_INFINITY)
    with counted(aot.measure.scores, "score_model") as scored:
        compute(pair, data, tmp_path / "scores")
    assert len(scored) == left
    same_scores(tmp_path / "scores", scores)
