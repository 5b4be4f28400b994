"""What people see: with a terminal of 80 columns, without one, and on trackers."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import types
from pathlib import Path

import pytest
import torch
from conftest import SETTINGS, train

from aot.base import messages, places, progress
from aot.base.files import read_json
from aot.base.progress import Bar, say
from aot.quick import printing
from aot.train import arguments, trackers
from aot.train import progress as training_progress
from aot.train.trackers import check_trackers, end_runs, name_run

ROOT = Path(__file__).parent.parent
WITHOUT_BARS = [*SETTINGS[: SETTINGS.index("--disable_tqdm")]]
LINE = r"(forward|backward) +step +\d+/12  held out \d+\.\d{4}(  ∂ [+-]\d\.\d{3}%)?  in training \d+\.\d{4}"


def command(data, output_dir, *flags: str) -> list[str]:
    """Training with bars, which says at the end whether DeepSpeed was imported."""
    code = "import sys, run_clm_reverse; run_clm_reverse.main(); print('deepspeed' in sys.modules)"
    return [sys.executable, "-c", code, "--data", str(data), "--output_dir", str(output_dir), *WITHOUT_BARS, *flags]


def test_training_without_a_terminal_prints_whole_lines(data, tmp_path):
    done = subprocess.run(command(data, tmp_path / "pair"), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert "\r" not in done.stdout and lines[0] == str(tmp_path / "pair")
    assert [line.split()[0] for line in lines[1:6]] == ["model", "data", "steps", "device", "seed"]
    runs = [re.fullmatch(LINE, line) for line in lines[6:12]]
    assert [run and (run[1], bool(run[2])) for run in runs] == [("forward", False)] * 3 + [("backward", True)] * 3
    assert lines[-2:] == [f"    python compute_aot.py --pair {tmp_path / 'pair'} --data {data}", "False"]


def test_at_80_columns_no_bar_is_broken(data, tmp_path):
    terminal, its_end = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), its_end)
    process = subprocess.Popen(command(data, tmp_path / "pair", "--direction", "forward"), cwd=ROOT, **streams)
    os.close(its_end)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 2**16)
        except OSError:  # which is the end of a terminal
            break
    os.close(terminal)
    assert process.wait() == 0, shown
    bars = [piece for piece in re.split(r"[\r\n]|\x1b\[[A-Z]", shown.decode()) if "/12 [" in piece]
    assert bars and max(map(len, bars)) <= 80
    lines = re.findall(r"\r\x1b\[K(forward .*)\r\n", shown.decode())  # each takes the place of what stood there
    assert len(lines) == 3 and all(re.fullmatch(LINE, line) for line in lines)


@pytest.mark.parametrize("columns", [80, 200])
def test_the_table_of_the_quick_learner_fits_a_terminal(monkeypatch, capsys, columns):
    report = read_json(ROOT / "results/demo_en.json")
    printing.print_profile(report)
    wide = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    printing.print_profile(report)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= columns and max(map(len, wide.splitlines())) > 120
    labels = ["context", *(row["learner"] for row in report["profile"])] if columns == 80 else []
    assert sorted(shown.split()) == sorted([*wide.split(), *labels])  # nothing is left out


def test_what_goes_on_says_so_and_nothing_false(data, tmp_path, capsys):
    pair = train(tmp_path / "pair", data, "--direction", "forward", "--eval_steps", "0.3", "--save_steps", "0.3")
    for path in (pair / "forward").glob("results.json"):
        path.unlink()
    capsys.readouterr()
    train(pair, data, "--direction", "forward", "--eval_steps", "0.3", "--save_steps", "0.3")
    printed = capsys.readouterr()
    assert "forward   goes on after step 12\n" in printed.out and printed.err == ""


def test_a_terminal_without_bars_has_the_lines(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    train(tmp_path / "pair", data, "--direction", "forward", "--disable_tqdm", "true", "--logging_steps", "100")
    printed = capsys.readouterr()
    assert printed.out.count("forward   step") == 3 and "step/s" not in printed.err


def test_a_bar_without_a_terminal_is_a_line_now_and_then(monkeypatch, capsys):
    assert not sys.stderr.isatty()
    with Bar(total=2, desc="short") as bar:
        bar.update(2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "SECONDS", 0)
    with Bar(total=2_000_000, desc="read", unit="B", unit_scale=True) as bar:
        bar.update(1_000_000)
        say("in between")
    printed = capsys.readouterr()
    assert re.search(r"\nread: 50%, 1\.00M of 2\.00M, 00:00 gone, 00:00 left, \S+B/s\n$", printed.err), printed.err
    assert "\r" not in printed.err and printed.out == "in between\n"


def test_a_cpu_that_would_take_days_says_so(monkeypatch, capsys):
    monkeypatch.setattr(training_progress, "matmul_flops", lambda device: 1e10)
    before = torch.random.get_rng_state()
    training_progress.warn_of_days(1e16, torch.device("cpu"))
    assert "on this CPU a direction takes 11.6 days or more" in capsys.readouterr().err
    training_progress.warn_of_days(1e16, torch.device("cuda"))
    monkeypatch.delattr(training_progress, "matmul_flops")  # small models are not kept waiting for it
    training_progress.warn_of_days(1e14, torch.device("cpu"))
    assert capsys.readouterr().err == "" and torch.equal(before, torch.random.get_rng_state())


def test_a_tracker_that_is_not_there_is_said_before_training(data, tmp_path, monkeypatch):
    from transformers.integrations import integration_utils

    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: [])
    for name, says in (("wandb", "is not installed here"), ("wadb", "must be none, .* wandb")):
        with pytest.raises(SystemExit, match=f"--report_to {name}: {says}"):
            train(tmp_path / "pair", data, "--report_to", name)
    assert not (tmp_path / "pair").exists()
    check_trackers([])


def test_each_direction_is_a_run_of_its_own_for_a_tracker(tmp_path, monkeypatch):
    calls = []
    wandb = types.SimpleNamespace(init=lambda **how: calls.append(how), finish=lambda: calls.append("end"))
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    for variable in (*trackers.PROJECT_VARIABLES, "WANDB_RUN_GROUP"):
        monkeypatch.delenv(variable, raising=False)
    for number, named in enumerate([None, None, "mine"]):
        args = arguments.ReverseTrainingArguments(output_dir=str(tmp_path), run_name=named)
        args.report_to = ["wandb"]
        name_run(args, tmp_path / f"pair-seed{number}" / "backward")
        end_runs(args.report_to)
    names = [("pair-seed0-backward", "pair-seed0"), ("pair-seed1-backward", "pair-seed1"), ("mine-backward", "mine")]
    runs = [{"project": "arrow-of-time", "name": name, "group": group} for name, group in names]
    assert calls == [runs[0], "end", runs[1], "end", runs[2], "end"] and args.project == "arrow-of-time"


def test_commands_are_as_they_are_called_here(monkeypatch, capsys):
    text = "python compute_aot.py --pair A; accelerate launch --num_processes 2 run_clm_reverse.py; python bench.py"
    assert places.as_called_here(text) == text
    monkeypatch.setattr(places, "INSTALLED", True)
    messages.then("Next", text)
    assert capsys.readouterr().out == (
        "Next:\n    aot measure --pair A; accelerate launch --num_processes 2 $(aot path train); python bench.py\n"
    )
