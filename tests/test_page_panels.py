"""The quick learner's profile, writing and the commands of the API, in Chromium and as they are run."""

import contextlib
import io
import json
import re
import shutil
import subprocess

import pytest
from boards import SECURE
from pages import DESKTOP, PHONE, axe

LEARNERS = ["1", "2", "3", "4", "6", "8", "12", "6+words", "12+words+match+adjust"]


def profile_of(*, single: bool = False) -> list[dict]:
    rows = []
    for at, learner in enumerate(LEARNERS):
        aot = 0.004 * at - 0.008
        bounds = (None, None) if single else (aot - 0.005, aot + 0.005)
        null = {"aot": 0.001, "low": None if single else -0.003, "high": None if single else 0.003}
        bits = {"forward": 2.5, "backward": 2.5 + at / 100}
        easier = None if single or bounds[0] < 0 < bounds[1] else "forward" if aot > 0 else "backward"
        own = {"aot": aot, "low": bounds[0], "high": bounds[1], "easier": easier}
        rows.append({"learner": learner, **own, "bits": bits, "null": null})
    return rows


PROFILE = """async (rows) => {
    const {profile} = await import("/panels/quick.js");
    const title = document.createElement("h1");
    title.textContent = "Profile";
    document.querySelector("main").replaceChildren(title, profile(rows));
}"""


@pytest.mark.parametrize("device, scheme", [(DESKTOP, "light"), (PHONE, "dark")])
def test_a_profile_shows_and_tells_its_numbers(board, device, scheme):
    page = board(device, color_scheme=scheme)
    page.evaluate(PROFILE, profile_of())
    points = page.locator(".profile .point")
    assert [each.get_attribute("data-learner") for each in points.all()] == LEARNERS
    heights = [each.locator("circle, rect:not(.reach)").bounding_box()["y"] for each in points.all()]
    assert heights == sorted(heights, reverse=True) and page.locator(".profile .null").count() == len(LEARNERS)
    kinds = [each.get_attribute("class").split()[1] for each in points.all()]
    assert kinds == ["backward"] + 3 * ["open"] + 5 * ["forward"]
    said = page.get_by_role("img").locator("desc").text_content().replace("\xa0", " ")
    assert "contexts of up to 1 character: ∂ = −0.80 %, −1.30 % to −0.30 %; by chance alone −0.30 % to +0.30 %" in said
    assert said.count("∂ =") == len(LEARNERS)
    points.nth(7).locator(".reach").hover()
    assert "up to 6 characters and words: ∂ = +2.00 %" in page.locator(".readout").text_content().replace("\xa0", " ")
    page.get_by_text("The same as a table").click()
    cells = page.get_by_role("row").nth(2).locator("th, td").all_text_contents()
    cells = [each.replace("\xa0", " ") for each in cells]
    assert cells == ["2", "−0.40 %", "−0.90 % to +0.10 %", "2.500", "2.510", "−0.30 % to +0.30 %"]
    assert page.locator("th[scope=col]").count() == 6 and page.locator("caption").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and axe(page) == []
    page.evaluate(PROFILE, profile_of(single=True))  # one document has no intervals
    assert page.locator(".profile .null").count() == 0 and "no interval" in page.locator("desc").text_content()


WRITE = """async ({pairs, answer}) => {
    const {mount} = await import("/panels/write.js");
    window.asked = [];
    const ask = async (name, data, onQueue) => {
        window.asked.push([name, ...data]);
        onQueue({rank: 2, size: 3, eta: 4.2});
        await new Promise((done) => (window.go = done));
        if (window.broken) throw new Error("The server is tired.");
        return answer;
    };
    mount(document.querySelector("main"), {pairs, ask});
}"""


def test_writing_asks_waits_and_shows_who_wrote_what(board):
    page = board(permissions=["clipboard-read", "clipboard-write"])
    result = {"name": "pairs/b", "prompt": " the <king>", "backward": ["Then", "مرحبا"], "forward": [" said.", " &"]}
    page.evaluate(WRITE, {"pairs": ["pairs/a", "pairs/b"], "answer": {"results": [result]}})
    page.get_by_label("Pair", exact=True).select_option("pairs/b")
    page.get_by_label("Prompt").fill(" the <king>")
    page.get_by_label("Temperature").fill("7")
    page.get_by_label("Prompt").press("Control+Enter")
    assert "Temperature: give a number in steps of 0.05 from 0.1 to 2." in page.get_by_role("alert").text_content()
    assert page.evaluate("document.activeElement.id") == "write-temperature" and page.evaluate("asked") == []
    page.get_by_label("Temperature").fill("0.8")
    page.get_by_label("Prompt").press("Control+Enter")
    page.get_by_text("Waiting: number 3 of 3 in the queue, about 5 s …").wait_for()
    assert not page.get_by_role("alert").is_visible()
    page.get_by_role("button", name="Write").click(force=True)  # a second time: asked once
    assert page.evaluate("asked") == [["write", ["pairs/b"], " the <king>", 30, 0.8, 0, 3, 0]]
    page.evaluate("go()")
    page.locator("ol.written li").first.wait_for()
    texts = page.locator("ol.written li")
    assert texts.first.text_content() == "Before: Then Prompt:  the <king> Next:  said."
    texts.first.evaluate("(each) => getSelection().selectAllChildren(each)")
    page.keyboard.press("Control+C")  # what is for screen readers alone is not copied
    assert page.evaluate("async () => navigator.clipboard.readText()") == "Then the <king> said."
    lines = "(each) => getComputedStyle(each).textDecorationStyle + getComputedStyle(each).textDecorationLine"
    styles = [texts.first.locator(f"span.{each}").evaluate(lines) for each in ("backward", "forward")]
    assert styles == ["dottedunderline", "solidunderline"]
    directions = [each.evaluate("(each) => getComputedStyle(each).direction") for each in texts.all()]
    assert directions == ["ltr", "rtl"]
    page.evaluate("broken = true")
    page.get_by_label("USER/NAME").fill(" me/mine ")
    page.get_by_role("button", name="Write").click()
    assert page.evaluate("asked.at(-1)[1]") == ["me/mine"]
    page.evaluate("go()")
    page.get_by_text("The server is tired.").wait_for()
    assert page.locator("#write-status").text_content() == ""


def test_a_pair_writes_on_the_page(page):
    page.goto(page.url + "#write")
    page.locator("#write-pair").select_option("pairs/fr-books")
    page.locator("#write-prompt").fill(" le roi")
    page.locator("#write-new").fill("5")
    page.locator("#write-texts").fill("2")
    page.locator("#write-texts").press("Control+Enter")
    texts = page.locator("ol.written li")
    texts.nth(1).wait_for(timeout=180_000)  # the first to ask waits until the server has imported torch
    assert texts.count() == 2 and page.get_by_role("heading", name="fr-books").is_visible()
    for each in texts.all():
        assert re.fullmatch(r"Before: .+ Prompt:  le roi Next: .+", each.text_content(), re.S)


API = """async ([address, pairs]) => {
    const {mount} = await import("/panels/api.js");
    mount(document.querySelector("main"), {address, pairs});
}"""


def test_the_commands_of_the_page_run_as_they_are_written(board, address):
    page = board()
    page.evaluate(API, [f"{address}/", ["pairs/en-books"]])
    codes = {each.get_attribute("id"): each.text_content() for each in page.locator("pre").all()}

    def said(name: str) -> list[str]:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(codes[name], {})
        return output.getvalue().splitlines()

    assert said("python-measure")[-1].startswith("pairs/en-books ∂ = ")
    assert [line.split()[0] for line in said("python-quick")[-len(LEARNERS) :]] == LEARNERS
    assert " the king said" in "\n".join(said("python-write"))
    if shutil.which("curl"):
        curl = subprocess.run(["bash", "-c", codes["curl-measure"]], capture_output=True, text=True)
        (answer,) = json.loads(re.search(r"event: complete\ndata: (.*)", curl.stdout)[1])
        assert answer["results"][0]["name"] == "pairs/en-books" and answer["results"][0]["units"]


def test_commands_are_copied_and_scroll_by_themselves_on_a_phone(board):
    page = board(PHONE, permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(API, ["http://explorer.test/a/", ["it's a pair", "b"]])
    blocks = page.locator("pre")
    assert blocks.count() == 5 and all(each.get_attribute("tabindex") == "0" for each in blocks.all())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert any(each.evaluate("(each) => each.scrollWidth > each.clientWidth") for each in blocks.all())
    for each in page.get_by_role("button", name="Copy").all():
        each.click()
        page.get_by_text("Copied.").nth(0).wait_for()
    code = page.locator("#shell-measure").text_content()
    assert page.evaluate("async () => navigator.clipboard.readText()") == code
    told = ["bash", "-c", f"python() {{ printf '%s|' \"$@\"; }}; {code}"]
    first, second = "compute_aot.py|--pair|it's a pair|--text|letter.txt|", "compute_aot.py|--quick|--text|letter.txt|"
    assert subprocess.run(told, capture_output=True, text=True).stdout == first + second
    assert page.get_by_role("link").get_attribute("href") == "gradio_api/info"


@pytest.mark.parametrize("device, scheme", [(DESKTOP, "light"), (PHONE, "dark")])
def test_everybody_can_write_and_read_the_commands(board, device, scheme):
    page = board(device, color_scheme=scheme)
    result = {"name": "pairs/b", "prompt": " the king", "backward": ["Then"], "forward": [" said."]}
    page.evaluate(WRITE, {"pairs": ["pairs/b"], "answer": {"results": [result]}})
    page.get_by_role("button", name="Write").click()
    page.evaluate("go()")
    page.locator("ol.written li").wait_for()
    assert axe(page) == []
    page.evaluate(API, [SECURE, ["pairs/en-books"]])
    assert axe(page) == []
