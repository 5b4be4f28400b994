"""Both directions in the lm-evaluation-harness: its numbers are those of our own scoring, and what it must not ask."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line
from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from transformers import AutoTokenizer

import aot.measure.harness  # noqa: F401  registers hf-backward
from aot.measure.scoring import score
from aot.tokens.windows import DIRECTIONS
from aot.train.models import load_model

ROOT = Path(__file__).parent.parent
MODELS = {"forward": "hf", "backward": "hf-backward"}
SHORT = ["0110:01", "1", "1110:111", "0001:0"]  # no longer than the context, which is 8 tokens
LONG = ["0110:0110 0001:0101", "1110:1110", "0001:0101 1110:1110 0001"]

TASKS = {
    "texts": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": name} for name in ("word_perplexity", "byte_perplexity", "bits_per_byte")],
    },
    "whole": {
        "output_type": "multiple_choice",
        "doc_to_text": "",
        "doc_to_target": 0,
        "doc_to_choice": "{{[text, text[::-1]]}}",
        "target_delimiter": "",
        "metric_list": [{"metric": "acc"}],
    },
    "continued": {
        "output_type": "multiple_choice",
        "doc_to_text": "{{text}}:",
        "doc_to_target": 0,
        "doc_to_choice": "{{[text, text[::-1]]}}",
        "metric_list": [{"metric": "acc"}],
    },
    "written": {
        "output_type": "generate_until",
        "doc_to_text": "{{text}}:",
        "doc_to_target": "{{text}}",
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 2},
        "metric_list": [{"metric": "exact_match"}],
    },
}


def tasks(folder: Path, texts: list[str]) -> Path:
    """A folder of tasks on these texts, as users of the harness write their own."""
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for name, task in TASKS.items():
        files = {"test": str(folder / "texts.jsonl")}
        about = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": files}, "test_split": "test"}
        (folder / f"{name}.yaml").write_text(json.dumps(about | task))  # which YAML can read
    return folder


def evaluate(folder: Path, model: str, checkpoint: Path, task: str = "texts") -> dict:
    """The results of a task, and the log-likelihood of each text."""
    settings = {"pretrained": str(checkpoint), "dtype": "float32", "device": "cpu", "batch_size": 2}
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(model, settings, tasks=[task], task_manager=manager, bootstrap_iters=0)
    return found["results"][task] | {"each": [sample["filtered_resps"] for sample in found["samples"][task]]}


def own_losses(checkpoint: Path, direction: str, texts: list[str]) -> list[float]:
    """Loss of each text in nats by our own scoring, each of them in one window."""
    model, tokenizer = load_model(str(checkpoint)), AutoTokenizer.from_pretrained(checkpoint)
    return [float(score(model, np.array(tokenizer(text).input_ids), direction, 8).sum(dtype=float)) for text in texts]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_bits_per_byte_are_those_of_our_own_scoring(pair, tmp_path, direction):
    checkpoint = pair / direction
    found = evaluate(tasks(tmp_path, SHORT), MODELS[direction], checkpoint)
    losses, size = own_losses(checkpoint, direction, SHORT), sum(map(len, SHORT))
    assert [-each for (each,) in found["each"]] == pytest.approx(losses, rel=1e-5)
    assert found["bits_per_byte,none"] == pytest.approx(sum(losses) / size / math.log(2), rel=1e-5)
    assert found["byte_perplexity,none"] == pytest.approx(math.exp(sum(losses) / size), rel=1e-5)
    assert found["word_perplexity,none"] == pytest.approx(math.exp(sum(losses) / len(SHORT)), rel=1e-5)


def test_a_long_text_is_read_in_windows_from_its_end(pair, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(), there.mkdir()
    read = evaluate(tasks(here, LONG), "hf-backward", pair / "backward")["each"]
    # its tokens are characters, so that one who reads forward reads the same in the reversed text
    turned = evaluate(tasks(there, [text[::-1] for text in LONG]), "hf", pair / "backward")["each"]
    assert np.allclose(read, turned, rtol=1e-5)
    assert not np.allclose(read, evaluate(here, "hf", pair / "backward")["each"], rtol=1e-2)


def test_whole_texts_are_compared(pair, tmp_path):
    texts = ["0110:0110"[:8], "1110:111"]
    found = evaluate(tasks(tmp_path, texts), "hf-backward", pair / "backward", "whole")["each"]
    mirrored = [text[::-1] for text in texts]
    losses = [own_losses(pair / "backward", "backward", each) for each in (texts, mirrored)]
    read = [[-each for each, _ in choices] for choices in found]
    assert np.allclose(read, np.transpose(losses), rtol=1e-5)


@pytest.mark.parametrize(
    ("task", "direction", "message"),
    [
        ("continued", "backward", "asks how likely a continuation is after a context.*tasks of whole texts"),
        ("written", "backward", "asks for what comes after a prompt, and a backward model writes what came before"),
        ("texts", "forward", "forward: is a forward model, but is given as one that reads backward"),
    ],
)
def test_what_a_backward_model_does_not_say_is_refused(pair, tmp_path, task, direction, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        evaluate(tasks(tmp_path, SHORT), "hf-backward", pair / direction, task)
    assert one_line(stopped)


# The command, without the thousands of tasks of its own that the harness else looks through for half a minute.
RUN = """
import functools, runpy
from lm_eval.tasks import TaskManager
TaskManager.__init__ = functools.partialmethod(TaskManager.__init__, include_defaults=False)
runpy.run_module("aot.measure.harness", run_name="__main__", alter_sys=True)
"""


def test_as_a_command(pair, tmp_path):
    flags = f"--model hf-backward --model_args pretrained={pair / 'backward'},dtype=float32 --device cpu --tasks texts"
    done = called(RUN, tmp_path, *flags.split(), "--include_path", tasks(tmp_path, SHORT))
    bits = sum(own_losses(pair / "backward", "backward", SHORT)) / sum(map(len, SHORT)) / math.log(2)
    assert not done.returncode and f"|{bits:.4f}|" in done.stdout.replace(" ", ""), done.stderr


def called(code: str, folder: Path, *argv) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *map(str, argv)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_without_the_harness_it_says_what_to_install(tmp_path):
    gone = "import runpy, sys; sys.modules['lm_eval'] = None; "
    done = called(gone + "runpy.run_module('aot.measure.harness', run_name='__main__')", tmp_path)
    assert done.returncode == 1 and 'pip install ".[harness]"' in done.stderr and done.stderr.count("\n") == 1
