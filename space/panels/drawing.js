// Figures that are drawn for the width that they have, so that their letters are as large as those of the text.

import { el, replace } from "../page/elements.js";

const [LEAST, MOST] = [260, 680];

// A node that holds `draw(width)`, drawn anew where the width changes; in pixels.
export function drawing(draw) {
  const node = el("div", { class: "drawing" });
  let drawn = 0;
  const redraw = (width) => {
    const next = Math.round(Math.min(MOST, Math.max(LEAST, width)));
    if (next !== drawn) replace(node, draw((drawn = next)));
  };
  redraw(MOST);
  new ResizeObserver(([{ contentRect }]) => contentRect.width && redraw(contentRect.width)).observe(node);
  return node;
}

// Values on an axis from `low` to `high`: about `count` steps of 1, 2 or 5 times a power of ten, 0 among them; and the
// digits that they need after the point.
export function ticks(low, high, count) {
  const rough = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, at) => ({ value: (first + at) * step, digits }));
}
