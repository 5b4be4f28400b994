// Two figures of a text, tied to it: the difference summed along the text, and both losses around a token.

import { el, replace, signed, svg } from "../page/elements.js";
import { visible } from "./box.js";
import { difference } from "./text.js";

const [WIDTH, HEIGHT] = [440, 170];
const MARGIN = { left: 40, right: 8, top: 10, bottom: 24 };
const SHOWN = 22; // units whose bars have room for their names
const BARS = { height: 250, room: 84, names: 34 }; // from the middle: of the longest bar, of the names on each side
const MIDDLE = BARS.height / 2;
const LONG = 9; // letters of a name, more are set narrower

// A step of 1, 2 or 5 times a power of ten, so that about `count` of them make `range`.
function step(range, count) {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((each) => each * power >= rough) ?? 10);
}

function sums(units) {
  let sum = 0;
  return [0, ...units.map((unit) => (sum += difference(unit)))];
}

// ℓ← − ℓ→ summed along the text: where the line rises, forward is easier. A pointer over it chooses the unit.
export function runningSum(units, { selection, number }) {
  const values = sums(units);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = high - low || 1;
  const x = (index) => MARGIN.left + (index / units.length) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) => HEIGHT - MARGIN.bottom - ((value - low) / range) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const ticks = [];
  const each = step(range, 4);
  for (let tick = Math.ceil(low / each) * each; tick <= high + 1e-9; tick += each) ticks.push(tick);
  const digits = each < 1 ? 1 : 0;
  const ends = units.flatMap((unit, index) => (index && units[index - 1].document !== unit.document ? [index] : []));
  const line = values.map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const cursor = svg("line", { class: "cursor", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: "hidden" });
  const last = values.at(-1);
  const figure = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "figure sum", role: "img" },
    svg("title", null, "The difference of the losses, summed along the text"),
    svg("desc", null, `ℓ← − ℓ→ adds up to ${signed(last, 1)} nats at the end of the text, after ${units.length} tokens.`),
    ends.map((index) => svg("line", { class: "end", x1: x(index), x2: x(index), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom })),
    ticks.map((tick) => [
      svg("line", { class: Math.abs(tick) < 1e-9 ? "zero" : "grid", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end" }, Math.abs(tick) < 1e-9 ? "0" : signed(tick, digits)),
    ]),
    svg("path", { class: "line", d: line }),
    svg("text", { x: MARGIN.left, y: HEIGHT - 6 }, "start of the text"),
    svg("text", { x: WIDTH - MARGIN.right, y: HEIGHT - 6, "text-anchor": "end" }, "end"),
    cursor,
  );
  figure.addEventListener("pointermove", (event) => {
    const box = figure.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH - MARGIN.left;
    const index = Math.floor((at / (WIDTH - MARGIN.left - MARGIN.right)) * units.length);
    if (index >= 0 && index < units.length) selection.choose(number, index);
  });
  selection.addEventListener("chosen", () => {
    const chosen = selection.result === number ? selection.unit : null;
    cursor.setAttribute("visibility", chosen === null ? "hidden" : "visible");
    if (chosen === null) return;
    for (const name of ["x1", "x2"]) cursor.setAttribute(name, x(chosen + 0.5));
  });
  return el(
    "figure",
    null,
    el("figcaption", null, "ℓ← − ℓ→ summed along the text, in nats: where the line rises, forward is easier"),
    figure,
  );
}

// The bars of units `first` to `first` + SHOWN: forward's loss upwards, backward's downwards.
function bars(units, first, chosen, choose) {
  const part = units.slice(first, first + SHOWN);
  const most = Math.max(1, ...part.flatMap((unit) => [unit.forward, unit.backward]));
  const room = (WIDTH - MARGIN.left - MARGIN.right) / SHOWN;
  const size = (nats) => (nats / most) * BARS.room;
  const each = step(most, 3);
  const ticks = [];
  for (let tick = each; tick <= most; tick += each) ticks.push(tick, -tick);
  const level = (nats) => (nats > 0 ? MIDDLE - BARS.names - size(nats) : MIDDLE + BARS.names + size(-nats));
  return [
    svg("title", null, "The losses of both models, token by token"),
    svg("desc", null, `Tokens ${first + 1} to ${first + part.length} of ${units.length}. Forward upwards, backward downwards.`),
    ticks.map((tick) => [
      svg("line", { class: "grid", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: level(tick), y2: level(tick) }),
      svg("text", { x: MARGIN.left - 6, y: level(tick) + 4, "text-anchor": "end" }, Math.abs(tick).toFixed(each < 1 ? 1 : 0)),
    ]),
    part.map((unit, index) => {
      const x = MARGIN.left + index * room;
      const [up, down] = [size(unit.forward), size(unit.backward)];
      const text = visible(unit.text);
      return svg(
        "g",
        { class: first + index === chosen ? "bar chosen" : "bar", onpointerover: () => choose(first + index) },
        svg("rect", { class: "hit", x, y: 0, width: room, height: BARS.height }),
        svg("rect", { class: "forward", x: x + 1, y: MIDDLE - BARS.names - up, width: room - 2, height: up }),
        svg("rect", { class: "backward", x: x + 1, y: MIDDLE + BARS.names, width: room - 2, height: down }),
        svg(
          "text",
          { class: "token-name", transform: `translate(${x + room / 2 + 4} ${MIDDLE}) rotate(-90)`, "text-anchor": "middle",
            textLength: text.length > LONG ? 2 * BARS.names - 6 : null, lengthAdjust: "spacingAndGlyphs" },
          text,
        ),
      );
    }),
  ];
}

// Both losses of the tokens around the chosen one, or of the first ones.
export function lossBars(units, { selection, number }) {
  const figure = svg("svg", { viewBox: `0 0 ${WIDTH} ${BARS.height}`, class: "figure bars", role: "img" });
  let first = 0;
  const choose = (unit) => selection.choose(number, unit);
  const draw = (chosen) => replace(figure, bars(units, first, chosen, choose));
  selection.addEventListener("chosen", () => {
    const chosen = selection.result === number ? selection.unit : null;
    if (chosen !== null && (chosen < first || chosen >= first + SHOWN)) {
      first = Math.max(0, Math.min(units.length - SHOWN, chosen - SHOWN / 2));
    }
    draw(chosen);
  });
  draw(null);
  return el(
    "figure",
    null,
    el("figcaption", null, "Losses in nats of the tokens where you look: ", el("span", { class: "forward" }, "forward up"), ", ",
      el("span", { class: "backward" }, "backward down")),
    figure,
  );
}
