"""The page of the explorer in Chromium: a text, its colours, what each direction expected, and the form."""

import json
from pathlib import Path

import pytest
from pages import axe

ROOT = Path(__file__).parent.parent
TWO_SEEDS = ["runs/tiny-seed1", "runs/tiny-seed42"]
DIGITS = "0110:0110\n\n1010:1011 0:1\n\n0011:0011"


def choose(page, *pairs: str) -> None:
    """These pairs and no others."""
    for box in page.locator("#pairs input[name=pair]").all():
        box.set_checked(box.get_attribute("value") in pairs)


def measured(page, text: str, *pairs: str) -> None:
    """The page once it shows this text by these pairs."""
    page.locator("#source").fill(text)
    choose(page, *pairs)
    page.evaluate("document.querySelector('#result .shown').dataset.before = ''")
    page.locator("#measure").click()
    page.locator("#result .shown:not([data-before])").wait_for()


def card(page, number: int = 0):
    return page.locator("#result .card").nth(number)


def written(tokens) -> str:
    """The text that spans show, with the marks for ends of lines and documents."""
    return "".join(tokens.all_inner_texts())


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
    for at, name in ((differences.index(max(differences)), "forward"), (differences.index(min(differences)), "backward")):
        token = card(page).locator(".token").nth(at)
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
        const [one, other] = [painted(ground, style.backgroundColor), painted(ground, style.color)].sort((a, b) => b - a);
        return (one + 0.05) / (other + 0.05);
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
    rows = page.locator("#result .arrows tbody tr")
    assert rows.nth(0).locator(".arrow").inner_text() == "–"
    assert "%" in rows.nth(1).locator(".arrow").inner_text()


def test_a_long_text_is_cut_at_a_sentence_and_it_is_said(page):
    sentence = "She walked down to the river. "
    measured(page, sentence * 800, "pairs/en-books")
    assert "cut at the end of a sentence" in page.locator("#result .cut").first.inner_text()
    last = card(page).locator(".token").last
    assert written(card(page).locator(".token")).rstrip("∎\n").endswith("river.") and last.inner_text().strip() == "∎"


def test_seeds_of_one_pair_are_one_result_and_the_table_is_on_top(page):
    measured(page, DIGITS, *TWO_SEEDS, "runs/able-seed42")
    names = page.locator("#result .arrows tbody th").all_inner_texts()
    assert len(names) == 3 and page.locator("#result .card").count() == 3
    assert "able" in names[0] and "1 more seed" in names[1] and "seeds:" in names[1] and "quick" in names[2]
    assert page.locator("#result table").bounding_box()["y"] < card(page).bounding_box()["y"]


def test_the_text_reversed_is_measured_on_demand(page):
    measured(page, DIGITS, TWO_SEEDS[0])
    assert page.locator("#result .card").count() == 2
    page.locator("#reverse").click()
    card(page, 3).wait_for()
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
    assert min(abs(beside["y"] - at["y"] - at["height"]), abs(beside["y"] + beside["height"] - at["y"])) < 30
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
    first, second = (card(page).locator(".token").nth(1).bounding_box(), card(page).locator(".token.chosen").bounding_box())
    assert second["y"] > first["y"] + 5
    page.keyboard.press("End")
    assert card(page).locator(".token.chosen").get_attribute("data-unit") == str(card(page).locator(".token").count() - 1)
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


def test_a_tap_shows_the_box_within_the_page(phone):
    token = card(phone).locator(".token").nth(12)
    token.tap()
    box = card(phone).locator(".box").bounding_box()
    assert card(phone).locator(".token.chosen").get_attribute("data-unit") == "12"
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_control_and_enter_measures_and_the_address_brings_a_text(page, address):
    page.goto(f"{address}/?pair=runs%2Ftiny-seed1&text=0110%3A0110")
    page.locator("#result h2", has_text="Your text").wait_for()
    assert page.locator("#source").input_value() == "0110:0110"
    assert written(card(page).locator(".token")).startswith("0110:0110")
    page.locator("#source").fill("1010")
    page.keyboard.press("Control+Enter")
    card(page).locator(".tokens", has_text="1010").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H2"


def test_an_embedded_page_is_the_result_alone(page, address):
    page.goto(f"{address}/?pair=runs%2Ftiny-seed1&text=0110%3A0110&embed=1")
    page.locator("#result h2", has_text="Your text").wait_for()
    assert card(page).is_visible() and not page.locator("#ask").is_visible() and not page.locator("nav").is_visible()


def test_one_error_at_one_place_that_goes_away(page):
    notice = page.locator("#notice")
    page.locator("#source").fill(" \n\n ")
    page.locator("#measure").click()
    assert "There is no text yet" in notice.inner_text() and notice.get_attribute("role") == "alert"
    page.keyboard.press("Escape")
    assert not notice.is_visible()
    page.locator("#source").fill("01")
    page.locator("#other-pair").fill("no/such<b>pair")
    page.locator("#measure").click()
    notice.wait_for()
    assert "no/such<b>pair" in notice.inner_text()
    page.get_by_label("Close this message").click()
    assert not notice.is_visible()
    page.locator("#other-pair").fill("/etc")
    page.locator("#measure").click()
    notice.wait_for()
    assert page.locator("[role=alert]:visible").count() == 1
    page.locator("#other-pair").fill("")
    measured(page, "01", TWO_SEEDS[0])
    assert not notice.is_visible()


def test_without_a_pair_the_quick_learner_reads_alone(page):
    measured(page, "abcabcabc\n\nabcabcabc")
    assert page.locator("#result .card").count() == 1
    assert "quick learner" in page.locator("#result .headline").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["page", "phone"])
def test_axe_finds_nothing_grave(request, device, scheme):
    page = request.getfixturevalue(device)
    page.emulate_media(color_scheme=scheme)
    card(page).locator(".tokens").focus()
    page.keyboard.press("ArrowRight")
    assert axe(page) == []
    page.locator("#source").fill("")
    page.locator("#measure").click()
    assert page.locator("#notice").is_visible() and axe(page) == []


def test_all_is_reached_by_the_tab_key_and_seen_to_be(page):
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        where = page.evaluate("""() => {
          const element = document.activeElement;
          const style = getComputedStyle(element);
          return [element.id || element.className || element.tagName, style.outlineStyle, parseFloat(style.outlineWidth)];
        }""")
        if where[0] == "BODY":
            break
        seen.add(where[0])
        assert where[1] != "none" and where[2] >= 1, where
    assert {"tokens", "source", "measure", "other-pair", "reverse", "wide"} <= seen
