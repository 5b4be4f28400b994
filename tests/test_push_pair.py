"""From a run folder to the Hub and back: what is published, that nothing is lost on the way, and what is refused."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import evaluate
import numpy as np
import pytest
from conftest import HUB, edit, of_kind, one_line, train, without_hashes
from datasets import load_dataset
from huggingface_hub import HfApi, ModelCard
from huggingface_hub.repocard import metadata_load
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, pipeline, set_seed

import compute_aot
import make_synthetic
import push_pair
from aot.arrow_of_time.gap import arrow
from aot.base.files import file_sha256, read_json, write_json
from aot.base.places import ROOT
from aot.measure.scoring import score
from aot.tokens.data_folder import open_stream
from aot.tokens.windows import DIRECTIONS, EOS
from aot.train.cards import renamed, web_address
from aot.train.commands import repeatable
from aot.train.models import load_model

TOKEN = "hf_ann"
WRITES = "commit|PUT|/tag/|/branch/|items$"
LOADED = {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
SHOWN_AS = {"forward": ("text-generation", None), "backward": ("other", False)}  # pipeline_tag, inference
SHOWN = {"README.md", "aot.json", "by_position.png", "documents.png", "sentence.png"}


@pytest.fixture(autouse=True)
def hub(monkeypatch):
    """The Hub, and somebody logged in to it; what others published there stays."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    HUB.requests, HUB.faults = [], []
    yield HUB
    assert not HUB.faults, "a fault that did not happen"


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "letter.txt"
    path.write_text("0110:0110\n\n1110:1110\n\n0001:0101")
    return path


@pytest.fixture(scope="module")
def scores(pair, data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scores") / "pair"
    compute_aot.main(["--pair", str(pair), "--data", str(data), "--output_dir", str(folder)])
    return folder


@pytest.fixture(scope="module")
def here(pair, text, tmp_path_factory) -> dict:
    """What is measured of the text with the run folder."""
    return measure(tmp_path_factory.mktemp("here") / "scores", "--pair", pair, "--text", text)


@pytest.fixture(scope="module")
def published(pair, scores, data) -> str:
    """Name of the pair, published with its scores, data and metric."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", TOKEN)
        push(pair, "ann/tiny", "--scores", scores, "--data", data, "--metric", "ann/arrow_of_time")
    return "ann/tiny"


def push(pair: Path, name: str, *flags, licence: str | None = "cc0-1.0") -> None:
    flags = (*flags, *(["--license", licence] if licence else []))
    push_pair.main(["--pair", str(pair), "--hub_model_id", name, *map(str, flags)])


def refused(pair: Path, name: str, *flags, match: str, **licence) -> str:
    with pytest.raises(SystemExit, match=match) as stopped:
        push(pair, name, *flags, **licence)
    assert one_line(stopped) and TOKEN not in stopped.value.code
    return stopped.value.code


def files(name: str, revision: str = "main", kind: str = "models") -> dict[str, bytes]:
    """Content of a repository, without what the Hub put there itself."""
    there = HUB.repos[kind, name].files(revision)
    return {path: content for path, content in there.items() if path != ".gitattributes"}


def history(name: str) -> list[str]:
    return list(HUB.repos["models", name].messages.values())


def whole(name: str, pair: Path) -> bool:
    """Whether both repositories have every step and the end of training."""
    for direction in DIRECTIONS:
        repo = HUB.repos["models", f"{name}-{direction}"]
        for revision, step in {"step-8": "checkpoint-8", "step-12": ".", "main": "."}.items():
            if files(f"{name}-{direction}", revision)["model.safetensors"] != weights(pair / direction / step):
                return False
        if history(f"{name}-{direction}")[1] != "Step 8" or set(repo.tags) != {"step-8", "step-12"}:
            return False
    return True


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def measure(folder: Path, *flags) -> dict:
    """What compute_aot.py finds, without names and places."""
    compute_aot.main(["--output_dir", str(folder), *map(str, flags)])
    report = read_json(folder / "aot.json")
    return {key: value for key, value in report.items() if key not in ("request", "commit")}


def hf(*argv) -> subprocess.CompletedProcess:
    """The command of the Hub's own client."""
    command = [sys.executable, "-m", "huggingface_hub.cli.hf", *map(str, argv)]
    return subprocess.run(command, env=os.environ | {"HF_TOKEN": TOKEN}, capture_output=True, text=True)


def python_blocks(card: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)


def card_of(name: str) -> ModelCard:
    return ModelCard(files(name)["README.md"].decode())


def test_a_published_pair_is_that_of_the_run_folder(published, pair, scores):
    assert whole(published, pair)
    for direction in DIRECTIONS:
        name, guard = f"{published}-{direction}", {"pipeline.py"} if direction == "backward" else set()
        assert history(name) == ["initial commit", "Step 8", "Step 12, the end of training"]
        assert set(files(name)) == LOADED | guard | SHOWN and set(files(name, "step-8")) == LOADED | guard
        for path in LOADED - {"config.json"}:
            assert files(name)[path] == (pair / direction / path).read_bytes()
            assert files(name, "step-8")[path] == (pair / direction / "checkpoint-8" / path).read_bytes()
        for path in scores.glob("*.png"):
            assert files(name)[path.name] == path.read_bytes()
        local = read_json(pair / direction / "config.json")
        assert json.loads(files(name)["config.json"]).items() >= local.items()
        other = f"{published}-{DIRECTIONS[direction == 'forward']}"
        assert f"https://huggingface.co/{other}" in card_of(name).text
        assert not HUB.repos["models", name].private
    assert HUB.repos["spaces", "ann/arrow_of_time"].sdk == "gradio"
    (collection,) = [each for each in HUB.collections.values() if each["title"] == "tiny"]
    assert [(item["type"], item["id"]) for item in collection["items"]] == [
        ("model", "ann/tiny-forward"),
        ("model", "ann/tiny-backward"),
        ("dataset", "ann/linear"),
        ("space", "ann/arrow_of_time"),
    ]


def test_nothing_private_is_published(published, pair, scores):
    report = json.loads(files(f"{published}-forward")["aot.json"])
    ours = {key: value for key, value in read_json(scores / "aot.json").items() if key != "sha256"}  # of losses.npz
    assert report["request"]["pairs"] == [{direction: f"{published}-{direction}" for direction in DIRECTIONS}]
    assert {**report, "request": None} == {**ours, "request": None}
    for name in (f"{published}-{direction}" for direction in DIRECTIONS):
        for path, content in files(name).items():
            for private in (TOKEN, str(pair), str(scores), str(Path.home())):
                assert private.encode() not in content, (path, private)


def test_the_metadata_of_a_card(published, scores):
    report = read_json(scores / "aot.json")
    for direction in DIRECTIONS:
        card = card_of(f"{published}-{direction}")
        assert card.data.direction == direction and direction in card.data.tags
        assert (card.data.pipeline_tag, card.data.get("inference")) == SHOWN_AS[direction]
        assert card.data.datasets == ["ann/linear"] and card.data.library_name == "transformers"
        results = {result.metric_type: result for result in card.data.eval_results}
        assert results["arrow_of_time"].metric_value == report["aot"]
        assert results["arrow_of_time"].metric_args["low"] == report["low"]
        assert results["loss"].metric_value == report[direction]
        assert {(each.dataset_type, each.dataset_split) for each in results.values()} == {("ann/linear", "validation")}
        assert report["verdict"] in card.text and "held-out part of the data" in card.text
        recipe = AutoConfig.from_pretrained(f"{published}-{direction}").arrow_of_time
        hashes = recipe["data_sha256"], recipe["initial_weights_sha256"]
        for fact in (*hashes, "12, each of 8 windows", "20,000 tokens"):
            assert fact in card.text
        (command,) = re.findall(r"\n```\npython (run_clm_reverse\.py .*)\n```", card.text)
        assert "--max_steps 12" in command and re.search(r"--data \w+/linear ", command)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "One pair claims nothing about the text"),
        ({"low": None, "high": None}, "One document is no sample"),
        ({"seeds": 3}, "3 training seeds, of which this pair is one"),
        ("train", "**the part of the\ndata the pair was trained on**"),
    ],
)
def test_a_card_says_what_was_found_and_no_more(pair, scores, data, tmp_path, capsys, changed, says):
    report = read_json(scores / "aot.json")
    shutil.copytree(scores, tmp_path / "scores")
    if changed == "train":
        sha256 = file_sha256(data / "train.bin")
        report["request"]["text_sha256"] = dict.fromkeys(report["request"]["text_sha256"], sha256)
        changed = {}
    write_json(tmp_path / "scores" / "aot.json", report | changed)
    push(pair, "ann/no", "--scores", tmp_path / "scores", "--dry_run", "--language", "la")
    out = capsys.readouterr().out
    assert out.count(says) == 2 and "license: cc0-1.0" in out and "language: la" in out
    assert "is easier." not in out and "arrow points" not in out


def test_a_dry_run_talks_to_nobody(pair, scores, data, monkeypatch, capsys, hub):
    monkeypatch.setenv("HF_TOKEN", "")
    push(pair, "ann/no", "--scores", scores, "--data", data, "--metric", "ann/arrow_of_time", "--dry_run")
    out = capsys.readouterr().out
    assert not hub.requests
    for line in ("model ann/no-backward, step-8", "15,536  model.safetensors", "dataset ann/linear", "pipeline.py"):
        assert line in out
    assert "training_args" not in out and "optimizer.pt" not in out and "sha256.json" not in out


def test_a_card_quotes_the_end_of_a_line_that_has_eos_in_its_middle(tmp_path, capsys):
    make_synthetic.main(["--source", "palindromes", "--train_lines", "64", "--output_dir", str(tmp_path)])
    data = tmp_path / "palindromes"
    push(train(tmp_path / "pair", data, "--context", 33), "ann/palindromes", "--data", data, "--dry_run")
    begin = AutoTokenizer.from_pretrained(data).decode(open_stream(data, "validation")[:8])
    card = capsys.readouterr().out
    assert f'tokenizer.bos_token + "{begin}"' in card and f'tokenizer("{begin[::-1]}" + tokenizer.bos_token' in card


def test_the_same_again_sends_nothing(published, pair, scores, data, hub, capsys):
    push(pair, published, "--scores", scores, "--data", data, "--metric", "ann/arrow_of_time")
    assert set(hub.sent(WRITES)) == {f"POST /api/collections/ann/{published[4:]}-0123456789abcdef/items"}
    assert f"published: {hub.url}/{published}-backward" in capsys.readouterr().out


def test_broken_at_any_point_it_is_completed_by_the_same_command(pair, hub, capsys):
    broken = [
        ("whoami", "cut"),
        ("repos/create", "lost"),
        ("repos/create", "cut"),
        ("refs", "cut"),
        ("preupload", 403),
        ("batch", 403),
        ("commit/", "cut"),
        ("commit/", "lost"),
        ("/tag/", "cut"),
        ("forward/tag/", "lost"),
        ("backward/commit/", 500),
        ("backward/paths-info", "cut"),
        ("collections$", "lost"),
        ("items$", "cut"),
    ]
    for pattern, how in broken:
        hub.fail(pattern, how)
        refused(pair, "ann/broken", match="To be done: ")
        assert "published" not in capsys.readouterr().out
    push(pair, "ann/broken")
    assert whole("ann/broken", pair) and capsys.readouterr().out.count("published: ") == 3
    assert len(hub.sent("PUT")) == 4, "each checkpoint of each direction is sent once"
    for direction in DIRECTIONS:
        assert history(f"ann/broken-{direction}") == ["initial commit", "Step 8", "Step 12, the end of training"]


def test_an_upload_goes_on_after_a_cut_connection(pair, hub, capsys):
    hub.fail("PUT .*/lfs/", "cut")
    push(pair, "ann/cut")
    assert whole("ann/cut", pair) and len(hub.sent("PUT")) == 5


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (401, "log in with `hf auth login`"),
        (403, "use a token of role `write`"),
        (404, "check USER in the name"),
        (409, "run the same command again"),
        (412, "somebody else has published there meanwhile; run the same command again"),
        (429, "wait a few minutes, then run the same command again"),
        (500, "the Hub has trouble; later, run the same command again"),
    ],
)
def test_an_answer_that_is_none_is_told_in_a_line_with_a_cure(pair, hub, capsys, status, cure):
    hub.fail("commit/", status)
    told = refused(pair, f"ann/answer-{status}", match=cure)
    assert f"the Hub answers {status} (the test said so)" in told and "published" not in capsys.readouterr().out


def test_who_may_not_publish(pair, hub, monkeypatch):
    refused(pair, "bob/tiny", match="the Hub answers 403 .*You don't have the rights.*use a token of role `write`")
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    refused(pair, "ann/mine", match="the Hub answers 401 .*log in")
    monkeypatch.setenv("HF_TOKEN", "")
    refused(pair, "ann/mine", match="not logged in to the Hub. To be done: log in with `hf auth login`")
    assert not [name for _, name in hub.repos if name.startswith(("bob/tiny", "ann/mine"))]


def test_what_arrives_damaged_is_not_reported_as_done(pair, hub, capsys):
    def damage():
        repo = hub.repos["models", "ann/damaged-forward"]
        repo.files()["model.safetensors"] = b"\0" + repo.files()["model.safetensors"][1:]

    hub.fail("tag/", damage)  # not seen yet: it was whole when it was checked
    hub.fail("backward/preupload", lambda: hub.fail("backward/paths-info", lambda: spoil("ann/damaged-backward")))

    def spoil(name):
        hub.repos["models", name].files()["model.safetensors"] = b"spoilt"

    refused(pair, "ann/damaged", match="ann/damaged-backward: model.safetensors did not arrive as sent")
    refused(pair, "ann/damaged", match="ann/damaged-forward: step-8 has other weights")
    assert "published" not in capsys.readouterr().out


@pytest.mark.parametrize("when", ["forward/commit/", "backward/tag/", "forward/refs"])
def test_two_at_once_leave_the_pair_of_one(pair, hub, capsys, when):
    name = f"ann/two-{when.replace('/', '-').strip('-')}"
    hub.fail(f"{name}-{when}", lambda: push(pair, name))  # from start to end, before the first one's request is heard
    try:
        push(pair, name)
    except SystemExit as stopped:
        assert "somebody else has published there meanwhile" in stopped.code
        push(pair, name)
    assert whole(name, pair)
    assert len(history(f"{name}-forward")) == len(history(f"{name}-backward")) == 3


def test_what_was_published_before_training_went_on_stays_in_order(pair, tmp_path, hub, capsys):
    older = shutil.copytree(pair, tmp_path / "pair")
    for direction in DIRECTIONS:
        (older / direction / "checkpoint-8").rename(tmp_path / direction)
    push(older, "ann/order")
    for direction in DIRECTIONS:
        (tmp_path / direction).rename(older / direction / "checkpoint-8")
    push(older, "ann/order")
    assert "ann/order-forward: step-8 left out, a later step is published already" in capsys.readouterr().out
    assert history("ann/order-forward") == ["initial commit", "Step 12, the end of training"]


def test_a_branch_and_a_private_pair(pair, hub, text, here, tmp_path, monkeypatch):
    push(pair, "ann/hidden", "--private", "--revision", "seed-1")
    for direction in DIRECTIONS:
        repo = hub.repos["models", f"ann/hidden-{direction}"]
        assert repo.private and set(repo.files()) == {".gitattributes"}
        assert set(repo.tags) == {"seed-1-step-8", "seed-1-step-12"}
        assert repo.files("seed-1")["model.safetensors"] == weights(pair / direction)
        assert repo.files("seed-1-step-8")["model.safetensors"] == weights(pair / direction / "checkpoint-8")
    assert measure(tmp_path / "there", "--pair", "ann/hidden", "--revision", "seed-1", "--text", text) == here
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(SystemExit, match="ann/hidden-forward: .*private.*hf auth login") as stopped:
        measure(tmp_path / "no", "--pair", "ann/hidden", "--revision", "seed-1", "--text", text)
    assert one_line(stopped)


def test_a_public_pair_does_not_become_private_by_a_flag(published, pair, hub):
    refused(pair, published, "--private", match="ann/tiny-forward: is public already; make it private in its settings")
    assert not hub.sent(WRITES)


def test_another_pair_does_not_take_its_place(published, second_pair, pair, hub, tmp_path, monkeypatch):
    refused(second_pair, published, match="ann/tiny-forward: holds something else .*seed: 42 / 1")
    HfApi().create_repo("ann/other-forward")
    HfApi().upload_file(path_or_fileobj=b"\0", path_in_repo="a.gguf", repo_id="ann/other-forward")
    hub.requests = []
    refused(pair, "ann/other", match="ann/other-forward: holds something else; choose another name")
    # the same recipe, on a machine that rounds in another way
    again = without_hashes(shutil.copytree(pair, tmp_path / "again"))
    for direction in DIRECTIONS:
        for folder in (again / direction, again / direction / "checkpoint-12"):
            shutil.copy(pair / direction / "checkpoint-8" / "model.safetensors", folder)
    refused(again, published, match="ann/tiny-forward: step-12 has other weights; choose another name or branch")
    assert not hub.sent(WRITES)


def test_a_space_of_something_else_is_left_alone(pair, hub, tmp_path):
    for name in ("chat", "arrow_of_time"):
        HfApi().create_repo(f"ann/{name}", repo_type="space", space_sdk="gradio", exist_ok=True)
    HfApi().upload_file(path_or_fileobj=b"chat", path_in_repo="app.py", repo_id="ann/chat", repo_type="space")
    flags = ["--explorer", "ann/chat", "--metric", "ann/arrow_of_time"]
    hub.requests = []
    refused(pair, "ann/beside", *flags, match="ann/chat: is a Space of something else; choose another name")
    assert files("ann/chat", kind="spaces")["app.py"] == b"chat"
    assert not [request for request in hub.sent(WRITES) if "commit" in str(request)]


def test_nothing_is_sent_where_the_pair_could_not_be(published, second_pair, data, hub):
    flags = ["--explorer", "ann/new-explorer"]
    refused(second_pair, published, *flags, match="ann/tiny-forward: holds something else")
    assert ("spaces", "ann/new-explorer") not in HUB.repos


def test_an_explorer_keeps_its_other_pairs(published, pair, hub):
    push(pair, published, "--explorer", "ann/all")
    push(pair, "ann/second", "--explorer", "ann/all")
    card = files("ann/all", kind="spaces")["README.md"].decode()
    assert ModelCard(card).data.models == [f"ann/{name}-{each}" for name in ("tiny", "second") for each in DIRECTIONS]


@pytest.mark.parametrize(
    ("content", "published"),
    [
        ("/home/ann/acme/data/en", "data/en"),
        ("--data=/home/ann/acme/data/en", "--data=data/en"),
        ("../../ann/acme/data/en", "data/en"),
        ("../en", "en"),
        ("acme/secret/data/en", "data/en"),
        ("/en", "en"),
        ("runs/x/forward", "ann/x-forward"),
        ("https://data.statmt.org/cc-100/fr.txt.xz", "https://data.statmt.org/cc-100/fr.txt.xz"),
        ("forward/backward of a/b text", "forward/backward of a/b text"),
        ("data/en", "data/en"),
        ("--bf16", "--bf16"),
        ("n_layer=2,n_embd=16", "n_layer=2,n_embd=16"),
    ],
)
def test_of_paths_the_last_two_names_are_published(content, published):
    assert renamed([content], {"runs/x/forward": "ann/x-forward"}) == [published]


def unfinished(folder):
    (folder / "backward" / "results.json").unlink()


def no_pair(folder):
    shutil.rmtree(folder / "backward")


def damaged_step(folder):
    (folder / "forward" / "checkpoint-8" / "model.safetensors").write_bytes(b"half")


def other_step(folder):
    without_hashes(folder)
    shutil.copy(folder / "forward" / "checkpoint-8" / "config.json", folder / "forward")


@pytest.mark.parametrize(
    ("spoil", "flags", "message"),
    [
        (unfinished, "", "backward: is not trained to the end"),
        (no_pair, "", "has no backward in it"),
        (damaged_step, "", "checkpoint-8: its model.safetensors is damaged; delete it"),
        (other_step, "", "no pair, they differ in more than direction: step: 8 / 12"),
        (lambda folder: shutil.rmtree(folder), "", "pair: no such folder"),
        (None, "--hub_model_id tiny", "--hub_model_id tiny: must be USER/NAME"),
        (None, "--hub_model_id a/b/c", "--hub_model_id a/b/c: must be USER/NAME"),
        (None, "--metric ann/arrow", "must be USER/arrow_of_time, evaluate loads the file of that name"),
        (None, "--data {missing}", "missing: not a data folder"),
        (None, "--data my#text", "--data ann/my#text: must be USER/NAME"),
        (None, "--scores {missing}", "missing: no aot.json in it; `python compute_aot.py --pair .*pair` makes one"),
        (None, "--licence mit", "--licence mit: unknown; did you mean --license"),
    ],
)
def test_what_is_no_pair_is_refused_before_anything_is_sent(pair, tmp_path, hub, spoil, flags, message):
    folder = shutil.copytree(pair, tmp_path / "pair")
    if spoil:
        spoil(folder)
    refused(folder, "ann/no", *flags.format(missing=tmp_path / "missing").split(), match=message)
    assert not hub.requests


def test_scores_and_data_of_others_are_refused(pair, second_pair, scores, data, tmp_path, hub):
    refused(second_pair, "ann/no", "--scores", scores, match="has the ∂ of other weights; measure that of these with")
    other = shutil.copytree(data, tmp_path / "other")
    meta = read_json(other / "meta.json")
    write_json(other / "meta.json", meta | {"data_sha256": "0"})
    refused(pair, "ann/no", "--data", other, match="other: is not what the pair was trained on")
    np.memmap(other / "train.bin", mode="r+")[7] += 1
    refused(pair, "ann/no", "--data", other, match="other/train.bin: is damaged, .*; delete")
    assert not hub.requests


def test_a_run_folder_itself_is_uploaded_right(pair, text, here, scores, tmp_path, hub):
    """What the Hub's own client sends of it, as it is: no pickle, and nothing that says where it was made."""
    for direction in DIRECTIONS:
        folder, name = pair / direction, f"ann/by-hand-{direction}"
        guard = {"pipeline.py"} if direction == "backward" else set()
        done = hf("upload", name, folder)
        assert done.returncode == 0, done.stderr
        there = HUB.repos["models", name].files()
        assert set(there) == LOADED | guard | {"README.md", ".gitattributes"}
        assert all(content == (folder / path).read_bytes() for path, content in there.items())
        assert not any(str(pair).encode() in content for content in there.values())
        data = card_of(name).data
        assert (data.pipeline_tag, data.get("inference")) == SHOWN_AS[direction]
        assert direction in data.tags and data.library_name == "transformers" and data.license is None
    with pytest.raises(ValueError, match="turn round the tokens"):
        pipeline("text-generation", "ann/by-hand-backward", trust_remote_code=True)
    assert measure(tmp_path / "there", "--pair", "ann/by-hand", "--text", text) == here
    push(pair, "ann/by-hand", "--scores", scores)  # into the same repositories, where no rule hides figures and ∂
    assert set(files("ann/by-hand-backward")) == LOADED | SHOWN | {"pipeline.py"}


def test_git_takes_no_pickle_of_a_run_folder_and_keeps_weights_apart(pair, tmp_path):
    folder = shutil.copytree(pair / "backward", tmp_path / "backward")
    git = ["git", "-C", str(folder), "-c", "filter.lfs.clean=cat", "-c", "filter.lfs.smudge=cat"]
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run([*git, "add", "."], check=True)
    listed = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout.split()
    assert set(listed) == LOADED | {"README.md", ".gitattributes", "pipeline.py"}
    told = subprocess.run([*git, "check-attr", "filter", *listed], capture_output=True, text=True).stdout
    assert re.findall(r"(.*): filter: lfs", told) == ["model.safetensors"]


def test_the_card_in_a_run_folder_generates_there(pair, monkeypatch, capsys):
    for direction in DIRECTIONS:
        monkeypatch.chdir(pair / direction)
        (block,) = python_blocks(Path("README.md").read_text(encoding="utf-8"))
        begun = re.search(r'"([01:]+)"', block)[1]
        exec(block, {})
        written = capsys.readouterr().out.strip()
        assert written.startswith(EOS + begun) if direction == "forward" else written.endswith(begun + EOS)
        card = Path("README.md").read_text(encoding="utf-8")
        loss = read_json("results.json")["eval_loss"]
        assert f"{loss:.4f} {direction}, nats per token" in card and "--max_steps 12" in card
        assert str(pair.parent) not in card


@pytest.mark.parametrize("task", ["text-generation", None])
def test_pipeline_refuses_a_backward_run_folder(pair, task):
    for folder in (pair / "backward", pair / "backward" / "checkpoint-8"):
        with pytest.raises(ValueError, match="set the option `trust_remote_code=True`"):
            pipeline(task, str(folder))
    with pytest.raises(ValueError, match="turn round the tokens"):
        pipeline(task, str(pair / "backward"), trust_remote_code=True)


def of_before(pair: Path, folder: Path) -> Path:
    """A pair as it was written before run folders had cards and guards."""
    folder = shutil.copytree(pair, folder)
    for path in (folder / direction for direction in DIRECTIONS):
        for name in ("README.md", ".gitignore", ".gitattributes", "pipeline.py"):
            (path / name).unlink(missing_ok=True)
        edit(path / "config.json", lambda config: config.pop("custom_pipelines", None))
        edit(path / "tokenizer_config.json", lambda config: config.pop("model_max_length"))
        hashes = {file.name: file_sha256(file) for file in path.iterdir() if file.is_file()}
        results = read_json(path / "results.json")
        kept = {name: hashes[name] for name in results["sha256"] if name in hashes}
        write_json(path / "results.json", results | {"sha256": kept})
    return folder


def test_a_run_folder_of_before_is_measured_and_published(pair, data, text, here, tmp_path):
    before = of_before(pair, tmp_path / "before")
    assert measure(tmp_path / "scores", "--pair", before, "--text", text) == here
    train(before, data)  # finds it finished
    assert not (before / "backward" / "pipeline.py").exists()
    push(before, "ann/before")
    assert set(files("ann/before-backward")) == LOADED | {"README.md", "pipeline.py"}
    assert "custom_pipelines" in json.loads(files("ann/before-backward")["config.json"])


def test_what_is_published_has_a_licence(pair, data, tmp_path, hub, capsys):
    told = refused(pair, "ann/free", licence=None, match="--license: is needed to publish ann/free, and no card")
    assert "cc0-1.0, apache-2.0" in told and not hub.requests
    push(pair, "ann/free", "--dry_run", licence=None)
    assert capsys.readouterr().out.splitlines()[-1] == told
    push(pair, "ann/free", "--dry_run")
    out = capsys.readouterr().out
    assert out.count("license: cc0-1.0") == 2 and "--license" not in out
    refused(pair, "ann/free", "--data", data, licence=None, match=f"to publish ann/free and {data}, and no card")
    # what the card of the data says holds for both, what that of a model says for it alone
    licensed = shutil.copytree(data, tmp_path / "linear")
    (licensed / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    push(pair, "ann/free", "--data", licensed, "--dry_run", licence=None)
    assert capsys.readouterr().out.count("license: mit") == 3
    own = shutil.copytree(pair, tmp_path / "pair")
    card = own / "forward" / "README.md"
    card.write_text(
        card.read_text(encoding="utf-8").replace("---\n", "---\nlicense: cc-by-4.0\n", 1), encoding="utf-8"
    )
    push(own, "ann/free", "--dry_run", licence=None)
    assert capsys.readouterr().out.count("license: cc-by-4.0") == 2
    refused(own, "ann/free", "--data", data, licence=None, match=f"to publish {data}, and no card")
    card.write_text("---\n: [\n---\n", encoding="utf-8")
    refused(own, "ann/free", licence=None, match="forward/README.md: its metadata cannot be read; mend or delete it")


def test_pipeline_refuses_a_backward_model(published, pair):
    backward = f"{published}-backward"
    for task in ("text-generation", None):
        with pytest.raises(ValueError, match="set the option `trust_remote_code=True`"):
            pipeline(task, backward)
        with pytest.raises(ValueError, match=r"turn round the tokens(.|\n)*flip\(1\)(.|\n)*" + backward):
            pipeline(task, backward, trust_remote_code=True)
    assert pipeline("text-generation", f"{published}-forward")("01", max_new_tokens=2)[0]["generated_text"]
    model = AutoModelForCausalLM.from_pretrained(backward)  # needs no code of ours
    assert model.config.direction == "backward"
    assert AutoTokenizer.from_pretrained(backward).init_kwargs["direction"] == "backward"


STRANGER = """
import contextlib, importlib.util, io, json, re, sys
from huggingface_hub import hf_hub_download
from transformers import set_seed
# a checkout may be installed here, which a stranger has not
sys.meta_path[:] = [each for each in sys.meta_path if "__editable__" not in getattr(each, "__module__", "")]
assert importlib.util.find_spec("aot") is None
for name, kind in json.loads(sys.argv[1]):
    card = open(hf_hub_download(name, "README.md", repo_type=kind), encoding="utf-8").read()
    for block in re.findall(r"```python\\n(.*?)```", card, flags=re.DOTALL):
        set_seed(0)
        exec(block, {})
"""


def test_a_stranger_gets_the_same_to_the_last_digit(published, pair, data, tmp_path, capfd):
    cards = [(f"{published}-{direction}", "model") for direction in DIRECTIONS] + [("ann/linear", "dataset")]
    (tmp_path / "stranger.py").write_text(STRANGER)
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "", "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [sys.executable, "stranger.py", json.dumps(cards)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    capfd.readouterr()
    for name, kind in cards:
        for block in python_blocks(HUB.repos[f"{kind}s", name].files()["README.md"].decode()):
            here = block.replace("ann/arrow_of_time", f"{ROOT}/aot/arrow_of_time")
            here = here.replace(f"{published}-", f"{pair}/")
            here = here.replace('snapshot_download("ann/linear", repo_type="dataset")', repr(str(data)))
            set_seed(0)
            exec(here, {})
    assert done.stdout == capfd.readouterr().out and "∂ = " in done.stdout
    forward, backward, measures = python_blocks(card_of(f"{published}-forward").text)
    assert len(forward.splitlines()) <= 5 and len(backward.splitlines()) <= 5
    begins, ends = (re.search(r'"([01:]+)"', block)[1] for block in (forward, backward))
    ahead, back, verdict = done.stdout.splitlines()[:3]
    assert ahead.startswith(f"{EOS}{begins}") and back.endswith(f"{ends}{EOS}") and len(back) > len(EOS + ends)
    assert verdict == by_document(pair, [begins, ends])["verdict"]


def test_a_stranger_generates_with_a_recurrent_pair(data, tmp_path, hub):
    train(tmp_path / "lstm", data, *of_kind("lstm"))
    push(tmp_path / "lstm", "ann/lstm")
    (tmp_path / "stranger.py").write_text(STRANGER)
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
    cards = json.dumps([(f"ann/lstm-{direction}", "model") for direction in DIRECTIONS])
    command = [sys.executable, "stranger.py", cards]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(EOS) >= 4, done.stderr
    measured = measure(tmp_path / "there", "--pair", "ann/lstm", "--data", data)  # here its classes are known
    assert measured == measure(tmp_path / "here", "--pair", tmp_path / "lstm", "--data", data)


def by_document(pair: Path, texts: list[str]) -> dict:
    """∂ of texts, each of them read alone."""
    tokenizer, losses = AutoTokenizer.from_pretrained(pair / "forward"), {}
    ids = [np.array(tokenizer(text).input_ids) for text in texts]
    for direction in DIRECTIONS:
        model = load_model(str(pair / direction))
        losses[direction] = [score(model, each, direction, 8).mean(dtype=float) for each in ids]
    return arrow(**losses, weights=[len(each) for each in ids])


def test_the_space_of_the_explorer_runs_by_itself(published, pair, tmp_path):
    push(pair, published, "--explorer", "ann/explorer")
    for path, content in files("ann/explorer", kind="spaces").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    assert metadata_load(tmp_path / "README.md")["models"] == ["ann/tiny-forward", "ann/tiny-backward"]
    code = "import app, sys; print('torch' in sys.modules, app.known_pairs([], app.FOLDER / 'README.md')); "
    code += "[print(app.room('offered').open_pair(name).context) for name in ('ann/tiny', 'pairs/fr-books')]"
    environment = os.environ | {"PYTHONPATH": "", "HF_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = ["ann/tiny", "pairs/en-books", "pairs/fr-books"]
    assert done.stdout.splitlines() == [f"False {names}", "8", "256"], "the page need not wait for torch"


def test_the_metric_of_the_space_is_ours(published):
    losses = {"forward": [3.1, 2.9, 3.3], "backward": [3.2, 2.8, 3.5], "weights": [90, 120, 70]}
    here = evaluate.load(f"{ROOT}/aot/arrow_of_time").compute(**losses)
    importlib.invalidate_caches()  # two modules made within a second look like one to the import system
    assert evaluate.load("ann/arrow_of_time").compute(**losses) == here
    card = files("ann/arrow_of_time", kind="spaces")["README.md"].decode()
    assert 'evaluate.load("ann/arrow_of_time")' in card and "./" not in card.split("```")[2] and "../" not in card
    for figure in re.findall(r"!\[.*?\]\((.*?)\)", card):
        assert figure in files("ann/arrow_of_time", kind="spaces")


def test_published_data_are_a_data_folder(published, data, tmp_path):
    there = files("ann/linear", kind="datasets")
    meta = json.loads(there["meta.json"])
    assert str(data.parent) not in json.dumps(meta)
    assert {**meta, "arguments": None} == {**read_json(data / "meta.json"), "arguments": None}
    others = {str(path.relative_to(data)): path for path in data.rglob("[!.]*") if path.is_file()}
    others = {name: path.read_bytes() for name, path in others.items() if name != "meta.json"}
    assert others == {path: content for path, content in there.items() if path not in ("meta.json", "README.md")}
    folder = HfApi().snapshot_download("ann/linear", repo_type="dataset", local_dir=tmp_path / "linear")
    for split in ("train", "validation"):
        assert np.array_equal(open_stream(folder, split), open_stream(data, split))


def test_published_data_are_opened_by_load_dataset(published, data, tmp_path):
    opened = load_dataset("ann/linear", cache_dir=str(tmp_path))
    streamed = load_dataset("ann/linear", split="validation", streaming=True)
    assert [*opened] == ["train", "validation"] and [*streamed] == [*opened["validation"]]
    for split, rows in opened.items():
        ids = open_stream(data, split)
        assert rows.column_names == ["input_ids"] and np.array_equal(np.concatenate(rows["input_ids"]), ids)
        assert {(len(each), each[-1]) for each in rows["input_ids"]} == {(10, 0)}  # a line, and its end


def test_a_published_pair_is_measured_online_and_offline(published, text, here, tmp_path):
    assert measure(tmp_path / "there", "--pair", published, "--text", text) == here
    (step,) = re.findall(r"```bash\n(.*?)\n```", card_of(f"{published}-forward").text)
    (tmp_path / "compute_aot.py").symlink_to(ROOT / "compute_aot.py")
    shutil.copy(text, tmp_path / "letter.txt")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash", "-c", step], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    offline = read_json(tmp_path / "scores" / "tiny-on-letter.txt" / "aot.json")
    assert {key: offline[key] for key in here} == here


def test_a_step_of_training_is_measured(published, pair, text, tmp_path):
    steps = {direction: pair / direction / "checkpoint-8" for direction in DIRECTIONS}
    here = measure(tmp_path / "here", "--forward", steps["forward"], "--backward", steps["backward"], "--text", text)
    assert measure(tmp_path / "there", "--pair", published, "--revision", "step-8", "--text", text) == here
    with pytest.raises(SystemExit, match="tiny-forward: .*step-9") as stopped:
        measure(tmp_path / "no", "--pair", published, "--revision", "step-9", "--text", text)
    assert one_line(stopped)


def test_pairs_of_others_are_measured(able, strangers, text, tmp_path, hub):
    hub.tokens["bob"] = "hf_bob"
    bob = HfApi(token="hf_bob")
    for name, folder in zip(("bob/ltr", "bob/rtl"), strangers.values(), strict=True):
        bob.create_repo(name)
        bob.upload_folder(repo_id=name, folder_path=folder, allow_patterns=[*LOADED])
    there = ("--forward", "bob/ltr", "--backward", "bob/rtl")
    here = measure(tmp_path / "here", "--pair", able, "--text", text)
    assert measure(tmp_path / "there", *there, "--text", text) == here
    with pytest.raises(SystemExit, match="bob/ltr-forward: no model there"):
        measure(tmp_path / "no", "--pair", "bob/ltr", "--text", text)


def test_training_ends_with_publishing(data, scores, tmp_path, hub, capsys):
    flags = ["--push_to_hub", "--hub_model_id", "ann/trained", "--hub_token", TOKEN, "--hub_strategy", "end"]
    flags += ["--license", "cc0-1.0"]
    folder = train(tmp_path / "pair", data, *flags)
    assert whole("ann/trained", folder) and f"published: {hub.url}/ann/trained-forward" in capsys.readouterr().out
    names = {name for _, name in hub.repos if name.startswith("ann/trained")}
    assert names == {f"ann/trained-{direction}" for direction in DIRECTIONS}  # and none of the Trainer
    for direction in DIRECTIONS:
        there = files(f"ann/trained-{direction}")
        assert set(there) <= LOADED | {"README.md", "pipeline.py"}
        assert "It has not been measured with an interval." in there["README.md"].decode()
        assert not any(TOKEN.encode() in content for content in there.values())
        command = read_json(folder / direction / "results.json")["command"]
        assert not re.search(r"--hub|--push|hf_ann", command) and "--max_steps 12" in there["README.md"].decode()
    push(folder, "ann/trained", "--scores", scores)  # the same weights: training is deterministic
    measured = files("ann/trained-forward")
    assert "aot.json" in measured and "It has not been measured" not in measured["README.md"].decode()
    train(tmp_path / "pair", data, *flags)
    assert files("ann/trained-forward") == measured
    assert "the cards there, which have ∂, are kept" in capsys.readouterr().out


def test_each_of_several_seeds_is_published(data, tmp_path, hub, capsys):
    flags = ["--push_to_hub", "--hub_model_id", "ann/three", "--hub_token", TOKEN, "--license", "cc0-1.0"]
    pair = train(tmp_path / "pair", data, *flags, "--seeds", "1", "2")
    out = capsys.readouterr().out
    for seed in (1, 2):
        assert whole(f"ann/three-seed{seed}", pair.with_name(f"pair-seed{seed}"))
        assert f"published: {hub.url}/ann/three-seed{seed}-backward" in out
    assert not any(name == f"ann/three-{direction}" for _, name in hub.repos for direction in DIRECTIONS)


def test_training_does_not_start_where_it_could_not_publish(data, tmp_path, monkeypatch):
    for flags, message in [
        (["--push_to_hub"], "--hub_model_id None: must be USER/NAME"),
        (["--push_to_hub", "--hub_model_id", "ann/x", "--hub_token", "hf_wrong"], "ann/x: the Hub answers 401"),
        (["--push_to_hub", "--hub_model_id", "ann/x", "--hub_token", TOKEN], "--license: is needed to publish ann/x"),
    ]:
        with pytest.raises(SystemExit, match=message) as stopped:
            train(tmp_path / "pair", data, *flags)
        assert one_line(stopped) and not (tmp_path / "pair").exists()


def test_a_yaml_file_is_written_out_in_the_command(tmp_path):
    argv = ["--data", "data/en", "--hub_token", "secret", "--run_name", "two words", "--push_to_hub"]
    assert repeatable(argv, 1) == "python run_clm_reverse.py --data data/en --run_name 'two words'"
    assert repeatable(argv, 2).startswith("accelerate launch --num_processes 2 run_clm_reverse.py")


def test_as_a_command_without_a_hub(pair, tmp_path):
    command = [sys.executable, push_pair.__file__, "--pair", pair, "--hub_model_id", "ann/gone", "--license", "mit"]
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "published" not in done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ann/gone: no answer from the Hub (") and TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://user:secret@example.org/team/arrow.git", "https://example.org/team/arrow"),
        ("git@example.org:team/arrow.git", "https://example.org/team/arrow"),
        ("ssh://git@example.org/team/arrow", "https://example.org/team/arrow"),
        ("/srv/git/arrow.git", None),
    ],
)
def test_the_address_of_the_project_has_no_credentials(url, address, monkeypatch, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", url], check=True)
    monkeypatch.setattr("aot.train.cards.ROOT", tmp_path)
    assert web_address() == address
    monkeypatch.setattr("aot.train.cards.INSTALLED", True)  # into a project of somebody else
    assert web_address() is None
