"""The form of the explorer's page in Chromium: asking, errors, waiting, and use without a mouse."""

import re

import pytest
from pages import axe
from steps import TWO_SEEDS, card, choose, measured, written


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
    place = notice.bounding_box()
    assert 0 <= place["y"] < place["y"] + place["height"] < page.locator("#measure").bounding_box()["y"] < 900
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


def test_a_link_without_a_text_says_so_where_it_names_what_no_example_has(page, address):
    page.goto(f"{address}/?pair=no%2Fsuch&text=%20")
    page.locator("#notice", has_text="brings no text").wait_for()
    assert card(page).is_visible() and page.locator("#other-pair").input_value() == "no/such"


def test_what_is_asked_for_last_is_shown_and_a_double_click_asks_once(page):
    """The server does not answer until it is let."""
    asked, held = [], []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/queue/join") else None)
    page.route("**/queue/join", lambda route: held.append(route))
    page.locator("#source").fill("0110")
    choose(page, TWO_SEEDS[0])
    page.locator("#measure").dblclick()
    assert page.locator("#result[aria-busy=true]").count() == 1 and page.locator("#status").inner_text()
    page.locator("#examples button").nth(1).click()
    for route in held:
        route.continue_()
    page.wait_for_timeout(300)
    assert len(asked) == 2  # a pair, and the quick learner
    assert page.locator("#result[aria-busy]").count() == 0 and page.locator("#status").inner_text() == ""
    assert page.locator("#result h2").inner_text() == page.locator("#examples button").nth(1).inner_text()


@pytest.mark.parametrize(("device", "scheme"), [("page", "light"), ("phone", "dark")])
def test_axe_finds_nothing_grave(request, device, scheme):
    page = request.getfixturevalue(device)
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="Pride and Prejudice").click()  # short: axe looks at each token
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
          const name = element.id || element.className || element.tagName;
          return [name, style.outlineStyle, parseFloat(style.outlineWidth)];
        }""")
        if where[0] == "BODY":
            break
        seen.add(where[0])
        assert where[1] != "none" and where[2] >= 1, where
    assert {"tokens", "source", "measure", "other-pair", "reverse", "wide"} <= seen


def test_who_waits_sees_the_place_in_the_queue(page):
    """Others keep the server busy, then this reader asks."""
    page.evaluate("""async () => {
      const config = await (await fetch("config")).json();
      const fn_index = config.dependencies.find((each) => each.api_name === "quick").id;
      const data = ["some words of others. ".repeat(800), false];
      for (const other of ["a", "b", "c", "d", "e"]) {
        const body = JSON.stringify({ data, fn_index, session_hash: `other-${other}` });
        const headers = { "Content-Type": "application/json" };
        await fetch("gradio_api/queue/join", { method: "POST", headers, body });
      }
      const seen = (window.seen = []);
      const status = document.getElementById("status");
      new MutationObserver(() => seen.push(status.textContent)).observe(status, { childList: true });
    }""")
    measured(page, "0110", TWO_SEEDS[0])
    said = page.evaluate("window.seen")
    assert any(re.search(r"number \d of \d in the queue", each) for each in said), said
    assert said[-1] == ""
