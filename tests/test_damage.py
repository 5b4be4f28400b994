"""What we write and read again: a file that was changed since is named, with what to do, before anything is made."""

import errno
import json
import shutil
import sys

import pytest
from conftest import edit, one_line, refused, train

import compute_aot
import run_clm_reverse
import tokenize_lang
from aot.base import files
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.measure import scores
from aot.tokens import streams
from aot.tokens.windows import DIRECTIONS
from aot.train.runs import checkpoints, last_checkpoint


def flip(path, where: int = -9) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)


def other_ids(tokenizer: dict) -> None:
    """Let two tokens change places."""
    vocabulary = tokenizer["model"]["vocab"]
    first, second = list(vocabulary)[-2:]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]


def of_meta(change):
    return lambda folder: edit(folder / "meta.json", change)


def to(name: str, content: str):
    return lambda folder: (folder / name).write_text(content)


def older(spoil):
    """The same of a folder that an older version made, without hashes of the tokenizer's files."""

    def spoil_older(folder):
        edit(folder / "meta.json", lambda meta: meta.pop("tokenizer_files"))
        spoil(folder)

    return spoil_older


def exchange_tokens(folder) -> None:
    edit(folder / "tokenizer.json", other_ids)


SPOILED = {  # what is done to a data folder, and what is said of it
    "a bit of train.bin": (lambda folder: flip(folder / "train.bin"), "train.bin: is damaged, its SHA-256"),
    "a bit of validation.bin": (lambda folder: flip(folder / "validation.bin"), "validation.bin: is damaged"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json: is not there"),
    "half a tokenizer": (to("tokenizer.json", "{"), "tokenizer.json: is damaged, its SHA-256"),
    "another one": (exchange_tokens, "tokenizer.json: is damaged, its SHA-256"),
    "another setting": (
        lambda folder: edit(folder / "tokenizer_config.json", lambda it: it.update(model_max_length=3)),
        "tokenizer_config.json: is damaged, its SHA-256",
    ),
    "half a tokenizer, older": (older(to("tokenizer.json", "{")), "its tokenizer cannot be read"),
    "another one, older": (older(exchange_tokens), "its tokenizer is not the one that"),
    "a value of meta.json": (
        lambda folder: (folder / "meta.json").write_text(
            (folder / "meta.json").read_text().replace('"documents": 2', '"documents": 3', 1)
        ),
        "meta.json: is damaged .it was changed",
    ),
    "an empty meta.json": (to("meta.json", ""), "meta.json: is damaged"),
    "a meta.json cut short": (to("meta.json", '{"dtype"'), "meta.json: is damaged"),
    "a list": (to("meta.json", "[]"), "meta.json: is damaged"),
    "no dtype": (of_meta(lambda meta: meta.pop("dtype")), "is damaged .it has no 'dtype'"),
    "no splits": (of_meta(lambda meta: meta.pop("splits")), "is damaged .it has no 'splits'"),
    "other numbers": (of_meta(lambda meta: meta.update(dtype="float32")), "meta.json: is damaged"),
    "less than nothing": (of_meta(lambda meta: meta["splits"]["train"].update(tokens=-1)), "meta.json: is damaged"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_data_folder_that_was_changed_trains_nothing(what, data, tmp_path):
    spoil, message = SPOILED[what]
    spoiled = shutil.copytree(data, tmp_path / "data")
    spoil(spoiled)
    with pytest.raises(SystemExit, match=message) as stopped:
        run_clm_reverse.main(["--data", str(spoiled), "--output_dir", str(tmp_path / "run"), "--context", "8"])
    assert one_line(stopped) and str(spoiled) in stopped.value.code and not (tmp_path / "run").exists()


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    "file",
    [
        *("model.safetensors", "window_losses.npy", "tokenizer.json", "config.json", "generation_config.json"),
        *("recipe.json", "trainer_state.json", "tokenizer_config.json"),
    ],
)
def test_a_finished_run_that_was_changed_is_neither_finished_nor_measured(file, direction, data, pair, tmp_path):
    copy = shutil.copytree(pair, tmp_path / "pair")
    assert file in json.loads((copy / direction / RESULTS).read_text())["sha256"]
    flip(copy / direction / file, where=-20)
    message = f"pair/{direction}/{file}: is damaged.*again"
    with pytest.raises(SystemExit, match=message) as stopped:
        train(copy, data)
    assert one_line(stopped)
    said = refused("--pair", copy, "--data", data, "--output_dir", tmp_path / "scores")
    assert f"{direction}/{file}: is damaged" in said and not (tmp_path / "scores").exists()


def test_what_older_versions_wrote_has_no_hashes_and_is_taken(data, pair, tmp_path):
    copy = shutil.copytree(pair, tmp_path / "pair")
    for direction in DIRECTIONS:
        edit(copy / direction / RESULTS, lambda it: it.pop("sha256"))
    compute_aot.main(["--pair", str(copy), "--data", str(data), "--output_dir", str(tmp_path / "scores")])
    assert (tmp_path / "scores" / "aot.json").exists()


def stopped_when(monkeypatch, module, name: str, times: int, argv: list) -> None:
    """Run a script until a module of it has written a JSON file of a name so many times."""
    write, left = module.write_json, [times]

    def and_stop(path, content):
        write(path, content)
        left[0] -= path.name == name
        if not left[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "write_json", and_stop)
        sys.modules[argv[0]].main([*map(str, argv[1:])])


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("half.partial/half/train.bin", "train.bin: is damaged; delete .*half.partial and start again"),
        ("half.partial/half/tokenizer.json", "tokenizer.json: is damaged, its SHA-256 .*delete .*half.partial"),
        ("half.partial/survey.json", "survey.json: is damaged .*; delete .*half.partial and start again"),
        ("half.partial/progress.json", "progress.json: is damaged .*; delete .*half.partial and start again"),
    ],
)
def test_what_tokenizing_has_left_is_gone_on_with_as_it_was(file, message, text, tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(streams, "CHECKPOINT_SECONDS", 0)
    argv = ["tokenize_lang", "--source", text, "--name", "half", "--output_dir", tmp_path, "--vocab_size", 300]
    argv += ["--validation_fraction", 0.2]
    stopped_when(monkeypatch, streams, "progress.json", 3, argv)
    flip(tmp_path / file, where=5 if file.endswith("bin") else 30)
    with pytest.raises(SystemExit, match=message) as stopped:
        tokenize_lang.main([*map(str, argv[1:])])
    assert one_line(stopped) and not (tmp_path / "half").exists()


@pytest.mark.parametrize("file", ["forward.npy", "forward-0.json", "request.json"])
def test_what_scoring_has_left_is_gone_on_with_as_it_was(file, pair, data, tmp_path, monkeypatch):
    argv = ["compute_aot", "--pair", pair, "--data", data, "--output_dir", tmp_path / "scores"]
    stopped_when(monkeypatch, scores, "forward-0.json", 1, argv)
    flip(tmp_path / "scores.partial" / file)
    assert f"{file}: is " in refused(*argv[1:]) and not (tmp_path / "scores").exists()


def test_losses_are_those_that_the_report_was_made_from(pair, data, tmp_path):
    flags = ["--pair", str(pair), "--data", str(data), "--output_dir", str(tmp_path / "scores")]
    compute_aot.main(flags)
    losses = tmp_path / "scores" / "losses.npz"
    whole = losses.read_bytes()
    flip(losses, where=len(whole) // 2)
    assert "losses.npz: is damaged, its SHA-256" in refused(*flags, "--where")
    losses.write_bytes(whole)
    compute_aot.main([*flags, "--where"])
    assert read_json(tmp_path / "scores" / "aot.json")["where"]


def test_clusters_are_those_of_the_documents(text, tmp_path):
    table = "cluster\tfirst_doc\tn_docs\n" + "".join(f"b{n}\t{2 * n}\t2\n" for n in range(10))
    (tmp_path / "books.tsv").write_text(table)
    flags = ["--source", text, "--name", "x", "--output_dir", tmp_path, "--vocab_size", 300]
    flags += ["--validation_clusters", 3]
    tokenize_lang.main([*map(str, flags), "--clusters", str(tmp_path / "books.tsv")])
    assert len(streams.read_clusters(str(tmp_path / "x"), "validation")) == 6
    flip(tmp_path / "x" / "validation.clusters.csv")
    with pytest.raises(SystemExit, match="validation.clusters.csv: is damaged, its SHA-256"):
        streams.read_clusters(str(tmp_path / "x"), "validation")


def test_what_cannot_be_read_for_a_moment_is_not_taken_for_damaged(pair, tmp_path, monkeypatch):
    run = shutil.copytree(pair / "forward", tmp_path / "run")

    def no_file(*how):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(files, "opened", no_file)
    with pytest.raises(OSError, match="Too many open files"):
        last_checkpoint(run, clean=True)
    with pytest.raises(SystemExit, match="results.json: cannot be read .Too many open files.$"):
        read_json(run / RESULTS)
    assert {path.name for path in checkpoints(run)} == {"checkpoint-8", "checkpoint-12"}
