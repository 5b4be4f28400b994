"""The explorer's two games, played in a browser: on a desktop by the keys, on a phone by taps."""

import csv
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from pages import axe
from scipy import stats

GAMES = json.loads((Path(__file__).parent.parent / "space/examples/games.json").read_text(encoding="utf-8"))
ENGLISH = GAMES["languages"]["en"]
ENTROPY = 'const entropy = await import(new URL("games/entropy.js", document.baseURI));'
CHANCE = """
const chance = (seed) => () => {  // mulberry32
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
"""
# A player who is as good in one direction as in the other, but finds some sentences harder than others.
PLAYERS = (
    ENTROPY
    + CHANCE
    + """
const random = chance(seed);
const letter = (ease) => {
  let wrong = 0;
  while (wrong < 26 && random() > ease) wrong += 1;
  return { wrong: "a".repeat(wrong), shown: false };
};
const sentence = (direction) => {
  const ease = 0.35 + 0.3 * random(), length = 18 + Math.floor(15 * random());
  return { direction, letters: Array.from({ length }, () => letter(random() < 0.3 ? 0.2 : ease)) };
};
const game = () => Array.from({ length: 10 }, (_, at) => sentence(at % 2 ? "backward" : "forward"));
return Array.from({ length: games }, (_, at) => {
  const played = game();
  return { ...entropy.arrow(played), played: at < 10 ? played : null };
});
"""
)


def run(page, script: str, **given):
    """What a script gives that uses modules of the page."""
    names = ", ".join(given)
    return page.evaluate(f"async ({{{names}}}) => {{ {script} }}", given)


def upper(letters: list[dict]) -> float:
    """Shannon's upper bound in bits per letter, as numpy has it."""
    counts = np.zeros(27)
    for each in letters:
        at = len(each["wrong"])
        counts[at:] += 1 / (27 - at) if each["shown"] else np.eye(27 - at)[0]
    q = counts[counts > 0] / counts.sum()
    return float(-(q * np.log2(q)).sum())


def arrow(played: list[dict]) -> tuple[float, float, float]:
    """∂ of a game with its interval."""
    of = {name: [each["letters"] for each in played if each["direction"] == name] for name in ("forward", "backward")}

    def aot(forward, backward):
        one, other = (upper([letter for each in some for letter in each]) for some in (forward, backward))
        return (other - one) / ((one + other) / 2)

    left = [[some[:at] + some[at + 1 :] for at in range(len(some))] for some in of.values()]
    values = [aot(each, of["backward"]) for each in left[0]], [aot(of["forward"], each) for each in left[1]]
    parts = [(len(each) - 1) * np.var(each) for each in values]  # (n − 1) / n times the sum of squares
    freedom = sum(parts) ** 2 / sum(part**2 / (len(each) - 1) for part, each in zip(parts, values, strict=True))
    half = stats.t.ppf(0.975, math.floor(freedom)) * math.sqrt(sum(parts))
    middle = aot(of["forward"], of["backward"])
    return middle, middle - half, middle + half


def test_the_bounds_are_those_of_shannon(page):
    """His table for 27 letters and a context of 0 has no guess counts, so: what follows from his equation by hand."""
    counts = [64, 16, 8, 4, 4, 4] + [0] * 21
    found = run(page, ENTROPY + "return entropy.bounds(counts)", counts=counts)
    q = np.array(counts) / 100
    assert found["upper"] == pytest.approx(-(q[:6] * np.log2(q[:6])).sum())
    falls = -np.diff([*q, 0])
    assert found["lower"] == pytest.approx((np.arange(1, 28) * falls * np.log2(np.arange(1, 28))).sum())
    mixed = run(page, ENTROPY + "return entropy.bounds(counts)", counts=counts[::-1])
    assert mixed == pytest.approx(found)
    alike = run(page, ENTROPY + "return entropy.bounds(counts)", counts=[5] * 27)
    assert alike["upper"] == pytest.approx(alike["lower"]) == pytest.approx(math.log2(27))
    assert run(page, ENTROPY + "return entropy.bounds(counts)", counts=[9] + [0] * 26) == {"upper": 0, "lower": 0}


def test_a_letter_given_up_counts_as_the_rest_in_random_order(page):
    letters = [{"wrong": "", "shown": False}, {"wrong": "abcdefghijklmnopqrstuvwx", "shown": True}]
    counts = run(page, ENTROPY + "return entropy.tally(letters)", letters=letters)
    assert counts == pytest.approx([1] + [0] * 23 + [1 / 3] * 3)


def test_the_interval_holds_0_as_often_as_it_says(page):
    games = run(page, PLAYERS, games=1500, seed=7)
    covered = np.mean([each["low"] <= 0 <= each["high"] for each in games])
    assert 0.925 < covered < 0.975  # its standard error is 0.006
    for each in games[:10]:
        assert (each["aot"], each["low"], each["high"]) == pytest.approx(arrow(each["played"]), rel=1e-3)
        assert 4 <= each["freedom"] + 1e-9 and each["freedom"] <= 8 + 1e-9


def test_there_is_no_arrow_without_guesses_or_sentences(page):
    easy = [{"direction": name, "letters": [{"wrong": "", "shown": False}] * 5} for name in ("forward", "backward")]
    assert run(page, ENTROPY + "return entropy.arrow(played)", played=2 * easy) is None
    assert run(page, ENTROPY + "return entropy.arrow(played)", played=easy) is None


def open_game(page, name: str) -> None:
    """The section of a game, once it can be played."""
    page.click(f'nav a[href="#{name}"]')
    page.wait_for_selector(f"#{name} h1")


def now(page, code: str = "en") -> tuple[dict, dict]:
    """The hidden sentence and how it is played, which the page keeps for a reload."""
    state = json.loads(page.evaluate("sessionStorage.getItem('shannon')"))["state"]["games"][code]
    step = state["steps"][len(state["played"]) - 1]
    return step, GAMES["languages"][code]["sentences"][step["sentence"]]


def in_order(step: dict, sentence: dict) -> str:
    return sentence["letters"][:: 1 if step["direction"] == "forward" else -1]


def said(page, game: str) -> str:
    return page.text_content(f"#{game} [data-said]")


def test_shannons_game_by_the_keys_from_the_first_letter_to_the_last_number(page, tmp_path):
    open_game(page, "shannon")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for number in range(10):
        step, sentence = now(page)
        assert page.locator("#shannon .summary").count() == 0  # no ∂ before ten sentences
        assert f"Sentence {number + 1} of 10, {len(sentence['letters'])} letters" in page.inner_text("#shannon .task")
        order = in_order(step, sentence)
        wrong = ["q" if letter != "q" else "z" for letter in order[:3]]
        if number < 2:
            for at, letter in enumerate(order[:3]):
                page.keyboard.press(wrong[at])
                assert said(page, "shannon") == f"Not {wrong[at]}."
                key = page.locator(f'#shannon [data-key="{wrong[at]}"]')
                assert key.get_attribute("aria-disabled") == "true"
                assert "line-through" in key.evaluate("key => getComputedStyle(key).textDecoration")
                page.keyboard.press(wrong[at])
                assert "tried already" in said(page, "shannon")
                page.keyboard.press("Space" if letter == " " else letter.upper())
                assert said(page, "shannon") == f"Right: {'space' if letter == ' ' else letter}, in 2 guesses."
        else:
            page.keyboard.type("".join(map("".join, zip(wrong, order, strict=False))))
        page.click("#shannon [data-show]")
        assert "It was" in said(page, "shannon")
        page.keyboard.type(order[4:])
        assert said(page, "shannon").endswith("in 1 guess.")
        assert sentence["text"] in page.inner_text("#shannon .result")
        length = len(sentence["letters"])
        guesses = (length - 4 + 3 * 2 + 14) / length  # shown: 1 to 27, on average 14
        assert page.inner_text("#shannon .result dd >> nth=0") == f"{guesses:.2f}"
        model = f"{sentence[step['direction']] / length:.2f}"
        assert page.inner_text("#shannon .result dd >> nth=2") == model
        if number < 9:
            assert page.evaluate("document.activeElement.textContent") == "Next sentence"
            page.keyboard.press("Enter")
            assert page.evaluate("document.activeElement.classList.contains('board')")
    files = {}
    for kind in ("csv", "json"):
        with page.expect_download() as download:
            page.click(f'#shannon [data-download="{kind}"]')
        files[kind] = tmp_path / kind
        download.value.save_as(files[kind])
    assert not [url for url in asked if not url.startswith("blob:")]

    content = json.loads(files["json"].read_text(encoding="utf-8"))
    played = content["sentences"]
    directions = [each["direction"] for each in played]
    assert directions[::2] == 5 * directions[:1] and directions[1::2] == 5 * directions[1:2] != directions[::2]
    assert len({each["text"] for each in played}) == 10
    middle, low, high = arrow(played)
    found = content["statistics"]["arrow"]
    assert (found["aot"], found["low"], found["high"]) == pytest.approx((middle, low, high), abs=1e-6, rel=2e-3)
    shown = page.inner_text("#shannon .aot").replace("−", "-")
    assert f"∂ = {100 * middle:+.1f}\xa0%" in shown
    for name in ("forward", "backward"):
        alike = [each for each in played if each["direction"] == name]
        bits = sum(each["models"][name] for each in alike) / sum(len(each["symbols"]) for each in alike)
        assert content["statistics"]["models"][name] == pytest.approx(bits)
    rows = list(csv.DictReader(files["csv"].open(encoding="utf-8", newline="")))
    assert len(rows) == sum(len(each["symbols"]) for each in played)
    for each, number in zip(played, range(1, 11), strict=True):
        mine = sorted((row for row in rows if row["sentence"] == str(number)), key=lambda row: int(row["position"]))
        assert "".join(row["letter"] for row in mine) == each["symbols"]
    page.click("#shannon [data-again]")
    assert now(page)[1]["text"] not in {each["text"] for each in played}
    assert "Sentence 1 of 10" in page.inner_text("#shannon .task")


def test_a_reload_keeps_the_game_and_each_language_has_its_own(page):
    open_game(page, "shannon")
    step, sentence = now(page)
    order = in_order(step, sentence)
    page.keyboard.press(order[0])
    page.select_option("#shannon-language", "fr")
    french = now(page, "fr")
    assert french[1]["letters"] in {each["letters"] for each in GAMES["languages"]["fr"]["sentences"]}
    page.focus("#shannon .board")
    letter = in_order(*french)[0].replace("e", "é")  # of a French keyboard, which Playwright has not
    pressed = "(board, key) => board.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))"
    page.locator("#shannon .board").evaluate(pressed, letter)
    assert "Right" in said(page, "shannon")
    page.reload()
    page.wait_for_selector("#shannon .board")
    assert page.input_value("#shannon-language") == "fr" and page.locator("#shannon .known").count() == 1
    page.select_option("#shannon-language", "en")
    assert now(page)[1] == sentence and page.locator("#shannon .known").count() == 1
    at = page.locator("#shannon .slot").evaluate_all("all => all.findIndex((each) => each.matches('.here'))")
    assert at == (1 if step["direction"] == "forward" else len(order) - 2)


def test_the_keys_on_the_page_can_be_reached_without_a_pointer(page):
    open_game(page, "shannon")
    letter = in_order(*now(page))[0]
    page.focus("#shannon .board")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.key") == "q"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.key") == "a"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.key") == "a"
    assert said(page, "shannon") == ("Right: a, in 1 guess." if letter == "a" else "Not a.")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert "w" in said(page, "shannon")


def answer(page, right: bool = True) -> dict:
    """Gives the right or the wrong answer of a round, which is returned."""
    choices = page.locator("#which-way .choice")
    kind = page.get_attribute("#which-way .choices", "data-kind")
    shown = choices.all_inner_texts() + page.locator("#which-way blockquote").all_inner_texts()
    (round_,) = (
        each
        for each in ENGLISH["rounds"]
        if each["kind"] == kind and all(any(text["text"] in one for one in shown) for text in each["texts"])
    )
    names = [choice.get_attribute("data-answer") for choice in choices.all()]
    assert len({*names}) == 2 and round_["right"] in names
    choices.nth(names.index(round_["right"]) if right else 1 - names.index(round_["right"])).focus()
    page.keyboard.press("Enter")
    return round_


def test_which_way_by_the_keys_shows_both_numbers_and_a_score(page):
    open_game(page, "which-way")
    asked, rounds = [], []
    page.on("request", lambda request: asked.append(request.url))
    for number in range(10):
        rounds.append(answer(page, right=number != 4))
        verdict = page.get_attribute("#which-way [data-verdict]", "data-verdict")
        assert verdict == ("missed" if number == 4 else "right")
        assert said(page, "which-way").startswith("No. " if number == 4 else "Right. ")
        bars = page.inner_text("#which-way [data-bars]")
        assert all(f"{text['bits'] / text['characters']:.2f} bits" in bars for text in rounds[-1]["texts"])
        assert page.evaluate("document.activeElement.dataset.next") is not None
        page.keyboard.press("Enter")
    assert page.get_attribute("#which-way [data-score]", "data-score") == "9"
    assert "9 or more in 1 % of games" in page.inner_text("#which-way")  # (10 + 1) / 1024
    assert len({each["texts"][0]["text"] for each in rounds}) == 10
    assert {each["kind"] for each in rounds} == {"continuation", "beginning", "reversal", "direction"}
    page.keyboard.press("Tab")
    page.click("#which-way [data-again]")
    assert "Round 1 of 10" in page.inner_text("#which-way")
    assert not asked


def test_which_of_two_stands_first_is_chance(page):
    script = """
    const { mount } = await import(new URL("games/which_way.js", document.baseURI));
    const first = [];
    for (let game = 0; game < 40; game++) {
      const place = document.createElement("section");
      mount(place, data);
      for (let round = 0; round < 10; round++) {
        const shown = [...place.querySelectorAll(".choice")];
        first.push(shown[0].dataset.answer);
        shown[0].click();
        place.querySelector("[data-next]").click();
      }
      first.push(Number(place.querySelector("[data-score]").dataset.score));
    }
    return first;
    """
    found = run(page, script, data=GAMES)
    scores = [each for each in found if isinstance(each, int)]
    assert len(scores) == 40 and abs(np.mean(scores) - 5) < 4 * math.sqrt(10 / 4 / 40)
    first = [each for each in found if each in ("author", "model")]
    assert abs(first.count("author") / len(first) - 0.5) < 4 * math.sqrt(0.25 / len(first))


def at_the_last_letter(page) -> None:
    """As if all else of Shannon's game had been played."""
    page.evaluate(
        """(sentences) => {
          const kept = JSON.parse(sessionStorage.getItem("shannon"));
          const game = kept.state.games.en;
          game.played = game.steps.map(({ sentence, direction }) => {
            const letters = [...sentences[sentence].letters];
            if (direction === "backward") letters.reverse();
            return letters.map((letter, at) => ({ letter, wrong: "qjz".slice(0, at % 3), shown: at === 5 }));
          });
          game.played.at(-1).pop();
          game.wrong = "";
          sessionStorage.setItem("shannon", JSON.stringify(kept));
        }""",
        ENGLISH["sentences"],
    )
    page.reload()
    page.wait_for_selector("#shannon .board")


def test_nothing_keeps_anybody_from_playing(page):
    """Wide and light or narrow and dark, by turns: each look at a page takes axe a second or two."""
    turns = itertools.cycle(((1280, "light"), (390, "dark")))

    def check(what: str) -> None:
        width, colours = next(turns)
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=colours)
        assert not axe(page), (what, width, colours)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, what

    page.locator("#result .shown").evaluate("element => element.remove()")  # which has thousands of elements
    open_game(page, "shannon")
    order = in_order(*now(page))
    page.keyboard.type("x" + order[:2] + "z")
    check("playing")
    at_the_last_letter(page)
    page.keyboard.type(in_order(*now(page))[-1])
    assert page.evaluate("document.activeElement.textContent") == "Your arrow of time"
    check("played")
    open_game(page, "which-way")
    seen = {"reversal", "beginning"}  # which look like the others
    while not page.locator("#which-way [data-score]").count():
        kind = page.get_attribute("#which-way .choices", "data-kind")
        if kind not in seen:
            check(kind)
        page.click("#which-way .choice >> nth=0")
        if kind not in seen:
            check(f"{kind}, answered")
        seen.add(kind)
        page.click("#which-way [data-next]")
    check("scored")


def test_both_games_on_a_phone_by_taps(phone):
    open_game(phone, "shannon")
    step, sentence = now(phone)
    for letter in in_order(step, sentence):
        key = phone.locator(f'#shannon [data-key="{"space" if letter == " " else letter}"]')
        box = key.bounding_box()
        assert box["width"] >= 24 and box["height"] >= 40
        key.tap()
    assert sentence["text"] in phone.inner_text("#shannon .result")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.tap("#shannon [data-next]")
    assert "Sentence 2 of 10" in phone.inner_text("#shannon .task")
    open_game(phone, "which-way")
    phone.tap("#which-way .choice >> nth=1")
    phone.tap("#which-way [data-next]")
    assert "Round 2 of 10" in phone.inner_text("#which-way")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
