// After ten sentences: the player beside the models, and the player's own ∂.

import { el, percent as share, svg } from "../page/elements.js";
import { arrow, average, bounds, totals } from "./entropy.js";
import { download, guesses } from "./keep.js";

const DIRECTIONS = ["forward", "backward"];
const NOTE =
  "Your bits are Shannon’s bounds from how often you needed 1, 2, … guesses; ∂ = (H← − H→) / (½ (H← + H→)) takes the " +
  "upper ones, its interval leaves out one sentence at a time. From so few letters both bounds come out too low, in " +
  "both directions alike. The models read the same sentences, each in its direction, without being told how long they " +
  "are, and have to predict capitals and punctuation, too: in bits per letter that is more to tell.";

// Bits per letter of the 27 symbols that a model has for a sentence.
export function rate(sentence, direction) {
  return sentence.models[direction] / sentence.symbols.length;
}

// What all sentences together say, as it is shown and downloaded.
export function statistics(results) {
  const counts = totals(results);
  const of = (make) => Object.fromEntries(DIRECTIONS.map((name) => [name, make(name)]));
  return {
    counts,
    guesses: of((name) => average(counts[name])),
    bits: of((name) => bounds(counts[name])),
    // the model of a direction on the sentences that were played in it
    models: of((name) => {
      const alike = results.filter((each) => each.direction === name);
      const total = (of) => alike.reduce((sum, each) => sum + of(each), 0);
      return total((each) => each.models[name]) / total((each) => each.symbols.length);
    }),
    arrow: arrow(results),
  };
}

const percent = (value) => share(value, 1); // ten sentences tell no more digits

function meaning(found) {
  if (!found) return "You guessed every letter at once, so there is no ∂.";
  const told = found.low > 0 ? "forward" : found.high < 0 ? "backward" : null;
  const said = told
    ? `These sentences were easier for you ${told}.`
    : "Your forward and backward guessing cannot be told apart: the interval has 0 in it.";
  const few = "Ten sentences are few, each was played one way only, and this is one player";
  return `${said} ${few}: it says nothing about the language.`;
}

// ∂ as a dot with its interval, on a line with 0 in the middle.
function line({ aot, low, high }) {
  const most = Math.max(0.5, Math.abs(low), Math.abs(high)) * 1.08;
  const x = (value) => 150 + (140 * value) / most;
  const label = `∂ ${percent(aot)}, from ${percent(low)} to ${percent(high)}`;
  return svg(
    "svg",
    { viewBox: "0 0 300 54", class: "interval", role: "img", "aria-label": label },
    svg("line", { x1: 10, x2: 290, y1: 22, y2: 22, class: "axis" }),
    svg("line", { x1: 150, x2: 150, y1: 8, y2: 36, class: "axis" }),
    svg("line", { x1: x(low), x2: x(high), y1: 22, y2: 22, class: "range" }),
    svg("circle", { cx: x(aot), cy: 22, r: 6, class: "dot" }),
    svg("text", { x: 10, y: 50 }, "← backward easier"),
    svg("text", { x: 290, y: 50, "text-anchor": "end" }, "forward easier →"),
    svg("text", { x: 150, y: 50, "text-anchor": "middle" }, "0"),
  );
}

export function summary(language, game, another) {
  const { results } = game;
  const found = statistics(results);
  const row = (title, value) => {
    const cells = DIRECTIONS.map((name) => el("td", null, value(name)));
    return el("tr", null, el("th", { scope: "row" }, title), cells);
  };
  const { name, pair, weights } = language;
  const content = { game: "shannon", language: name, pair, weights, statistics: found, sentences: results };
  const button = (kind, make) => {
    const onclick = () => download(kind, make());
    return el("button", { type: "button", "data-download": kind, onclick }, kind.toUpperCase());
  };
  return el(
    "div",
    { class: "summary", "data-summary": true },
    el("h2", { tabindex: "-1" }, "Your arrow of time"),
    found.arrow
      ? [
          el(
            "p",
            { class: "aot" },
            "∂ = ",
            el("strong", null, percent(found.arrow.aot)),
            ` (95 % interval ${percent(found.arrow.low)} to ${percent(found.arrow.high)})`,
          ),
          line(found.arrow),
        ]
      : null,
    el("p", null, meaning(found.arrow)),
    el(
      "table",
      null,
      el(
        "thead",
        null,
        el(
          "tr",
          null,
          el("th", null, "Per letter"),
          el("th", { scope: "col", class: "forward" }, "forward →"),
          el("th", { scope: "col", class: "backward" }, "← backward"),
        ),
      ),
      el(
        "tbody",
        null,
        row("Your guesses", (name) => found.guesses[name].toFixed(2)),
        row("Your bits, at most", (name) => found.bits[name].upper.toFixed(2)),
        row("Your bits, at least", (name) => found.bits[name].lower.toFixed(2)),
        row("The model’s bits", (name) => found.models[name].toFixed(2)),
      ),
    ),
    el("p", { class: "note" }, NOTE),
    el(
      "p",
      { class: "actions" },
      el("button", { type: "button", class: "primary", "data-again": true, onclick: another }, "Another ten"),
      el("span", null, "Download all guesses:"),
      button("csv", () => guesses(results)),
      button("json", () => JSON.stringify(content, null, 1)),
    ),
  );
}
