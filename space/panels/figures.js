// Two figures of a text, tied to it: the difference summed along the text, and both losses around a token.

import { el, replace, signed, svg } from "../page/elements.js";
import { visible } from "./box.js";
import { drawing, ticks } from "./drawing.js";
import { difference, hovers } from "./text.js";

const HEIGHT = 180;
const AROUND = { left: 40, right: 8, top: 10, bottom: 24 };
const ROOM = 18; // pixels for a bar, so that its name can be read
const BARS = { height: 250, longest: 84, names: 34 }; // the latter from the middle, on each side
const MIDDLE = BARS.height / 2;
const LONG = 9; // letters of a name, more are set narrower

function sums(units) {
  let sum = 0;
  return [0, ...units.map((unit) => (sum += difference(unit)))];
}

const axis = (width, y, name, isZero) => [
  svg("line", { class: isZero ? "zero" : "grid", x1: AROUND.left, x2: width - AROUND.right, y1: y, y2: y }),
  svg("text", { x: AROUND.left - 6, y: y + 4, "text-anchor": "end" }, name),
];

// ℓ← − ℓ→ summed along the text: where the line rises, forward is easier. A pointer over it, or a tap, chooses the unit.
export function runningSum(units, { selection, number }) {
  const values = sums(units);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => HEIGHT - AROUND.bottom - ((value - low) / (high - low || 1)) * (HEIGHT - AROUND.top - AROUND.bottom);
  const ends = units.flatMap((unit, index) => (index && units[index - 1].document !== unit.document ? [index] : []));
  const upright = { y1: AROUND.top, y2: HEIGHT - AROUND.bottom };
  const cursor = svg("line", { class: "cursor", ...upright, visibility: "hidden" });
  let x = null; // place of a unit

  function draw(width) {
    x = (index) => AROUND.left + (index / units.length) * (width - AROUND.left - AROUND.right);
    const line = values.map((value, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const figure = svg(
      "svg",
      { viewBox: `0 0 ${width} ${HEIGHT}`, class: "figure sum", role: "img" },
      svg("title", null, "The difference of the losses, summed along the text"),
      svg("desc", null, `ℓ← − ℓ→ adds up to ${signed(values.at(-1), 1)} nats at the end of the text.`),
      ends.map((index) => svg("line", { class: "end", x1: x(index), x2: x(index), ...upright })),
      ticks(low, high, 4).map(({ value, digits }) => axis(width, y(value), value ? signed(value, digits) : "0", !value)),
      svg("path", { class: "line", d: line }),
      svg("text", { x: AROUND.left, y: HEIGHT - 6 }, "start of the text"),
      svg("text", { x: width - AROUND.right, y: HEIGHT - 6, "text-anchor": "end" }, "end"),
      cursor,
    );
    const choose = (event) => {
      const box = figure.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * width - AROUND.left;
      const index = Math.floor((at / (width - AROUND.left - AROUND.right)) * units.length);
      if (index >= 0 && index < units.length) selection.choose(number, index);
    };
    figure.addEventListener("pointermove", (event) => hovers(event) && choose(event));
    figure.addEventListener("pointerleave", (event) => hovers(event) && selection.choose(null, null));
    figure.addEventListener("click", choose);
    return figure;
  }

  selection.addEventListener("chosen", () => {
    const chosen = selection.result === number ? selection.unit : null;
    cursor.setAttribute("visibility", chosen === null ? "hidden" : "visible");
    if (chosen !== null) for (const name of ["x1", "x2"]) cursor.setAttribute(name, x(chosen + 0.5));
  });
  const caption = "ℓ← − ℓ→ summed along the text, in nats: where the line rises, forward is easier";
  return el("figure", null, el("figcaption", null, caption), drawing(draw));
}

// The bars of `part`: forward's loss upwards, backward's downwards. `told(index)` are the attributes of one of them.
function bars(part, width, told) {
  const most = Math.max(1, ...part.flatMap((unit) => [unit.forward, unit.backward]));
  const size = (nats) => (nats / most) * BARS.longest;
  const level = (nats) => MIDDLE - Math.sign(nats) * (BARS.names + size(Math.abs(nats)));
  const marks = ticks(0, most, 3).filter(({ value }) => value).flatMap((tick) => [tick, { ...tick, value: -tick.value }]);
  return [
    marks.map(({ value, digits }) => axis(width, level(value), Math.abs(value).toFixed(digits), false)),
    part.map((unit, index) => {
      const x = AROUND.left + index * ROOM;
      const name = visible(unit.text);
      const narrow = name.length > LONG && { textLength: 2 * BARS.names - 6, lengthAdjust: "spacingAndGlyphs" };
      const turned = `translate(${x + ROOM / 2 + 4} ${MIDDLE}) rotate(-90)`;
      const bar = { x: x + 1, width: ROOM - 2 };
      return svg(
        "g",
        told(index),
        svg("rect", { class: "hit", x, y: 0, width: ROOM, height: BARS.height }),
        svg("rect", { class: "forward", ...bar, y: level(unit.forward || 1e-9), height: size(unit.forward) }),
        svg("rect", { class: "backward", ...bar, y: MIDDLE + BARS.names, height: size(unit.backward) }),
        svg("text", { class: "token-name", transform: turned, "text-anchor": "middle", ...narrow }, name),
      );
    }),
  ];
}

// Both losses of the tokens around the chosen one, or of the first ones.
export function lossBars(units, { selection, number }) {
  const leave = (event) => hovers(event) && selection.choose(null, null);
  const figure = svg("svg", { class: "figure bars", role: "img", onpointerleave: leave });
  let [first, shown, width] = [0, 0, 0];

  function show() {
    const chosen = selection.result === number ? selection.unit : null;
    if (chosen !== null && (chosen < first || chosen >= first + shown)) {
      first = Math.max(0, Math.min(units.length - shown, chosen - Math.floor(shown / 2)));
    }
    const part = units.slice(first, first + shown);
    const choose = (index) => selection.choose(number, first + index);
    const told = (index) => ({
      class: first + index === chosen ? "bar chosen" : "bar",
      onpointerover: (event) => hovers(event) && choose(index),
      onclick: () => choose(index),
    });
    const range = `Tokens ${first + 1} to ${first + part.length} of ${units.length}. Forward upwards, backward downwards.`;
    const titles = [svg("title", null, "The losses of both models, token by token"), svg("desc", null, range)];
    replace(figure, titles, bars(part, width, told));
  }

  function draw(next) {
    width = next;
    shown = Math.floor((width - AROUND.left - AROUND.right) / ROOM);
    figure.setAttribute("viewBox", `0 0 ${width} ${BARS.height}`);
    show();
    return figure;
  }

  selection.addEventListener("chosen", show);
  const up = el("span", { class: "forward" }, "forward up");
  const down = el("span", { class: "backward" }, "backward down");
  const caption = el("figcaption", null, "Losses in nats of the tokens where you look: ", up, ", ", down);
  return el("figure", null, caption, drawing(draw));
}
