"""What pip installs: one package, whose command `aot` does what the scripts do, wherever it is called."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import aot
from aot.__main__ import COMMANDS

ROOT = Path(__file__).parent.parent
NOT_SENT = ("data", "runs", "scores", "corpora", "tests", "*.egg-info", "build")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder that an installation adds to Python's own."""
    place = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT, place / "source", ignore=shutil.ignore_patterns(".*", "__pycache__", *NOT_SENT))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", place]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, place / "source"], check=True)
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


def call(installed: Path, folder: Path, *argv) -> subprocess.CompletedProcess:
    """`aot` with the package as it is installed, and not as it is here."""
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from aot.__main__ import main; main()"
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-P", "-c", code, *map(str, argv)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_one_name_is_installed(installed):
    names = {path.name for path in installed.iterdir()}
    assert names == {"aot", f"arrow_of_time-{aot.__version__}.dist-info"}


def test_a_plain_installation_needs_no_deepspeed_and_no_explorer(installed):
    lines = next(installed.glob("*.dist-info")).joinpath("METADATA").read_text(encoding="utf-8").splitlines()
    needed = [line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert any("transformers" in line for line in needed)
    assert not any(name in line for line in needed for name in ("deepspeed", "gradio", "lm_eval", "lm-eval", "pytest"))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_script_there(installed, tmp_path, name):
    done = call(installed, tmp_path, "path", name)
    assert not done.returncode and Path(done.stdout.strip()).is_file() and installed in Path(done.stdout).parents


def test_what_scripts_read_beside_them_is_there(installed):
    root = installed / "aot/root"
    names = "model_cards/pair.md model_cards/data.md model_cards/pipeline.py space/README.md space/app.py "
    names += "space/page/index.html space/panels/panels.css space/games/games.css pairs/en-books/aot.json "
    names += "pairs/fr-books/backward/model.safetensors pairs/fr-books/backward/tokenizer.json "
    names += "model_cards/model.md model_cards/generate.md model_cards/training.md model_cards/licence.md "
    names += "experiments/paper.csv experiments/published.csv accelerate_configs/ddp.yaml ds_configs/zero2.json"
    for name in names.split():
        assert (root / name).is_file(), name
    card = (installed / "aot/arrow_of_time/README.md").read_text(encoding="utf-8")
    for figure in re.findall(r"\.\./\.\./(results/[\w.]+)", card):
        assert (root / figure).is_file(), figure


def test_the_explorer_has_the_pairs_that_ship_in_any_folder(installed, tmp_path):
    code = "from pathlib import Path; from aot.explore.names import known_pairs, place_of; "
    code += "names = known_pairs([], Path('none')); print(names, Path(place_of(names[0]), 'forward').is_dir())"
    command = [sys.executable, "-P", "-c", code]
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "['pairs/en-books', 'pairs/fr-books'] True\n", done.stderr


def test_a_text_is_measured_from_any_folder(installed, tmp_path):
    text = (ROOT / "corpora/en.txt").read_text(encoding="utf-8")[:20_000]
    (tmp_path / "letter.txt").write_text(text, encoding="utf-8")
    done = call(installed, tmp_path, "quick", "--text", "letter.txt", "--learners", "2")
    assert not done.returncode, done.stderr
    assert "scores/letter.txt-quick/: aot.json" in done.stdout
    assert (tmp_path / "scores/letter.txt-quick/aot.json").is_file()
    (tmp_path / "quick.yaml").write_text("text: letter.txt\nlearners: ['2']\n", encoding="utf-8")
    again = call(installed, tmp_path, "quick", "quick.yaml")
    said, said_again = (each.stdout.splitlines() for each in (done, again))
    assert not again.returncode and said_again[:-1] == said[:-1], again.stderr
    assert (said[-1], said_again[-1]) == tuple(
        f"    aot measure {given} --quick --where" for given in ("--text letter.txt --learners 2", "quick.yaml")
    )


def test_what_it_says_of_itself_and_of_a_wrong_name(installed, tmp_path):
    assert call(installed, tmp_path, "--version").stdout == f"aot {aot.__version__}\n"
    assert all(f"\n    {name} " in call(installed, tmp_path).stdout for name in COMMANDS)
    wrong = call(installed, tmp_path, "meassure")
    said = "aot meassure: no such command; did you mean measure? See aot --help\n"
    assert wrong.returncode == 1 and wrong.stderr == said
