"""What we write and read again: a file that was changed since is named, with what to do, before anything is made."""

import json
import shutil

import pytest
from conftest import edit, one_line, refused, train

import compute_aot
import run_clm_reverse
from aot.data import DIRECTIONS
from aot.runs import RESULTS


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
@pytest.mark.parametrize("file", ["model.safetensors", "window_losses.npy", "tokenizer.json"])
def test_a_finished_run_that_was_changed_is_neither_finished_nor_measured(file, direction, data, pair, tmp_path):
    copy = shutil.copytree(pair, tmp_path / "pair")
    assert file in json.loads((copy / direction / RESULTS).read_text())["sha256"]
    flip(copy / direction / file, where=-90)
    message = f"pair/{direction}/{file}: is damaged, its SHA-256 is another.*fetch it again, or delete"
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
