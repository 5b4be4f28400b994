"""What cannot be had from the Hub: each cause has words of its own, and the name that was typed is in them."""

import errno
import re
import resource
import time
from pathlib import Path

import pytest
from conftest import HUB, one_line
from huggingface_hub import HfApi, constants

import compute_aot
import generate
import run_clm_reverse
import tokenize_lang
from aot.base.remote import behind, cause_of
from aot.tokens.windows import DIRECTIONS

SMALL = "--context 8 --per_device_train_batch_size 8 --max_steps 1 --use_cpu --direction forward --output_dir run"
COMMANDS = {
    "measure": (compute_aot, "--forward {name}-forward --backward {name}-backward --text text.txt"),
    "generate": (generate, "--forward {name}-forward --max_new_tokens 2"),
    "train": (run_clm_reverse, f"--data {{data}} {SMALL} --model_name_or_path {{name}}-forward"),
    "tokenize": (tokenize_lang, "--source text.txt --name x --tokenizer {name}-forward --validation_fraction 0.3"),
}
LEFT_OUT = {"no-config": ["config.json"], "no-tokenizer": ["tokenizer*"], "no-weights": ["*.safetensors"]}
FAULTS = {"gated": (403, "GatedRepo"), "refused": 403, "broken": 500}
NOTHING = "no such folder, and nothing of this name on the Hub; a private one needs `hf auth login`"
SAID = {
    "gone": NOTHING,
    "hidden": NOTHING,
    "gated": "the Hub gives it to those whom its owner lets in; ask for it at http://.*/ann/cannot-gated-forward",
    "refused": "the Hub answers 403 to http://.*/ann/cannot-refused-forward; `hf auth login` as one who may",
    "broken": "the Hub answers 500 to http://.*/ann/cannot-broken-forward; try again later",
    "full": r"there is no room for it: .* \(File too large\); HF_HOME says where another cache is",
    "no-config": "no model there: Unrecognized model in ann/cannot-no-config-forward",
    "no-tokenizer": "no tokenizer there",
    "no-weights": "no weights in safetensors there: it has none",
}
FINE = {("no-config", "tokenize"), ("no-weights", "tokenize")}  # which need no more than a tokenizer


@pytest.fixture(scope="module", autouse=True)
def repos(strangers):
    api = HfApi(token="hf_ann")
    for name in SAID.keys() - {"gone"}:
        for direction in DIRECTIONS:
            repo = f"ann/cannot-{name}-{direction}"
            api.create_repo(repo, private=name == "hidden", exist_ok=True)
            api.upload_folder(
                repo_id=repo, folder_path=strangers[direction], ignore_patterns=["*.npy", *LEFT_OUT.get(name, ())]
            )


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text("0110:0110\n\n1010:1011\n\n" * 10)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    HUB.faults = []


def ends(what: str, command: str, data: Path) -> str | None:
    script, flags = COMMANDS[command]
    try:
        script.main(flags.format(name=f"ann/cannot-{what}", data=data).split())
    except SystemExit as stopped:
        return stopped.code
    return None


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", SAID)
def test_each_cause_has_its_own_words(what, command, here, data):
    if what in FAULTS:
        HUB.fail(f"ann/cannot-{what}-", FAULTS[what], times=200)
    if what == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
    message = ends(what, command, data)
    if (what, command) in FINE:
        assert message is None
    else:
        assert f"ann/cannot-{what}-forward" in message and len(message) <= 400 and "\n" not in message
        assert re.search(SAID[what], message), message


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (None, "ann/no-such: no text there: no such folder, and nothing of this name on the Hub"),
        (503, "ann/no-such: no text there: the Hub answers 503 to http://.*/datasets/ann/no-such; try again later"),
    ],
)
def test_a_data_set_is_asked_for_in_the_same_words(fault, message, here):
    if fault:
        HUB.fail("ann/no-such", fault, times=200)
    with pytest.raises(SystemExit, match=message) as stopped:
        tokenize_lang.main(["--source", "ann/no-such", "--name", "x"])
    assert one_line(stopped)


def test_a_cache_that_is_not_ours(tmp_path):
    error = OSError("PermissionError at somewhere")
    error.__cause__ = PermissionError(errno.EACCES, "Permission denied", "/cache/locks")
    said = "it may not be read, or not be written there: /cache/locks (Permission denied); HF_HOME says where another"
    assert cause_of(error, "ann/x").startswith(said)


def test_errors_that_are_each_others_cause_end():
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert [*behind(one)] == [one, other] and cause_of(one, "ann/x") == "one"
