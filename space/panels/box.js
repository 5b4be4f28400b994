// What each direction expected where the reader looks: both losses, and the likeliest tokens of each.

import { PERCENT, el, replace, signed } from "../page/elements.js";
import { contexts, difference } from "./text.js";

const GAP = 8; // pixels between a token and its box

// A text in which white space can be seen.
export const visible = (text) => text.replaceAll(/\p{Zs}/gu, "·").replaceAll("\n", "↵").replaceAll("\t", "⇥") || "∅";

const likely = (share) => (100 * share).toFixed(share >= 0.1 ? 0 : 1) + PERCENT;

function guesses(unit, direction) {
  const likeliest = unit.expected?.[direction];
  if (!likeliest?.length) return null;
  const rows = likeliest.map(([text, share]) =>
    el(
      "li",
      { style: `--share:${Math.round(100 * share)}%`, class: visible(text) === visible(unit.text) ? "right" : null },
      el("code", { dir: "auto" }, visible(text)),
      el("span", null, likely(share)),
    ),
  );
  return el("ol", { class: `expected ${direction}` }, rows);
}

function column(unit, direction, label, heading) {
  return el(
    "div",
    { class: direction },
    el("p", { class: "heading" }, label),
    el("p", { class: "loss" }, `${unit[direction].toFixed(2)} nats`),
    unit.expected ? el("p", { class: "note" }, heading) : null,
    guesses(unit, direction),
  );
}

function easier(unit) {
  const nats = difference(unit);
  if (Math.abs(nats) < 0.005) return "Equally hard both ways.";
  return `${nats > 0 ? "Forward" : "Backward"} is easier here by ${Math.abs(nats).toFixed(2)} nats.`;
}

// What a screen reader says of a unit.
function spoken(unit) {
  const expected = (direction) => {
    const best = unit.expected?.[direction]?.[0];
    return best ? `, expected ${best[0].trim() || "a space"}` : "";
  };
  const losses = ["forward", "backward"].map((each) => `${each} ${unit[each].toFixed(2)}${expected(each)}`);
  return `${unit.text.trim() || "space"}. ${losses.join("; ")}. ${easier(unit)}`;
}

// A box that follows `selection` in the text `node` of result number `number`, and a line for screen readers.
export function box(units, node, { selection, number }) {
  const aloud = el("p", { class: "hidden", "aria-live": "polite" });
  const shown = el("div", { class: "box", "aria-hidden": "true", hidden: true });
  selection.addEventListener("chosen", () => {
    const chosen = selection.result === number ? selection.unit : null;
    shown.hidden = chosen === null;
    if (chosen === null) return;
    const unit = units[chosen];
    replace(
      shown,
      el("p", { class: "unit" }, el("code", { dir: "auto" }, visible(unit.text)), ` ℓ← − ℓ→ = ${signed(difference(unit), 2)}`),
      el(
        "div",
        { class: "columns" },
        column(unit, "forward", "forward →", "expected next"),
        column(unit, "backward", "backward ←", "expected before"),
      ),
      el("p", { class: "note" }, easier(unit), contextNote(units, chosen)),
    );
    aloud.textContent = spoken(unit);
    place(shown, node, chosen);
  });
  return el("div", { class: "boxes" }, shown, aloud);
}

function contextNote(units, chosen) {
  if (!units[chosen].read) return "";
  const { before, after } = contexts(units, chosen);
  if (!before.length) return " Forward had read nothing yet.";
  if (!after.length) return " Backward had read nothing yet.";
  return " Underlined: what each had read.";
}

// Puts the box below the token or, where there is more room, above it; within the width of the page.
function place(shown, node, chosen) {
  const frame = shown.offsetParent.getBoundingClientRect();
  const rects = [...node.querySelector(`[data-unit="${chosen}"]`).getClientRects()];
  const [top, bottom] = [rects[0], rects.at(-1)];
  const size = shown.getBoundingClientRect();
  const left = Math.max(0, Math.min(bottom.left - frame.left, frame.width - size.width));
  const above = bottom.bottom + GAP + size.height > innerHeight && top.top - GAP - size.height > 0;
  shown.style.left = `${left}px`;
  shown.style.top = `${above ? top.top - frame.top - GAP - size.height : bottom.bottom - frame.top + GAP}px`;
}
