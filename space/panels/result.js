// All that is shown of a text that was measured.

import { el, percent } from "../page/elements.js";
import { Selection } from "../page/selection.js";
import { box } from "./box.js";
import { lossBars, runningSum } from "./figures.js";
import { profile } from "./quick.js";
import { share } from "./share.js";
import { table } from "./table.js";
import { colouredText, scale, strongest } from "./text.js";
import { ahead, direction, named } from "./words.js";

const ARROW = { forward: " →", backward: " ←" };

const sentence = (result) => el("p", { class: "sentence" }, ahead(result), " ", el("span", { class: "claim" }, result.finding));

// ∂ of the first result in large, and in a sentence what it means; or why it has none, and what another one has.
function headline({ title, results, books }) {
  const { report, message } = results[0];
  const heading = el("h2", { tabindex: "-1" }, title ?? "Your text");
  if (!report) {
    const other = results.find((each) => each.report);
    return el("div", { class: "headline" }, heading, el("p", { class: "sentence claim" }, message), other ? sentence(other) : null);
  }
  const which = direction(report);
  return el(
    "div",
    { class: "headline" },
    heading,
    el("p", { class: `arrow-size ${which ?? ""}` }, `∂ = ${percent(report.aot)}`, el("span", { "aria-hidden": "true" }, ARROW[which])),
    sentence(results[0]),
    books ? el("p", { class: "sentence" }, `In books that this pair has not read, ∂ = ${percent(books.aot)}. ${books.finding}`) : null,
  );
}

function notices(answers) {
  const all = [...new Set(answers.flatMap((answer) => answer.notices))];
  return all.map((notice) => el("p", { class: "cut" }, notice));
}

// One learner's text, coloured, with its box and its figures.
function card(answer, result, number, selection) {
  const name = named(result, answer.reversed);
  const text = colouredText(result.units, { selection, number, name });
  const tied = { selection, number };
  return el(
    "article",
    { class: "card", "data-kind": answer.kind },
    el("h3", null, name),
    result.message ? el("p", { class: "message" }, result.message) : null,
    scale(strongest(result.units)),
    el("div", { class: "reading" }, text, box(result.units, text, tied)),
    runningSum(result.units, tied),
    lossBars(result.units, tied),
    "profile" in result ? [el("h4", null, "By the longest context that it looks at"), profile(result.profile)] : null,
    result.report ? el("details", null, el("summary", null, "What this may claim"), el("p", { class: "note" }, result.report.verdict)) : null,
  );
}

// `pair` and `quick`: answers of the server, either may be null; `turned`: the same of the text reversed, if asked for;
// `reverse`: what asks for that.
export function show({ title, text, pairs, pair, quick, turned, books, reverse }) {
  const selection = new Selection();
  const answers = [pair, turned?.pair, quick, turned?.quick].filter(Boolean);
  const parts = answers.flatMap((answer) => answer.results.map((result) => ({ answer, result })));
  const rows = parts.map(({ answer, result }) => ({ name: named(result, answer.reversed), result }));
  const cards = el(
    "div",
    { class: "cards" },
    parts.map(({ answer, result }, number) => card(answer, result, number, selection)),
  );
  return el(
    "div",
    { class: "shown", onpointerdown: (event) => event.target.closest(".tokens, .figure") ?? selection.choose(null, null) },
    headline({ title, results: parts.map(({ result }) => result), books }),
    notices(answers),
    table(rows, answers[0].documents, books),
    cards,
    share({ result: answers, node: cards, pairs, text }),
    turned ? null : el("p", null, el("button", { type: "button", id: "reverse", onclick: reverse }, "Measure it reversed, too"),
      el("span", { class: "note" }, " The characters from the last to the first: neither model was trained on such text.")),
  );
}
