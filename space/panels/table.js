// ∂ of a text, a row for each learner that read it.

import { el, percent } from "../page/elements.js";
import { interval } from "./words.js";

// Bits per character of a direction: of tokens and characters alike, so that rows can be compared.
function bits(result, direction, characters) {
  const nats = result.units.reduce((sum, unit) => sum + unit[direction], 0);
  return (nats / Math.LN2 / characters).toFixed(3);
}

function row(name, result, characters) {
  const { report } = result;
  const seeds = report?.per_seed?.length > 1 ? report.per_seed : null;
  return el(
    "tr",
    null,
    el("th", { scope: "row" }, name, seeds ? el("span", { class: "note" }, `seeds: ${seeds.map((each) => percent(each)).join(", ")}`) : null),
    el("td", { class: "arrow" }, report ? percent(report.aot) : "–"),
    el("td", null, report ? (interval(report) ?? "one document has none") : "–"),
    el("td", null, bits(result, "forward", characters)),
    el("td", null, bits(result, "backward", characters)),
  );
}

// `rows`: {name, result}; `documents`: the text that was measured; `books`: ∂ of whole books by the first pair, or null.
export function table(rows, documents, books) {
  const characters = documents.reduce((sum, each) => sum + [...each].length, 0);
  const body = rows.map(({ name, result }) => row(name, result, characters));
  if (books) {
    body.push(
      el(
        "tr",
        { class: "books" },
        el("th", { scope: "row" }, "on whole books"),
        el("td", { class: "arrow" }, percent(books.aot)),
        el("td", null, interval(books)),
        el("td", { colspan: "2" }, `${books.documents} books`),
      ),
    );
  }
  const heads = ["Read by", "∂", "95 % interval", "bits per character, forward →", "backward ←"];
  return el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": "Table of the results" },
    el(
      "table",
      { class: "arrows" },
      el("thead", null, el("tr", null, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", null, body),
    ),
  );
}
