"""The page of the explorer in Chromium: a text, its colours, and what each direction expected."""

import json
import re
from pathlib import Path

import pytest
from steps import DIGITS, TWO_SEEDS, card, measured, written

ROOT = Path(__file__).parent.parent


@pytest.fixture
def example():
    return json.loads((ROOT / "space/examples/measured.json").read_text(encoding="utf-8"))["examples"][0]


def test_the_first_view_is_a_result_that_nobody_had_to_wait_for(page, example):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    tokens = card(page).locator(".token")
    tokens.first.wait_for()
    assert tokens.count() == len(example["pair_result"]["results"][0]["units"])
    assert not [url for url in asked if "queue" in url]
    report = example["pair_result"]["results"][0]["report"]
    shown = page.locator("#result .arrow-size").inner_text().replace("−", "-").replace("\xa0", " ")
    assert f"{100 * report['aot']:+.2f} %" in shown
    assert page.locator("#result .claim").inner_text() == example["pair_result"]["results"][0]["finding"]
    below = page.locator("#source").bounding_box()["y"]
    assert page.locator("#result").bounding_box()["y"] < tokens.first.bounding_box()["y"] < below
    assert tokens.first.bounding_box()["y"] < page.viewport_size["height"]


def test_on_a_phone_it_is_seen_at_once_too(phone):
    first = card(phone).locator(".token").first
    first.wait_for()
    assert first.bounding_box()["y"] < phone.viewport_size["height"]
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_token_has_the_colour_of_the_direction_that_is_easier(page, example):
    units = example["pair_result"]["results"][0]["units"]
    differences = [unit["backward"] - unit["forward"] for unit in units]
    for most, name in ((max(differences), "forward"), (min(differences), "backward")):
        token = card(page).locator(".token").nth(differences.index(most))
        assert f"--{name}-fill) 70%" in token.get_attribute("style")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_can_be_read_on_every_colour(page, scheme):
    page.emulate_media(color_scheme=scheme)
    card(page).locator(".token").first.wait_for()
    worst = page.evaluate("""() => {
      const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      const luminance = (pixel) => pixel.slice(0, 3).map((each) => each / 255)
        .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
        .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
      const painted = (...colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        return luminance([...canvas.getImageData(0, 0, 1, 1).data]);
      };
      const ground = getComputedStyle(document.body).backgroundColor;
      return Math.min(...[...document.querySelectorAll(".token")].map((token) => {
        const style = getComputedStyle(token);
        const [one, other] = [style.backgroundColor, style.color].map((each) => painted(ground, each) + 0.05);
        return Math.max(one / other, other / one);
      }));
    }""")
    assert 4.5 <= worst < 21


TEXTS = {
    "emoji": "I like it 👍🏽 and 👩‍👩‍👧 and 🇫🇷.",
    "chinese": "天地玄黃，宇宙洪荒。",
    "accents": "Un café, une crème brûlée.",
    "hebrew": "בראשית ברא אלהים את השמים ואת הארץ.",
    "arabic": "في البدء خلق الله السماوات والأرض.",
}


@pytest.mark.parametrize("name", TEXTS)
def test_no_character_is_cut_in_any_script(page, name):
    measured(page, TEXTS[name], "pairs/fr-books")
    for number in (0, 1):
        tokens = card(page, number).locator(".token")
        assert written(tokens).rstrip("∎\n") == TEXTS[name]
    way = card(page).locator(".document").evaluate("element => getComputedStyle(element).direction")
    assert way == ("rtl" if name in ("hebrew", "arabic") else "ltr")


def test_right_to_left_text_runs_and_is_walked_through_from_right_to_left(page):
    measured(page, TEXTS["hebrew"], "pairs/fr-books")
    tokens = card(page).locator(".token")
    assert tokens.nth(0).bounding_box()["x"] > tokens.nth(4).bounding_box()["x"]
    card(page).locator(".tokens").focus()
    for key in ("Home", "ArrowLeft", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert card(page).locator(".token.chosen").get_attribute("data-unit") == "1"


def test_what_a_pair_cannot_read_gets_a_message_and_no_arrow(page):
    measured(page, TEXTS["chinese"] * 3, "pairs/en-books")
    assert "cannot read this text" in card(page).locator(".message").inner_text()
    assert not page.locator("#result .arrow-size").count()
    assert "quick learner" in page.locator("#result .headline").inner_text()
    rows = page.locator("#result .arrows tbody tr")
    assert rows.nth(0).locator(".arrow").inner_text() == "–"
    assert "%" in rows.nth(1).locator(".arrow").inner_text()


def test_a_long_text_is_cut_at_a_sentence_and_it_is_said(page):
    measured(page, "👍🏽👍🏽👍🏽👍🏽. " * 160, "pairs/en-books")  # characters of eight tokens each
    assert "cut at the end of a sentence" in page.locator("#result .cut").inner_text()
    shown = card(page).locator(".tokens").evaluate("element => element.textContent")
    assert shown.endswith("👍🏽👍🏽. 👍🏽👍🏽👍🏽👍🏽.∎")
    assert card(page, 1).locator(".token").count() == 160 * 6  # of which the quick learner reads more


def test_seeds_of_one_pair_are_one_result_and_the_table_is_on_top(page):
    measured(page, DIGITS, *TWO_SEEDS, "runs/able-seed42")
    names = page.locator("#result .arrows tbody th").all_inner_texts()
    assert len(names) == 3 and page.locator("#result .card").count() == 3
    assert "able" in names[0] and "1 more seed" in names[1] and "seeds:" in names[1] and "quick" in names[2]
    told = names[1].split("seeds: ")[1].split(", ")
    assert len(told) == 2 and all(re.fullmatch(r"[−+]?\d+\.\d\d\xa0%", each) for each in told), told
    assert page.locator("#result .arrows").bounding_box()["y"] < card(page).bounding_box()["y"]


def test_the_text_reversed_is_measured_on_demand(page):
    measured(page, DIGITS, TWO_SEEDS[0])
    assert page.locator("#result .card").count() == 2
    page.locator("#reverse").click()
    card(page, 3).wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H2"
    headings = page.locator("#result .card h3").all_inner_texts()
    assert [heading.endswith("text reversed") for heading in headings] == [False, True, False, True]
    turned = written(card(page, 3).locator(".token")).replace("∎", "").replace("\n", "")
    assert turned == "".join(document[::-1] for document in DIGITS.split("\n\n"))


def test_the_box_says_what_each_direction_expected(page, example):
    unit = example["pair_result"]["results"][0]["units"][30]
    card(page).locator(".token").nth(30).hover()
    box = card(page).locator(".box")
    for direction in ("forward", "backward"):
        assert f"{unit[direction]:.2f} nats" in box.locator(f".columns .{direction} .loss").inner_text()
        shown = box.locator(f".expected.{direction} li code").all_inner_texts()
        assert shown == [text.replace(" ", "·").replace("\n", "↵") for text, _ in unit["expected"][direction]]
        assert len(shown) == 5
    at, beside = card(page).locator(".token").nth(30).bounding_box(), box.bounding_box()
    below, above = beside["y"] - at["y"] - at["height"], at["y"] - beside["y"] - beside["height"]
    assert min(abs(below), abs(above)) < 30
    assert card(page).locator(".before").count() == 30
    after = min(unit["read"][1], len(example["pair_result"]["results"][0]["units"]) - 31)
    assert 0 < card(page).locator(".after").count() <= after
    page.mouse.move(5, 5)
    assert not box.is_visible() and not card(page).locator(".before").count()


def test_arrow_keys_go_from_token_to_token_and_the_figures_follow(page):
    text = card(page).locator(".tokens")
    text.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert card(page).locator(".token.chosen").get_attribute("data-unit") == "1"
    assert card(page).locator("[aria-live]").inner_text()
    assert card(page).locator(".sum .cursor").get_attribute("visibility") == "visible"
    assert card(page).locator(".bars .bar.chosen").count() == 1
    page.keyboard.press("ArrowDown")
    places = [card(page).locator(each).first.bounding_box() for each in ('[data-unit="1"]', ".token.chosen")]
    assert places[1]["y"] > places[0]["y"] + 5
    page.keyboard.press("End")
    last = card(page).locator(".token").count() - 1
    assert card(page).locator(".token.chosen").get_attribute("data-unit") == str(last)
    page.keyboard.press("Escape")
    assert not card(page).locator(".token.chosen").count() and not card(page).locator(".box").is_visible()


def test_the_figure_chooses_the_token_of_the_text(page):
    figure = card(page).locator(".sum")
    figure.scroll_into_view_if_needed()
    box = figure.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chosen = int(card(page).locator(".token.chosen").get_attribute("data-unit"))
    count = card(page).locator(".token").count()
    assert abs(chosen / count - 0.46) < 0.06
    tokens, token = card(page).locator(".tokens").bounding_box(), card(page).locator(".token.chosen").bounding_box()
    assert tokens["y"] <= token["y"] + token["height"] and token["y"] <= tokens["y"] + tokens["height"]
    page.mouse.move(5, 5)
    assert not card(page).locator(".box").is_visible()


def test_a_tap_shows_the_box_within_the_page(phone):
    token = card(phone).locator(".token").nth(12)
    token.tap()
    box = card(phone).locator(".box").bounding_box()
    assert card(phone).locator(".token.chosen").get_attribute("data-unit") == "12"
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    phone.locator("#result .sentence").first.tap()
    assert not card(phone).locator(".box").is_visible()


def test_a_finger_that_scrolls_over_the_text_chooses_nothing(phone):
    token = card(phone).locator(".token").nth(12)
    token.wait_for()
    place, finger = token.bounding_box(), phone.context.new_cdp_session(phone)
    for kind, up in (("touchStart", 0), ("touchMove", 40), ("touchMove", 120)):
        at = {"x": place["x"] + 3, "y": place["y"] + 3 - up}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert not card(phone).locator(".box").is_visible() and not card(phone).locator(".chosen").count()
