// Shannon's game: guess a hidden sentence letter by letter, from its start or from its end.

import { el, replace } from "../page/elements.js";
import { average, bounds, tally } from "./entropy.js";
import { Game, SENTENCES } from "./game.js";
import { keep, kept } from "./keep.js";
import { keyboard, name } from "./keyboard.js";
import { rate, summary } from "./summary.js";

const ARROW = { forward: "→", backward: "←" };
const KEEP = "shannon";
const RULE =
  "Guess a hidden sentence letter by letter, from its start or from its end: the fewer guesses you need, the more " +
  "predictable it is that way.";
const ABOUT =
  "Letters a–z and the space, without accents, capitals and punctuation, as in Claude Shannon’s experiment of 1951. " +
  "The sentences are of novels that no model was trained on. What you guess stays in this tab: a reload keeps the " +
  "game, closing the tab ends it.";

export function mount(container, data) {
  const version = data.sha256_of_the_rest ?? "";
  const saved = kept(KEEP, version);
  const games = Object.fromEntries(
    Object.entries(data.languages).map(([code, each]) => [code, new Game(each.sentences, saved?.games[code])]),
  );
  let code = saved?.code ?? Object.keys(games)[0];
  let keys = null;

  const language = el(
    "select",
    { id: "shannon-language", onchange: () => ((code = language.value), draw(), focus()) },
    Object.entries(data.languages).map(([each, { name: shown }]) => el("option", { value: each }, shown)),
  );
  const steps = el("ol", { class: "steps", "aria-hidden": "true" });
  const task = el("p", { class: "task" });
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const said = el("p", { class: "said", role: "status", "aria-live": "polite", "data-said": true });
  const board = el("div", { class: "board", tabindex: "0", role: "group", "aria-label": "The hidden sentence" }, strip);
  const below = el("div", { class: "below" });

  const game = () => games[code];
  const states = () => Object.fromEntries(Object.entries(games).map(([each, { state }]) => [each, state]));
  const store = () => keep(KEEP, version, { code, games: states() });
  const focus = () => board.focus({ preventScroll: true });

  function press(letter, pointed) {
    const before = game().state.wrong.length;
    const answer = game().guess(letter);
    if (!answer) return;
    if (answer === "again") say(`${name(letter)} was tried already.`);
    if (answer === "wrong") say(`Not ${name(letter)}.`, "wrong");
    if (answer === "right") say(`Right: ${name(letter)}, ${count(before + 1)}.`, "right");
    update();
    if (pointed && !game().finished) focus(); // so that the next key is a guess, and not the button again
  }

  function give() {
    const tried = game().state.wrong.length;
    const letter = game().show();
    const left = `the ${27 - tried} letters left`;
    say(`It was ${name(letter)}. This counts as if you had tried ${left} in random order.`, "wrong");
    update();
    if (!game().finished) focus();
  }

  function say(text, kind = "") {
    said.className = `said ${kind}`;
    said.textContent = text;
  }

  // After each guess: the keyboard stays, and with it the focus.
  function update() {
    store();
    drawStrip();
    if (game().finished) drawBelow();
    else keys.mark(game().state.wrong);
  }

  function drawStrip() {
    const { found, sentence, step, state } = game();
    const by = new Map(found.map((each, n) => [game().place(n), each]));
    const here = game().finished ? -1 : game().place(found.length);
    replace(
      strip,
      [...sentence.letters].map((_, at) => {
        const each = by.get(at);
        const letter = at === here ? "?" : each ? each.letter : "";
        const needed = at === here ? state.wrong.length + 1 : each?.shown ? "×" : each ? each.wrong.length + 1 : "";
        const kinds = ["slot", at === here && "here", each && "known", each?.letter === " " && "space"];
        const kind = kinds.filter(Boolean).join(" ");
        return el("span", { class: kind }, el("b", null, letter === " " ? "␣" : letter), el("i", null, String(needed)));
      }),
    );
    const text = game().place(0) ? [...found].reverse() : found;
    const known = text.map((each) => each.letter).join("");
    board.dataset.direction = step.direction;
    const which = step.direction === "forward" ? "next" : "previous";
    board.setAttribute("aria-label", `Text so far: ${known || "nothing"}. Guess the ${which} letter: type it.`);
  }

  function drawBelow() {
    if (game().over) {
      replace(below, result(), summary(data.languages[code], game(), another));
      below.querySelector("h2").focus();
    } else if (game().finished) {
      const button = { type: "button", class: "primary", "data-next": true, onclick: next };
      replace(below, result(), el("button", button, "Next sentence"));
      below.querySelector("button").focus({ preventScroll: true });
    } else {
      keys = keyboard(code, press);
      const show = el("button", { type: "button", "data-show": true, onclick: give }, "Show me");
      const means = el("span", { class: "note" }, "A letter shown counts as the rest tried in random order.");
      replace(below, keys.element, el("p", { class: "give" }, show, means));
      keys.mark(game().state.wrong);
    }
  }

  function result() {
    const { results, step } = game();
    const last = results.at(-1);
    const alike = results.filter((each) => each.direction === step.direction);
    const counts = tally(last.letters);
    const { lower, upper } = bounds(tally(alike.flatMap((each) => each.letters)));
    return el(
      "div",
      { class: "result", "data-result": true },
      el("blockquote", null, last.text, el("cite", null, last.author)),
      el(
        "dl",
        null,
        fact("Your guesses per letter", average(counts).toFixed(2)),
        fact(`Your bits per letter, ${step.direction}, so far`, `${lower.toFixed(2)} to ${upper.toFixed(2)}`),
        fact(`The ${step.direction} model’s, this sentence`, rate(last, step.direction).toFixed(2)),
      ),
    );
  }

  function next() {
    game().next();
    draw();
    focus();
  }

  function another() {
    game().again();
    draw();
    focus();
  }

  function draw() {
    const { at, state, step, sentence } = game();
    language.value = code;
    const forward = step.direction === "forward";
    replace(
      steps,
      state.steps.map(({ direction }, n) => {
        const kind = n < at ? "done" : n === at ? "now" : "";
        return el("li", { class: `${direction} ${kind}` }, ARROW[direction]);
      }),
    );
    replace(
      task,
      `Sentence ${at + 1} of ${SENTENCES}, ${sentence.letters.length} letters: guess `,
      el("strong", { class: step.direction }, forward ? "the next letter →" : "← the previous letter"),
      forward ? ", from the start." : ", from the end.",
    );
    say("");
    drawStrip();
    drawBelow();
    store();
  }

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    const elsewhere = container.hidden || event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    const here = at === document.body || at.id === "main" || container.contains(at);
    const other = !here || at.closest("input, select, textarea");
    if (elsewhere || other || event.repeat || (event.key === " " && at.closest("button, a"))) return;
    const letter = event.key.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    if (letter.length !== 1 || game().finished) return;
    if (letter === " ") event.preventDefault(); // which would scroll
    press(letter, false);
  });

  replace(
    container,
    el("h1", null, "Shannon’s game"),
    el("p", { class: "rule" }, RULE),
    el("div", { class: "bar" }, steps, el("label", null, el("span", null, "Language"), language)),
    task,
    board,
    said,
    below,
    el("p", { class: "note" }, ABOUT),
  );
  draw();
}

function count(guesses) {
  return `in ${guesses} guess${guesses === 1 ? "" : "es"}`;
}

function fact(term, value) {
  return el("div", null, el("dt", null, term), el("dd", null, value));
}
