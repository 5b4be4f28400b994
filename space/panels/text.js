// The text, each unit in the colour of the direction that found it easier; a pointer, a tap or the arrow keys choose one.

import { el, signed } from "../page/elements.js";

const DARKEST = 70; // per cent of the strongest colour, on which letters can still be read, in light and in dark

export const difference = (unit) => unit.backward - unit.forward;

// The difference in nats that has the full colour: what only one unit in twenty exceeds, and 1 at least.
export function strongest(units) {
  const sizes = units.map((unit) => Math.abs(difference(unit))).sort((a, b) => a - b);
  return Math.max(1, sizes[Math.floor(0.95 * (sizes.length - 1))] ?? 0);
}

export function shade(nats, most) {
  const share = Math.round(DARKEST * Math.min(1, Math.abs(nats) / most));
  return `color-mix(in srgb, var(--${nats > 0 ? "forward" : "backward"}-fill) ${share}%, transparent)`;
}

// What the colours mean.
export function scale(most) {
  const ends = [-most, 0, most].map((nats) => shade(nats, most)).join(", ");
  return el(
    "p",
    { class: "scale" },
    el("span", null, `← backward is easier, ${signed(-most, 1)}`),
    el("span", { class: "bar", style: `background:linear-gradient(to right, ${ends})` }),
    el("span", null, `${signed(most, 1)} nats, forward is easier →`),
  );
}

// How a unit is written: line ends are seen, and the mark of an end of a document ends its line.
const written = (text) => text.replaceAll("\n", "↵\n");

// Paragraphs of spans, one a unit; `selection` is told what is chosen as unit of result number `number`, and says it.
export function colouredText(units, { selection, number, name }) {
  const most = strongest(units);
  const spans = units.map((unit, index) =>
    el(
      "span",
      { class: "token", "data-unit": index, style: `background:${shade(difference(unit), most)}` },
      written(unit.text),
    ),
  );
  const documents = [];
  units.forEach((unit, index) => {
    documents[unit.document] ??= el("p", { class: "document", dir: "auto" });
    documents[unit.document].append(spans[index]);
  });
  const node = el(
    "div",
    {
      class: "tokens",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "coloured text",
      "aria-label": `${name}: the text, token by token. The arrow keys go from token to token, Escape ends it.`,
      "data-result": number,
    },
    documents,
  );
  listen(node, spans, selection, number);
  selection.addEventListener("chosen", () => mark(node, spans, units, selection.result === number ? selection.unit : null));
  return node;
}

// A finger that scrolls passes over tokens, too: it chooses one by a tap.
export const hovers = (event) => event.pointerType !== "touch";

const unitAt = (event) => {
  const span = event.target.closest?.(".token");
  return span ? Number(span.dataset.unit) : null;
};

function listen(node, spans, selection, number) {
  const choose = (unit) => selection.choose(number, unit);
  node.addEventListener("pointerover", (event) => hovers(event) && unitAt(event) !== null && choose(unitAt(event)));
  node.addEventListener("pointerleave", (event) => hovers(event) && choose(null));
  node.addEventListener("click", (event) => unitAt(event) !== null && choose(unitAt(event)));
  node.addEventListener("focusout", () => choose(null));
  node.addEventListener("keydown", (event) => {
    const now = selection.result === number ? selection.unit : null;
    const next = moved(event.key, now, spans);
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
    if (next !== null) spans[next].scrollIntoView({ block: "nearest" });
  });
}

// The unit to which a key leads from unit `now`; undefined where the key means nothing here.
function moved(key, now, spans) {
  const last = spans.length - 1;
  if (key === "Escape") return now === null ? undefined : null;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (!key.startsWith("Arrow")) return undefined;
  if (now === null) return 0;
  const onward = getComputedStyle(spans[now].parentElement).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  if (key === "ArrowLeft" || key === "ArrowRight") return clamp(now + (key === onward ? 1 : -1), last);
  return inNextLine(now, spans, key === "ArrowDown" ? 1 : -1);
}

const clamp = (index, last) => Math.max(0, Math.min(last, index));

// The unit in the line below or above that is nearest to the one of now.
function inNextLine(now, spans, step) {
  const here = spans[now].getBoundingClientRect();
  let best = now;
  let line = null;
  for (let index = now + step; index >= 0 && index < spans.length; index += step) {
    const box = spans[index].getBoundingClientRect();
    if (Math.abs(box.top - here.top) < 4) continue;
    if (line !== null && Math.abs(box.top - line) > 4) break;
    line = box.top;
    const nearer = Math.abs(box.left - here.left) < Math.abs(spans[best].getBoundingClientRect().left - here.left);
    if (best === now || nearer) best = index;
  }
  return best;
}

// Marks the chosen unit and what each direction had read before it.
function mark(node, spans, units, chosen) {
  for (const span of node.querySelectorAll(".chosen, .before, .after")) span.classList.remove("chosen", "before", "after");
  if (chosen === null) return;
  spans[chosen].classList.add("chosen");
  reveal(node, spans[chosen]);
  const { before, after } = contexts(units, chosen);
  for (const index of before) spans[index].classList.add("before");
  for (const index of after) spans[index].classList.add("after");
}

// Scrolls the text, and not the page, to a token that is out of it: a figure has chosen it.
function reveal(node, span) {
  const [frame, place] = [node, span].map((each) => each.getBoundingClientRect());
  if (place.bottom > frame.top && place.top < frame.bottom) return;
  node.scrollTop += place.top - frame.top - frame.height / 2;
}

// Indices of the units that forward had read before unit `chosen`, and backward after it; none where it is not known.
export function contexts(units, chosen) {
  const { token, tokens, read } = units[chosen];
  if (!read) return { before: [], after: [] };
  const [first, end] = [token - read[0], token + tokens + read[1]];
  const before = [];
  const after = [];
  for (let index = chosen - 1; index >= 0 && units[index].token >= first; index -= 1) before.push(index);
  for (let index = chosen + 1; index < units.length && units[index].token < end; index += 1) after.push(index);
  return { before, after };
}
