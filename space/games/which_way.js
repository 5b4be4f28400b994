// Which way? Ten rounds: which of two did a model find easier?

import { el, replace } from "../page/elements.js";
import { drawn } from "./game.js";
import { bars, coloured, why } from "./judged.js";

const KINDS = { continuation: 3, beginning: 3, reversal: 1, direction: 3 }; // rounds of a game
const ROUNDS = 10;

const RULE =
  "Two small language models have read these sentences, one forward, one backward: guess what they found easier to " +
  "predict.";
const QUESTION = {
  continuation:
    "One ending is the author’s, one was written by the forward model. Which did this model find easier to predict?",
  beginning:
    "One beginning is the author’s, one was written by the backward model. Which did this model find easier, reading " +
    "from the end?",
  reversal: "The forward model read a sentence, and the same words last word first. How much harder was that?",
  direction: "Two models read this sentence, one from its start, one from its end. Which one found it easier?",
};

// The two answers of a round, by the names that `right` has in it.
const answers = (round) => (round.kind === "reversal" ? ["little", "much"] : round.texts.map((each) => each.is));

// Ten rounds that were not seen, of all kinds, in an order by chance.
function plan(rounds, seen, random = Math.random) {
  const chosen = Object.entries(KINDS).flatMap(([kind, count]) => {
    const alike = rounds.filter((each) => each.kind === kind);
    let left = alike.filter((each) => !seen.has(each));
    if (left.length < count) {
      alike.forEach((each) => seen.delete(each));
      left = alike;
    }
    return drawn(left, count, random);
  });
  chosen.forEach((each) => seen.add(each));
  return drawn(chosen, chosen.length, random).map((round) => ({ round, order: drawn(answers(round), 2, random) }));
}

// How likely a score of so many or more is by chance.
export function atLeast(score, rounds = ROUNDS) {
  let [ways, sum] = [1, 0];
  for (let right = 0; right <= rounds; right++) {
    if (right >= score) sum += ways;
    ways = (ways * (rounds - right)) / (right + 1);
  }
  return sum / 2 ** rounds;
}

export function mount(container, data) {
  const seen = new Set();
  let code = Object.keys(data.languages)[0];
  let [game, results] = [[], []];

  const language = el(
    "select",
    { id: "which-way-language", onchange: () => ((code = language.value), start()) },
    Object.entries(data.languages).map(([each, { name }]) => el("option", { value: each }, name)),
  );
  const steps = el("ol", { class: "steps", "aria-hidden": "true" });
  const place = el("div", { class: "round" });
  const said = el("p", { class: "hidden", role: "status", "aria-live": "polite", "data-said": true });

  function start() {
    [game, results] = [plan(data.languages[code].rounds, seen), []];
    said.textContent = "";
    ask();
  }

  function marks() {
    replace(
      steps,
      game.map((_, n) => {
        if (n >= results.length) return el("li", { class: n === results.length && "now" }, String(n + 1));
        return el("li", { class: `done ${results[n] ? "right" : "missed"}` }, results[n] ? "✓" : "×");
      }),
    );
  }

  function ask() {
    const { round, order } = game[results.length];
    marks();
    const shown = round.kind === "direction" ? round.texts.slice(0, 1) : round.kind === "reversal" ? round.texts : [];
    replace(
      place,
      el("h2", { tabindex: "-1" }, `Round ${results.length + 1} of ${ROUNDS}`),
      el("p", { class: "question" }, QUESTION[round.kind]),
      shown.map((each) => el("blockquote", null, each.text)),
      el(
        "div",
        { class: "choices", "data-kind": round.kind },
        order.map((answer) => {
          const button = { type: "button", class: "choice", "data-answer": answer, onclick: () => judge(answer) };
          return el("button", button, label(round, answer));
        }),
      ),
    );
  }

  function judge(answer) {
    const { round, order } = game[results.length];
    const right = answer === round.right;
    results.push(right);
    marks();
    const [verdict, kind] = right ? ["Right.", "right"] : ["No.", "missed"];
    const because = why(round, data.languages[code]);
    said.textContent = `${verdict} ${because}`;
    const last = results.length === ROUNDS;
    const onward = { type: "button", class: "primary", "data-next": true, onclick: last ? end : next };
    replace(
      place,
      el("h2", null, `Round ${results.length} of ${ROUNDS}`),
      el("p", { class: "question" }, QUESTION[round.kind]),
      el("p", { class: `verdict ${kind}`, "data-verdict": kind }, el("strong", null, verdict), ` ${because}`),
      bars(round, order),
      coloured(round, order),
      el("p", { class: "note" }, `Out of a novel by ${round.author}, which no model was trained on.`),
      el("button", onward, last ? "Your score" : "Next round"),
    );
    place.querySelector("[data-next]").focus({ preventScroll: true });
  }

  function next() {
    ask();
    place.querySelector("h2").focus();
  }

  function end() {
    const score = results.filter(Boolean).length;
    const chance = Math.round(100 * atLeast(score));
    const many = score === ROUNDS ? "all ten" : `${score} or more`;
    const words =
      score >= 8
        ? "A coin rarely does as well: you know what a model finds easy."
        : score >= 6
          ? "Better than a coin, which may be luck."
          : "A coin does as well: it is hard to tell what a model finds easy.";
    replace(
      place,
      el("h2", { tabindex: "-1", "data-score": score }, `${score} of ${ROUNDS}`),
      el("p", null, `Chance gives 5 on average, and ${many} in ${chance < 1 ? "fewer than 1" : chance} % of games.`),
      el("p", null, words),
      el("button", { type: "button", class: "primary", "data-again": true, onclick: another }, "Another ten"),
    );
    place.querySelector("h2").focus();
  }

  function another() {
    start();
    place.querySelector("h2").focus();
  }

  replace(
    container,
    el("h1", null, "Which way?"),
    el("p", { class: "rule" }, RULE),
    el("div", { class: "bar" }, steps, el("label", null, el("span", null, "Language"), language)),
    place,
    said,
  );
  start();
}

// What stands on the button of an answer.
function label(round, answer) {
  if (answer === "little") return "A little: by less than 35 %";
  if (answer === "much") return "A lot: by more than 70 %";
  if (round.kind === "direction") return answer === "forward" ? "The forward model →" : "← The backward model";
  const { text } = round.texts.find((each) => each.is === answer);
  const given = el("span", { class: "given" }, round.given);
  return round.kind === "continuation" ? [given, " ", el("b", null, text)] : [el("b", null, text), " ", given];
}
