"""The explorer as its readers meet it: a Space in a folder of its own, in a real browser, with a trained pair."""

import ast
import csv
import json
import re
import shutil
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import pytest
import torch
from conftest import one_line
from huggingface_hub.repocard import metadata_load
from packaging.specifiers import SpecifierSet
from transformers import set_seed

import compute_aot
from aot.measure.generation import continue_prompts, encode_prompt
from aot.show.style import COLOUR
from aot.tokens.windows import DIRECTIONS
from space import app as explorer

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["0110:0110", "1010:1011\n0:1", "0011:0011"]
TEXT = "\n\n".join(DOCUMENTS)
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(not BROWSER, reason="no Chromium here to drive: apt-get install chromium")


def computed(pair: Path, folder: Path, text: str) -> tuple[dict, dict]:
    """Report and losses of compute_aot.py for a text, with windows that overlap by half as on the page."""
    folder.mkdir()
    (folder / "text.txt").write_text(text, encoding="utf-8")
    flags = ["--pair", str(pair), "--text", str(folder / "text.txt"), "--stride", "4", "--output_dir"]
    compute_aot.main([*flags, str(folder / "scores")])
    return json.loads((folder / "scores/aot.json").read_text()), dict(np.load(folder / "scores/losses.npz"))


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> Path:
    """The folder that a push makes."""
    folder = tmp_path_factory.mktemp("space") / "pushed"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "space", folder, ignore=skip)
    shutil.copytree(ROOT / "aot", folder / "aot", ignore=skip)
    return folder


@pytest.fixture(scope="module")
def address(space, pair):
    """Where the Space is served, by a process of its own."""
    command = [sys.executable, "-u", "app.py", "--pair", str(pair)]
    process = subprocess.Popen(command, cwd=space, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen = ""
    for line in process.stdout:
        seen += line
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            break
    else:
        pytest.fail(seen)
    yield found[0]
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)  # of a busy machine; none is waited for in vain
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    yield page
    page.close()
    assert all(url.startswith((address, "data:", "blob:")) for url in asked), "the page needs nothing from elsewhere"


def test_two_readers_do_not_load_models_at_once(pair, second_pair, monkeypatch):
    """As `from_pretrained` patches a class while it loads, whose weights then could stay untied."""
    loading, busy = explorer.load_model, Lock()

    def load_model(path):
        assert busy.acquire(blocking=False), "two at once"
        time.sleep(0.1)
        busy.release()
        return loading(path)

    monkeypatch.setattr(explorer, "load_model", load_model)
    explorer.load_pair.cache_clear()
    with ThreadPoolExecutor(3) as readers:
        opened = list(readers.map(explorer.open_pair, map(str, (pair, second_pair, pair))))
    assert opened[0] is opened[2] and opened[0].name == str(pair) and opened[1].name == str(second_pair)


def measured(page, text: str, pairs: int = 1) -> None:
    page.locator("#text textarea").fill(text)
    page.locator("#measure").click()
    page.locator("#measured .pair").nth(pairs - 1).wait_for()


def add_pair(page, name: str) -> None:
    page.locator("#pairs input").fill(name)
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")


def alert(page) -> str:
    """The error shown, which is closed."""
    body = page.get_by_test_id("toast-body")
    body.wait_for()
    text = body.inner_text()
    page.get_by_test_id("toast-close").click()
    body.wait_for(state="detached")
    return text


def downloaded(page, kind: str) -> str:
    with page.expect_download() as download:
        page.get_by_text(kind.upper(), exact=True).click()
    assert download.value.suggested_filename == f"arrow_of_time.{kind}"
    return Path(download.value.path()).read_text(encoding="utf-8")


@needs_browser
def test_the_numbers_are_those_of_compute_aot(page, pair, tmp_path):
    measured(page, TEXT)
    backwards = "\n\n".join(document[::-1] for document in DOCUMENTS)
    table = list(csv.DictReader(downloaded(page, "csv").splitlines()))
    whole = json.loads(downloaded(page, "json"))
    verdicts = page.locator("#measured .verdict").all_inner_texts()
    assert whole["documents"] == DOCUMENTS
    for number, (which, text) in enumerate({"as it stands": TEXT, "reversed": backwards}.items()):
        report, losses = computed(pair, tmp_path / str(number), text)
        assert verdicts[number] == report["verdict"]
        rows = [row for row in table if row["text"] == which]
        assert [int(row["id"]) for row in rows] == losses["ids"].tolist()
        assert "".join(row["token"] for row in rows) == text.replace("\n\n", "∎").replace("\n", "<|unk|>") + "∎"
        assert [rows[start]["document"] for start in losses["document_starts"]] == ["0", "1", "2"]
        for direction in DIRECTIONS:
            assert [float(row[direction]) for row in rows] == pytest.approx(losses[direction][0], abs=1e-5)
        assert whole["measured"][number]["report"]["aot"] == pytest.approx(report["aot"])


@needs_browser
def test_a_token_has_the_colour_of_its_direction_and_shows_both_losses(page):
    measured(page, TEXT)
    rows = list(csv.DictReader(downloaded(page, "csv").splitlines()))
    tokens = page.locator("#measured .token")
    assert tokens.count() == len(rows)
    colour = "element => getComputedStyle(element).backgroundColor"
    differences = [float(row["difference"]) for row in rows]
    for at, direction in ((np.argmax(differences), "forward"), (np.argmin(differences), "backward")):
        channels = [int(COLOUR[direction][begin : begin + 2], 16) for begin in (1, 3, 5)]
        assert tokens.nth(int(at)).evaluate(colour).startswith(f"rgba({', '.join(map(str, channels))}, 0.")
    tokens.nth(3).hover()
    shown = tokens.nth(3).evaluate("element => getComputedStyle(element, '::after').content")
    for direction in DIRECTIONS:
        assert f"{float(rows[3][direction]):.2f} nats" in shown
    for picture in page.locator("#measured img").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 300")


@needs_browser
def test_one_document_has_no_interval_and_no_arrow(page):
    measured(page, DOCUMENTS[0])
    assert all("without an interval" in text for text in page.locator("#measured .verdict").all_inner_texts())
    assert "this text is a single one" in page.locator("#measured .note").first.inner_text()
    assert "easier" not in " ".join(page.locator("#measured .verdict").all_inner_texts())


@needs_browser
def test_pairs_stand_side_by_side_and_below_each_other_on_a_phone(page, second_pair):
    add_pair(page, str(second_pair))
    measured(page, TEXT, pairs=2)
    boxes = [page.locator("#measured .pair").nth(number).bounding_box() for number in (0, 1)]
    assert boxes[1]["x"] >= boxes[0]["x"] + boxes[0]["width"] and boxes[0]["y"] == boxes[1]["y"]
    assert str(second_pair) in page.locator("#measured h3").nth(1).inner_text()
    page.set_viewport_size({"width": 390, "height": 844})
    boxes = [page.locator("#measured .pair").nth(number).bounding_box() for number in (0, 1)]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"] and boxes[0]["x"] == boxes[1]["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    edges = "all => all.map(each => each.getBoundingClientRect()).map(box => [box.left, box.right])"
    edges = page.locator("#measured .token").evaluate_all(edges)
    assert edges and all(0 <= left < right <= 390 for left, right in edges)


@needs_browser
def test_both_models_write_what_they_write_elsewhere(page, pair):
    page.get_by_role("tab", name="Write").click()
    page.locator("#prompt textarea").fill("011")
    page.get_by_label("number input for New tokens on each side").fill("5")
    page.keyboard.press("Tab")
    page.locator("#write").click()
    written = page.locator("#written .pair .written")
    written.first.wait_for()
    opened = explorer.open_pair(str(pair))
    for direction, model in opened.models.items():
        set_seed(0)
        ids = encode_prompt("011", opened.tokenizer, direction, 5, 8)
        settings = {"max_new_tokens": 5, "do_sample": True, "top_k": 0, "num_return_sequences": 3}
        texts = [each["text"] for each in continue_prompts(model, opened.tokenizer, direction, [ids], **settings)]
        assert [each.inner_text() for each in page.locator(f"#written .pair .{direction}").all()] == texts
    assert [each.inner_text() for each in page.locator("#written .pair .prompt").all()] == ["011"] * 3

    page.locator("#prompt textarea").fill("0110")
    page.locator("#write").click()
    assert "4 tokens and 5 new ones are more than the 8" in alert(page)


@needs_browser
def test_errors_say_what_to_do(page):
    page.locator("#measure").click()
    assert "There is no text yet" in alert(page)
    page.locator("#text textarea").fill(" \n\n\n ")
    page.locator("#measure").click()
    assert "There is no text yet" in alert(page)
    page.locator("#text textarea").fill("01" * 2500)
    page.locator("#measure").click()
    assert "5,001 tokens" in alert(page)
    page.locator("#text textarea").fill("01" * 20_000)
    page.locator("#measure").click()
    assert "40,000 characters" in alert(page)
    page.locator("#text textarea").fill("01")
    add_pair(page, "no/such<b>pair")
    page.locator("#measure").click()
    assert "no/such<b>pair-forward: no model there" in alert(page)
    page.locator("#pairs .remove-all").click()
    page.locator("#measure").click()
    assert "Choose a pair first" in alert(page)


def test_what_is_read_is_shown_and_not_run(pair):
    """Text is text: no markup in it becomes a part of the page."""
    shown = explorer.measure_page([str(pair)], "<script>01</script>\n\n<b>", True)
    assert "<script" not in shown and "<b>" not in shown and "&lt;" in shown.replace("&amp;lt;", "")
    written = explorer.write_page([str(pair)], "<b>", 3, 1, 0, 1, 0)
    assert "<b>" not in written and "&lt;b&gt;" in written


def test_the_colour_is_the_stronger_the_larger_the_difference():
    opacity = [int(explorer.shade(difference, 2)[7:], 16) for difference in (0, 0.5, -1, 2, -9)]
    assert opacity == sorted(opacity) and opacity[0] == 0 and opacity[-1] == opacity[-2] == round(255 * 0.7)
    assert explorer.shade(1, 2).startswith(COLOUR["forward"]) and explorer.shade(-1, 2).startswith(COLOUR["backward"])


def test_a_model_that_ignores_its_context_shows_no_difference(pair):
    opened = explorer.open_pair(str(pair))

    class Deaf(torch.nn.Module):
        device, config = opened.models["forward"].device, opened.models["forward"].config
        logits = torch.randn(5, generator=torch.manual_seed(0))

        def forward(self, input_ids):
            return type("Output", (), {"logits": self.logits.expand(*input_ids.shape, -1)})

    deaf = explorer.Pair("deaf", dict.fromkeys(DIRECTIONS, Deaf()), opened.tokenizer, opened.context)
    found = explorer.measure(deaf, "as it stands", DOCUMENTS)
    assert not found.difference.any() and found.report["aot"] == 0
    said = explorer.verdict_html(found.report)
    assert "not told apart" in said and "hardly learned" in said


def test_without_a_pair_it_names_the_way_to_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="make demo") as stopped:
        explorer.main([])
    assert one_line(stopped)
    with pytest.raises(SystemExit, match="no model there"):
        explorer.main(["--pair", "no/such-pair"])


def test_pairs_come_from_flags_the_card_and_finished_runs(pair, second_pair, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/demo-text-seed1").symlink_to(pair)
    (tmp_path / "runs/a").symlink_to(second_pair)
    (tmp_path / "runs/unfinished/forward").mkdir(parents=True)
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/fr-books").symlink_to(pair)
    links = "models:\n- user/name-forward\n- user/name-backward\n- other/model\n---\n"
    card = tmp_path / "README.md"
    card.write_text(explorer.CARD.read_text(encoding="utf-8").replace("\n---\n", "\n" + links, 1), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runs = ["pairs/fr-books", "runs/demo-text-seed1", "runs/a"]
    assert explorer.known_pairs(["given", "user/name"], card) == ["given", "user/name", *runs]
    assert explorer.known_pairs([]) == explorer.known_pairs([], tmp_path / "none.md") == runs


def test_the_space_names_what_it_imports_in_the_versions_of_the_project():
    def by_name(lines):
        return {re.match(r"[\w-]+", line)[0]: line for line in lines}

    own = by_name((ROOT / "space/requirements.txt").read_text(encoding="utf-8").splitlines())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    project = by_name([*package["dependencies"], *package["optional-dependencies"]["explorer"]])
    assert {name: line for name, line in own.items() if name != "pyyaml"}.items() <= project.items()
    version = metadata_load(ROOT / "space/README.md")["sdk_version"]
    assert version in SpecifierSet(project["gradio"].removeprefix("gradio"))

    imported, waiting = set(), ["space.app"]  # what is imported at once, and so on from the modules of our own
    while waiting:
        file = ROOT / f"{waiting.pop().replace('.', '/')}.py"
        for node in ast.parse(file.read_text(encoding="utf-8")).body if file.exists() else []:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            waiting += [name for name in names if name.startswith("aot") and name not in imported]
            imported |= set(names)
    imported = {name.split(".")[0] for name in imported}
    named = {{"pyyaml": "yaml"}.get(name, name.replace("-", "_")) for name in own}
    assert {"torch", "rich", "aot"} < imported
    assert imported - set(sys.stdlib_module_names) - {"aot", "gradio", "safetensors"} <= named
