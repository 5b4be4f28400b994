"""A page of its own for a part of the explorer: its styles and modules in Chromium, without a server, and data."""

import re

import pytest
from pages import DESKTOP, ROOT

SPACE = ROOT / "space"
SECURE, PLAIN = "http://localhost/", "http://explorer.test/"  # a browser lets pages copy on the first alone
SHEETS = ["page/style.css", *(f"panels/{name}.css" for name in ("panels", "share", "quick", "write"))]
BARE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Panels</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{"".join(f'<link rel="stylesheet" href="{sheet}">' for sheet in SHEETS)}</head>
<body><div id="notice" role="alert" hidden></div><main id="main"></main></body></html>"""
TYPES = {".js": "text/javascript", ".css": "text/css"}


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
