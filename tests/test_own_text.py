"""run_clm_reverse.py with a text in the place of a data folder, as those who know run_clm would call it."""

import pytest
from conftest import ROOT, SETTINGS, one_line

import run_clm_reverse
import tokenize_lang
from aot.base.files import read_json
from aot.base.folders import RESULTS
from aot.tokens.data_folder import read_meta
from aot.tokens.own_text import OwnText

TEXT = ["--train_file", "my.txt", "--validation_file", "dev.txt", "--vocab_size", "300"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two texts in it."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "corpora/en.txt").read_text(encoding="utf-8")
    (tmp_path / "one.txt").write_text("one document\n", encoding="utf-8")
    (tmp_path / "my.txt").write_text(text[:20_000], encoding="utf-8")
    (tmp_path / "dev.txt").write_text(text[60_000:64_000], encoding="utf-8")
    return tmp_path


def train(*flags: str) -> None:
    run_clm_reverse.main(["--output_dir", "runs/my", *SETTINGS, "--max_steps", "2", *flags])


def test_a_text_is_tokenized_and_trained_on(here, capsys):
    train(*TEXT, "--seeds", "1", "2")
    assert "data/my: the data folder; --data data/my trains on it, too\n" in capsys.readouterr().out
    same = "--source my.txt --validation_source dev.txt --vocab_size 300 --name same".split()
    tokenize_lang.main(same)
    assert read_meta("data/my")["data_sha256"] == read_meta("data/same")["data_sha256"]
    for seed in (1, 2):
        command = read_json(here / f"runs/my-seed{seed}/backward" / RESULTS)["command"]
        assert "--data data/my" in command and "train_file" not in command and f"--seed {seed}" in command
    train(*TEXT, "--seeds", "1", "2")
    assert capsys.readouterr().out.count("finished before") == 5  # the data and four models


def test_it_is_not_made_from_another_text_unseen(here):
    train(*TEXT)
    (here / "my.txt").write_text("".join(f"text {number}\n\n" for number in range(500)), encoding="utf-8")
    with pytest.raises(SystemExit, match="data/my: made from other inputs .* Choose another name") as stopped:
        train(*TEXT)
    assert one_line(stopped)
    other = "--data data/mine --train_file my.txt --validation_split_percentage 40 --vocab_size 270"
    train(*other.split(), "--output_dir", "runs/other")
    assert read_meta("data/mine")["arguments"]["validation_fraction"] == 0.4


@pytest.mark.parametrize("flags, says", [
    ("", "give a data folder, --data, or a text: --train_file FILE or --dataset_name ID"),
    ("--data data/en --vocab_size 300", "--vocab_size: is about a text, --train_file or --dataset_name, which is not"),
    ("--train_file none.txt", "none.txt"),
    ("--train_file my.txt --validation_file dev.txt --validation_split_percentage 3", "leave out one"),
    ("--train_file my.txt --validation_split_percentage 300", "must lie below 100"),
    ("--train_file my.txt --max_train_samples 0", "--max_train_samples 0: must be at least 1"),
    ("--train_file one.txt", r"another --validation_split_percentage.* \(--documents, --seed: of tokenize_lang.py\)"),
])  # fmt: skip
def test_what_does_not_go_together(here, flags, says):
    with pytest.raises(SystemExit, match=says) as stopped:
        train(*flags.split())
    assert one_line(stopped) and not (here / "runs").exists()


def test_the_folder_is_named_after_the_text():
    assert OwnText(train_file=["texts/my.txt", "b.txt"]).folder == "data/my"
    assert OwnText(dataset_name="ann/wikitext", dataset_config_name="raw").folder == "data/wikitext-raw"
