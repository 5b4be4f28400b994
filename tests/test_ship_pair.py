"""A pair as a folder to ship: it loads, it is scored as it is, and its cards tell of the folder and not of the Hub."""

import lzma
import re
from pathlib import Path

import pytest
import torch
from conftest import LEARNED, one_line, train
from safetensors.torch import load_file
from test_books import here, make, shelf  # noqa: F401  fixtures
from test_tokenize_lang import decoded
from transformers import AutoModelForCausalLM

import compute_aot
from aot.base.files import read_json
from aot.tokens.windows import DIRECTIONS
from experiments import ship_pair


@pytest.fixture
def shipped(here):  # noqa: F811
    """The folder of a small pair on books, without cards."""
    make(here, "en", "--validation_clusters", "12")
    train(Path("runs/en"), Path("data/en"), *LEARNED)
    ship_pair.main(["--pair", "runs/en", "--output_dir", "pairs/en-books"])
    return Path("pairs/en-books")


def score(output: str, *flags: str) -> dict:
    compute_aot.main(["--pair", "pairs/en-books", "--output_dir", output, *flags])
    return read_json(Path(output, "aot.json"))


def test_a_pair_ships_with_its_text_its_scores_and_its_cards(shipped, capsys):
    for direction in DIRECTIONS:
        weights = load_file(shipped / direction / "model.safetensors")
        assert {each.dtype for each in weights.values()} == {torch.bfloat16}
        own = AutoModelForCausalLM.from_pretrained(f"runs/en/{direction}").state_dict()
        assert all(torch.equal(own[name].to(torch.bfloat16), each) for name, each in weights.items())
        config = read_json(shipped / direction / "config.json")
        assert config["direction"] == direction and config["dtype"] == "bfloat16"
        assert ("custom_pipelines" in config) == (direction == "backward")
        assert not list((shipped / direction).glob("*.bin"))
    assert lzma.decompress((shipped / "held_out.txt.xz").read_bytes()).decode() == "\n\n".join(
        decoded(Path("data/en"), "validation")
    )
    of_data = score("scores/data", "--data", "data/en")
    of_text = score("scores/text", "--text", f"{shipped}/held_out.txt.xz", "--clusters", f"{shipped}/held_out.csv")
    assert all(of_data[key] == of_text[key] for key in ("aot", "low", "high", "documents"))
    ship_pair.main(["--output_dir", str(shipped), "--scores", "scores/data", "--license", "cc0-1.0"])
    assert read_json(shipped / "aot.json")["aot"] == of_data["aot"]
    for direction in DIRECTIONS:
        card = (shipped / direction / "README.md").read_text(encoding="utf-8")
        assert of_data["verdict"] in card and "bfloat16 here" in card and "cc0-1.0" in card
        assert "huggingface.co" not in card and "step-" not in card
        assert f'from_pretrained("{shipped}/{direction}")' in card
        linked = [target for target in re.findall(r"\]\(([^)h][^)]*)\)", card)]
        assert linked and all((shipped / direction / target).exists() for target in linked)


def test_a_folder_that_is_there_is_kept(shipped):
    with pytest.raises(SystemExit, match="pairs/en-books: is there already; delete it") as stopped:
        ship_pair.main(["--pair", "runs/en", "--output_dir", "pairs/en-books"])
    assert one_line(stopped)


@pytest.mark.parametrize("flags", [[], ["--pair", "x", "--scores", "y"]])
def test_it_is_one_thing_at_a_time(flags):
    with pytest.raises(SystemExit, match="give either --pair, to make the folder, or --scores") as stopped:
        ship_pair.main(["--output_dir", "pairs/x", *flags])
    assert one_line(stopped)
