"""The explorer's panels in Chromium, each on a page of its own: pictures, files, links, the profile, writing, API."""

import base64
import contextlib
import csv
import io
import json
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from pages import DESKTOP, PHONE, ROOT, axe
from PIL import Image

SPACE = ROOT / "space"
SECURE, PLAIN = "http://localhost/", "http://explorer.test/"  # a browser lets pages copy on the first alone
SHEETS = ["page/style.css", *(f"panels/{name}.css" for name in ("panels", "share", "quick", "write"))]
BARE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Panels</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{"".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in SHEETS)}</head>
<body><div id="notice" role="alert" hidden></div><main id="main"></main></body></html>"""
TYPES = {".js": "text/javascript", ".css": "text/css"}
ENGLISH = 'She waited   at the window,\nand <not> & "so" on.\tTabbed 👩‍👩‍👧 🇩🇪 e\u0301 \x01 中文'
ENGLISH += 12 * "很长很长"
ARABIC = "كان يا ما كان في قديم الزمان ملك عظيم يحكم بلادا واسعة، وكان له (1984) abc ثلاثة أبناء وكل واحد منهم شجاع."
HEBREW = "בראשית ברא אלהים את השמים ואת הארץ. והארץ היתה תהו 12,5 English words ובהו וחשך על פני תהום."
LEARNERS = ["1", "2", "3", "4", "6", "8", "12", "6+words", "12+words+match+adjust"]
PICTURE = """async ({units, tallest}) => {
    const modules = ["panels/text.js", "page/selection.js", "panels/picture.js"].map((each) => import("/" + each));
    const [{colouredText, shade}, {Selection}, {pictureSvg, picturePng}] = await Promise.all(modules);
    const tokens = colouredText(units, {selection: new Selection(), number: 0, name: "x"});
    document.querySelector("main").replaceChildren(tokens);
    const scale = {nats: 2.5, ends: [shade(-1, 1), shade(1, 1)]};
    const part = {title: "∂ = +1.23 %", sentence: "Forward is easier.", tokens, name: "en-books", scale};
    const svg = await pictureSvg(part, {tallest: tallest ?? Infinity});
    const reader = new FileReader();
    reader.readAsDataURL(await picturePng(svg));
    await new Promise((done) => (reader.onload = done));
    tokens.style.maxHeight = "none";
    return [svg, reader.result.split(",")[1]];
}"""


@pytest.fixture
def board(browser):
    """Opens an empty page with the explorer's styles and modules, whose errors fail the test."""
    contexts, errors = [], []

    def answer(route):
        path = SPACE / route.request.url.split("/", 3)[3].split("?")[0].split("#")[0]
        if path.is_file():
            return route.fulfill(body=path.read_bytes(), content_type=TYPES.get(path.suffix, "text/plain"))
        return route.fulfill(body=BARE, content_type="text/html; charset=utf-8")

    def opened(device=DESKTOP, address=SECURE, **settings):
        context = browser.new_context(**{**device, **settings})
        contexts.append(context)
        context.route("**/*", answer)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not errors


def units_of(documents: list[str], size: int = 3) -> list[dict]:
    """Units of `size` characters, none of them cut, with differences of −2.5 to +2.5 nats."""
    units = []
    for number, document in enumerate(documents):
        characters = re.findall(r"👩‍👩‍👧|🇩🇪|e\u0301|.", document, re.S)
        texts = ["".join(characters[at : at + size]) for at in range(0, len(characters), size)]
        for text in [*texts, "∎"]:
            at = len(units)
            losses = {"forward": 3, "backward": 3 + (at * 7 % 11 - 5) / 2}
            units.append({"text": text, "document": number, "token": at, "tokens": 1, **losses})
    return units


def answer_of(units: list[dict], **result) -> dict:
    """An answer of /measure of these units, each a token."""
    texts = [unit["text"] for unit in units]
    starts = [at for at, unit in enumerate(units) if at == 0 or unit["document"] != units[at - 1]["document"]]
    losses = {each: [[unit[each] for unit in units]] for each in ("forward", "backward")}
    tokens = {"ids": list(range(5, 5 + len(texts))), "texts": texts, "starts": starts, **losses}
    report = {"aot": 0.0123, "low": -0.004, "high": 0.0286, "verdict": "These two are not told apart."}
    base = {"name": "pairs/en-books", "pairs": ["pairs/en-books"], "message": None, "report": report}
    results = [{**base, "units": units, "tokens": tokens, **result}]
    return {"kind": "pair", "documents": ["…"], "reversed": False, "notices": [], "results": results}


def picture(page, units, tallest=None) -> tuple[ET.Element, Image.Image]:
    svg, png = page.evaluate(PICTURE, {"units": units, "tallest": tallest})
    return ET.fromstring(svg), Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


def of(tree: ET.Element, tag: str) -> list[ET.Element]:
    return tree.findall(f".//{{http://www.w3.org/2000/svg}}{tag}")


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    "device, scheme, back", [(DESKTOP, "light", (255, 255, 255)), (PHONE, "dark", (0x14, 0x17, 0x1A))]
)
def test_a_picture_is_the_text_as_the_page_shows_it(board, device, scheme, back):
    page = board({**device, "device_scale_factor": 2}, color_scheme=scheme)
    tree, png = picture(page, units_of([ENGLISH, ARABIC, HEBREW]))
    text = squeezed("".join(each.text for each in of(tree, "text")))
    shown = squeezed(page.locator(".tokens").text_content()).replace("\x01", "\ufffd")
    assert shown in text and text.startswith(squeezed("∂ = +1.23 %Forward is easier."))
    assert all(word in text for word in ("backwardeasier,−2.5", "+2.5nats,forwardeasier", "en-books·arrowoftime"))
    turned = squeezed("".join(each.text for each in of(tree, "text") if each.get("direction") == "rtl"))
    assert turned == squeezed(f"{ARABIC}∎{HEBREW}∎")  # whole lines, whose letters join
    assert not {each.tag.split("}")[1] for each in tree.iter()} & {"foreignObject", "image", "script", "style", "use"}
    assert not [name for each in tree.iter() for name in each.attrib if name.endswith("href")]
    assert png.size == (2 * int(tree.get("width")), 2 * int(tree.get("height"))) and png.getpixel((4, 4)) == back
    # what is on the page at the same place is the same, but for smoothing
    page.add_style_tag(content=".token { border-radius: 0 !important }")
    seen = Image.open(io.BytesIO(page.locator(".tokens").screenshot())).convert("RGB")
    first = min(float(each.get("y")) for each in of(tree, "rect")[1:])
    inside = page.evaluate("""() => {
        const top = document.querySelector(".token").getClientRects()[0].top;
        return top - document.querySelector(".tokens").getBoundingClientRect().top;
    }""")
    left, top, shown = 48, round(2 * (first - inside)), np.asarray(seen, float)
    drawn = [png.crop((left, top + by, left + seen.width, top + by + seen.height)) for by in (-1, 0, 1)]
    apart = min(np.abs(np.asarray(each, float) - shown).mean() for each in drawn)
    mirrored = np.abs(np.asarray(drawn[1], float)[:, ::-1] - shown).mean()
    assert apart < 7 < 30 < mirrored, (apart, mirrored)


def test_a_picture_of_a_long_text_is_whole_as_svg_and_says_where_a_png_ends(board):
    page = board(PHONE)
    units = units_of([30 * "It was a bright cold day in April, and the clocks were striking. "], 4)
    whole, _ = picture(page, units)
    text = "".join(each.text for each in of(whole, "text"))
    assert squeezed("".join(unit["text"] for unit in units)) in squeezed(text)
    cut, png = picture(page, units, tallest=600)
    words = [each.text for each in of(cut, "text")]
    assert int(cut.get("height")) <= 600 < int(whole.get("height")) and png.height == 2 * int(cut.get("height"))
    assert "… the text goes on" in words and "en-books · arrow of time" in words
    assert len(np.unique(np.asarray(png).reshape(-1, 3), axis=0)) > 100


SHARE = """async (data) => {
    const modules = ["panels/text.js", "page/selection.js", "panels/share.js"].map((each) => import("/" + each));
    const [{colouredText}, {Selection}, {share}] = await Promise.all(modules);
    const node = document.createElement("article");
    for (const {results} of [data.result].flat()) for (const {units} of results) {
        node.append(colouredText(units, {selection: new Selection(), number: 0, name: "x"}));
    }
    node.append(share({...data, node}));
    document.querySelector("main").replaceChildren(node);
}"""


def shared(page, result, text="One.", pairs=("pairs/en-books",)):
    page.evaluate(SHARE, {"result": result, "text": text, "pairs": list(pairs)})


def download(page, kind: str) -> str | bytes:
    with page.expect_download() as waited:
        page.locator(f"[data-share={kind}]").click()
    assert waited.value.suggested_filename == f"arrow_of_time.{kind}"
    content = Path(waited.value.path()).read_bytes()
    return content if kind == "png" else content.decode()


def test_the_files_hold_every_number(board):
    texts = ["=1+1", ' "so"', ",\r\n", "@é", "∎", "Two", "∎"]
    units = [
        {"text": text, "document": int(at > 4), "token": at, "tokens": 1, "forward": 0.1 + at, "backward": 3}
        for at, text in enumerate(texts)
    ]
    answer = answer_of(units)
    quick = {"kind": "quick", "documents": [], "reversed": True, "notices": []}
    quick["results"] = [{"name": "quick learner", "message": None, "report": None, "units": units[:2]}]
    page = board()
    shared(page, [answer, quick])
    columns = "pair text document position id token forward backward difference".split()
    rows = [*csv.reader(io.StringIO(download(page, "csv"), newline=""))]
    assert rows[0] == columns and [row[5] for row in rows[1:8]] == texts
    assert rows[6] == ["pairs/en-books", "as it stands", "1", "5", "10", "Two", "5.1", "3", str(3 - 5.1)]
    assert rows[8:] == [
        ["quick learner", "reversed", "0", str(at), "", texts[at], str(0.1 + at), "3", str(3 - (0.1 + at))]
        for at in range(2)
    ]
    assert json.loads(download(page, "json")) == [answer, quick]
    svg = download(page, "svg")
    assert ET.fromstring(svg) is not None and "∂ = +1.23\u00a0% (−0.40\u00a0% to +2.86\u00a0%)" in svg
    assert download(page, "png").startswith(b"\x89PNG")

    two = answer_of(units, pairs=["runs/a-seed1", "runs/a-seed2"])
    for direction in ("forward", "backward"):
        two["results"][0]["tokens"][direction] *= 2
    shared(page, two)
    rows = [*csv.DictReader(io.StringIO(download(page, "csv"), newline=""))]
    seeds = [(row["pair"], row["seed"]) for row in rows]
    assert seeds == 7 * [("runs/a-seed1", "1")] + 7 * [("runs/a-seed2", "2")]
    assert json.loads(download(page, "json")) == two


def test_links_are_copied_and_said_to_be(board):
    page = board(permissions=["clipboard-read", "clipboard-write"])
    shared(page, answer_of(units_of(["One."])), "A & B\n100 % 😀", ["pairs/en-books", "USER/NAME"])
    copied = "async () => navigator.clipboard.readText()"
    page.locator("[data-share=link]").click()
    assert page.get_by_role("status").text_content() == "" or page.get_by_text("Copied the link.").wait_for() is None
    link = page.evaluate(copied)
    assert link == f"{SECURE}?pair=pairs%2Fen-books&pair=USER%2FNAME&text=A+%26+B%0A100+%25+%F0%9F%98%80"
    page.locator("[data-share=embed]").click()
    page.get_by_text("Copied HTML for another page.").wait_for()
    frame = ET.fromstring(page.evaluate(copied))
    assert frame.tag == "iframe" and frame.get("src") == f"{link}&embed=1" and frame.get("loading") == "lazy"
    assert frame.get("title") and frame.get("width").isdigit() and frame.get("height").isdigit()
    shared(page, answer_of(units_of(["One."])), 3000 * "é ")
    page.locator("[data-share=link]").click()
    page.get_by_text("too long for an address").wait_for()
    assert page.evaluate(copied) == f"{SECURE}?pair=pairs%2Fen-books"
    assert page.locator("[data-share=api]").get_attribute("href") == "#api"


def test_where_the_browser_does_not_copy_a_field_is_selected(board):
    page = board(address=PLAIN)
    assert page.evaluate("navigator.clipboard") is None
    shared(page, answer_of(units_of(["One."])), "One.")
    page.locator("[data-share=link]").click()
    field = page.get_by_label("Text to copy")
    field.wait_for()
    link = f"{PLAIN}?pair=pairs%2Fen-books&text=One."
    assert field.input_value() == link and page.evaluate("getSelection().toString()") == link
    assert page.get_by_role("status").get_by_text("Ctrl+C").is_visible()


def test_an_address_holds_any_text(board):
    page = board()
    signs = [*"%&#+?=/\\ \t\n\r\"'<>;:aé中א\u0301\u200f\u2028\x00\x01", "😀", "\r\n", "%41", "&text="]
    dice = random.Random(0)
    texts = ["", "%", *signs] + ["".join(dice.choices(signs, k=dice.randrange(1, 30))) for _ in range(300)]
    wanted = [
        {"pairs": dice.choices(["pairs/en-books", "a&b#c", "USER/NÄME"], k=at % 4), "text": text, "embed": at % 2 == 0}
        for at, text in enumerate([None, None, *texts])
    ]
    both = """async (wanted) => {
        const {address, readAddress} = await import("/page/address.js");
        return wanted.map((each) => readAddress(new URL(address(each)).search));
    }"""
    assert page.evaluate(both, wanted) == wanted
    make = 'async (each) => (await import("/page/address.js")).address(each)'
    read = 'async () => (await import("/page/address.js")).readAddress(location.search)'
    for each in wanted[2::40]:
        page.goto(page.evaluate(make, each))
        assert page.evaluate(read) == each
    assert page.evaluate(make, {}) == SECURE


def profile_of(*, single: bool = False) -> list[dict]:
    rows = []
    for at, learner in enumerate(LEARNERS):
        aot = 0.004 * at - 0.008
        bounds = (None, None) if single else (aot - 0.005, aot + 0.005)
        null = {"aot": 0.001, "low": None if single else -0.003, "high": None if single else 0.003}
        bits = {"forward": 2.5, "backward": 2.5 + at / 100}
        rows.append({"learner": learner, "aot": aot, "low": bounds[0], "high": bounds[1], "bits": bits, "null": null})
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
    said = page.get_by_role("img").locator("desc").text_content()
    assert "contexts of up to 1 character: ∂ = −0.80 %, −1.30 % to −0.30 %; by chance alone −0.30 % to +0.30 %" in said
    assert said.count("∂ =") == len(LEARNERS)
    points.nth(7).locator(".reach").hover()
    assert "up to 6 characters and words: ∂ = +2.00 %" in page.locator(".readout").text_content()
    page.get_by_text("The same as a table").click()
    cells = page.get_by_role("row").nth(2).locator("th, td").all_text_contents()
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
    page.get_by_label("Pair").select_option("pairs/b")
    page.get_by_label("Prompt").fill(" the <king>")
    page.get_by_label("Temperature").fill("7")
    page.get_by_label("Prompt").press("Control+Enter")
    assert "Temperature: give a number in steps of 0.05 from 0.1 to 2." in page.get_by_role("alert").text_content()
    assert page.evaluate("document.activeElement.id") == "write-temperature" and page.evaluate("asked") == []
    page.get_by_label("Temperature").fill("0.8")
    page.get_by_label("Prompt").press("Control+Enter")
    page.get_by_text("2 of 3 are before this one, about 5 s.").wait_for()
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
    page.get_by_role("button", name="Write").click()
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
    texts.nth(1).wait_for()
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


@pytest.mark.parametrize("device", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_panels(board, device, scheme):
    page = board(device, color_scheme=scheme)
    result = {"name": "pairs/b", "prompt": " the king", "backward": ["Then"], "forward": [" said."]}
    page.evaluate(WRITE, {"pairs": ["pairs/b"], "answer": {"results": [result]}})
    page.get_by_role("button", name="Write").click()
    page.evaluate("go()")
    page.locator("ol.written li").wait_for()
    assert axe(page) == []
    page.evaluate(API, [SECURE, ["pairs/en-books"]])
    assert axe(page) == []
    shared(page, answer_of(units_of(["One."])))
    assert axe(page) == [] and page.evaluate("document.documentElement.scrollWidth <= innerWidth")
