// The profile of the quick learner: ∂ of a text for learners that look back less far or further.

import { el, percent, replace, signed, svg } from "../page/elements.js";
import { drawing, ticks } from "./drawing.js";
import { interval as between } from "./words.js";

const HEIGHT = 300;
const AROUND = { top: 16, right: 16, bottom: 74, left: 64 };
const POINT = 5;

let figures = 0; // on the page so far, for names of their own

const longest = (row) => row.learner.split("+")[0];
const plain = (row) => row.learner === longest(row);

function named(row) {
  const back = `contexts of up to ${longest(row)} ${longest(row) === "1" ? "character" : "characters"}`;
  if (plain(row)) return back;
  return back + (row.learner.endsWith("+words") ? " and words" : ", words, and matches further back");
}

const interval = (row) => between(row) ?? "no interval (one document)";

function inWords(row) {
  const chance = row.null ? `; by chance alone ${interval(row.null)}` : "";
  return `${named(row)}: ∂ = ${percent(row.aot)}, ${interval(row)}${chance}`;
}

// A figure of `rows`, the profile in an answer of /quick, and a table of the same numbers.
export function profile(rows) {
  const readout = el("p", { class: "readout note", "aria-hidden": "true" });
  const id = `profile-${++figures}`;
  const point = (row) => replace(readout, row ? inWords(row) : HINT);
  replace(readout, HINT);
  return el("figure", { class: "profile" }, drawing((width) => plot(rows, id, width, point)), readout, legend(rows), details(rows));
}

const HINT = "Point at a learner to read its numbers.";

function plot(rows, id, width, point) {
  const bounds = (each) => (each && each.low !== null ? [each.low, each.high] : []);
  const values = rows.flatMap((row) => [row.aot, ...bounds(row), ...bounds(row.null)]).map((share) => 100 * share);
  const spare = 0.08 * (Math.max(0, ...values) - Math.min(0, ...values) || 1);
  const [least, most] = [Math.min(0, ...values) - spare, Math.max(0, ...values) + spare];
  const marks = ticks(least, most, 5);
  const y = (share) => AROUND.top + ((most - 100 * share) / (most - least)) * (HEIGHT - AROUND.top - AROUND.bottom);
  const gap = rows.some(plain) && !rows.every(plain) ? 0.7 : 0; // between the lengths and the learners with words
  const slot = (width - AROUND.left - AROUND.right) / (rows.length + gap);
  const x = rows.map((row, at) => AROUND.left + slot * (at + 0.5 + (plain(row) ? 0 : gap)));
  const bottom = HEIGHT - AROUND.bottom;
  const text = (attributes, ...words) => svg("text", { "text-anchor": "middle", ...attributes }, ...words);
  const lengths = rows.map((row, at) => at).filter((at) => plain(rows[at]));
  const banded = rows.map((row, at) => at).filter((at) => bounds(rows[at].null).length);

  const axis = marks.flatMap(({ value, digits }) => [
    svg("line", { class: value ? "grid" : "zero", x1: AROUND.left, x2: width - AROUND.right, y1: y(value / 100), y2: y(value / 100) }),
    text({ "text-anchor": "end", x: AROUND.left - 8, y: y(value / 100) + 4 }, value ? signed(value, digits) : "0"),
  ]);
  const band = banded.map((at) => {
    const [low, high] = bounds(rows[at].null);
    return svg("rect", { class: "null", x: x[at] - slot / 2, width: slot, y: y(high), height: Math.max(1, y(low) - y(high)) });
  });
  const line = lengths.map((at) => `${x[at]},${y(rows[at].aot)}`).join(" ");
  const points = rows.map((row, at) => {
    const [low, high] = bounds(row);
    const whisker = low === undefined ? null : svg("line", { x1: x[at], x2: x[at], y1: y(low), y2: y(high) });
    const size = { width: 2 * POINT, height: 2 * POINT };
    const mark = plain(row)
      ? svg("circle", { cx: x[at], cy: y(row.aot), r: POINT })
      : svg("rect", { x: x[at] - POINT, y: y(row.aot) - POINT, ...size });
    const area = { x: x[at] - slot / 2, y: AROUND.top, width: slot, height: bottom - AROUND.top };
    const told = { onpointerenter: () => point(row), onclick: () => point(row), onpointerleave: () => point(null) };
    const reach = svg("rect", { class: "reach", ...area }, svg("title", null, inWords(row)));
    return svg("g", { class: `point ${row.easier ?? "open"}`, "data-learner": row.learner, ...told }, reach, whisker, mark);
  });
  const more = (row, at, y) => // to the left and to the right, so that neither covers the other
    row.learner.endsWith("+words")
      ? text({ "text-anchor": "end", x: at + 12, y }, "words")
      : text({ "text-anchor": "start", x: at - 7, y }, "all");
  const labels = rows.flatMap((row, at) => [
    text({ x: x[at], y: bottom + 18 }, longest(row)),
    plain(row) ? null : more(row, x[at], bottom + 34),
  ]);
  const middle = lengths.length ? (x[lengths[0]] + x[lengths.at(-1)]) / 2 : width / 2;
  const caption = text({ x: Math.max(middle, AROUND.left + 80), y: bottom + 54 }, "longest context, in characters");
  const up = `translate(14 ${(AROUND.top + bottom) / 2}) rotate(-90)`;
  return svg(
    "svg",
    { role: "img", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-words` },
    svg("title", { id: `${id}-title` }, "∂ of this text for each quick learner"),
    svg("desc", { id: `${id}-words` }, rows.map(inWords).join(". ")),
    band, axis, text({ transform: up }, "∂ in %"),
    svg("polyline", { class: "line", points: line }), points, labels, caption,
  );
}

function legend(rows) {
  const parts = ["Above 0 forward is easier, below 0 backward. Bars: 95 % intervals over the documents of the text."];
  parts.push(" Filled: a direction is easier even when it is counted that all these learners were asked.");
  if (rows.some((row) => row.null && row.null.low !== null)) {
    parts.push(" Grey band: what chance gives, with documents turned round at random.");
  }
  if (!rows.every(plain)) parts.push(" Squares: learners that know words too; “all” also finds matches further back.");
  return el("figcaption", { class: "note" }, parts);
}

function details(rows) {
  const head = ["Longest context", "∂", "95 % interval", "Bits forward", "Bits backward", "∂ by chance"];
  const body = rows.map((row) => {
    const bits = [row.bits.forward, row.bits.backward].map((each) => each.toFixed(3));
    const chance = row.null ? (row.null.low === null ? percent(row.null.aot) : interval(row.null)) : "–";
    const name = plain(row) ? longest(row) : `${longest(row)}${row.learner.endsWith("+words") ? ", words" : ", words, matches"}`;
    const cells = [percent(row.aot), row.low === null ? "–" : interval(row), ...bits, chance];
    return el("tr", null, el("th", { scope: "row" }, name), cells.map((each) => el("td", null, each)));
  });
  const table = el(
    "table",
    null,
    el("caption", null, "∂ of this text for each quick learner; bits per character"),
    el("thead", null, el("tr", null, head.map((each) => el("th", { scope: "col" }, each)))),
    el("tbody", null, body),
  );
  const scrolled = { class: "scrolled", tabindex: 0, role: "region", "aria-label": "Numbers of the profile" };
  return el("details", null, el("summary", null, "The same as a table"), el("div", scrolled, table));
}
