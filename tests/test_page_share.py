"""What a reader takes along from the page: links, files, a piece of HTML."""

import csv
import io
import json
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from boards import PLAIN, SECURE, answer_of, units_of
from pages import DESKTOP, PHONE, axe

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

    page.evaluate("document.querySelectorAll('.tokens').forEach((each) => (each.hidden = true))")
    page.locator("[data-share=png]").click()
    page.get_by_role("alert").get_by_text("There is no coloured text on the page").wait_for()

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
    ]  # no pairs: the quick learner reads alone
    wanted.append({"pairs": None, "text": "The pairs are those that the page begins with.", "embed": False})
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


@pytest.mark.parametrize("device, scheme", [(DESKTOP, "dark"), (PHONE, "light")])
def test_everybody_can_share(board, device, scheme):
    page = board(device, color_scheme=scheme)
    shared(page, answer_of(units_of(["One."])))
    assert axe(page) == [] and page.evaluate("document.documentElement.scrollWidth <= innerWidth")
