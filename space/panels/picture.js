// A picture of a coloured text as it is shown: every line, every coloured rectangle where the browser has put it.
// The file stands alone: it needs no style sheet, no font and no network.

import { el } from "../page/elements.js";
import { escape, linesOf, opaque, rectangles, round, textOf } from "./lines.js";

const MARGIN = 24; // all lengths are in pixels of the page
const NARROWEST = 320;
export const TALLEST = 8000; // of a picture that becomes pixels
const SIDE = 16384; // of a canvas, in Chromium, Firefox and Safari
const AREA = 2 ** 24; // of a canvas, on phones
const AROUND = 28; // the text, 12 of it above
const GOES_ON = "… the text goes on";

// An SVG, one part below the other. A part has
//   title      ∂ with its interval, or why there is none      tokens  the element of the coloured text, as it is shown
//   sentence   what that means                                name    of the pair
//   scale      {nats, ends}: the difference of the strongest colours, and these, backward's and forward's, as CSS
// Where it would be taller than `tallest`, the text of a part ends early and says so.
export async function pictureSvg(parts, { tallest = Infinity } = {}) {
  await document.fonts.ready;
  parts = [parts].flat();
  const width = Math.max(NARROWEST, ...parts.map(({ tokens }) => Math.ceil(tokens.getBoundingClientRect().width)));
  const drawn = [];
  let y = MARGIN;
  for (const [number, part] of parts.entries()) {
    const shares = (tallest - y) / (parts.length - number);
    const { content, height } = drawnPart(part, y, width, shares);
    drawn.push(content);
    y += height + MARGIN;
  }
  const size = { width: width + 2 * MARGIN, height: Math.ceil(y) };
  const page = resolved("var(--page)");
  const label = escape(parts.map(({ title }) => title).join("; "));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" role="img" `,
    `viewBox="0 0 ${size.width} ${size.height}"><title>${label}</title>`,
    `<rect width="100%" height="100%" fill="${page}"/>\n`,
    ...drawn,
    "</svg>\n",
  ].join("");
}

// A PNG of an SVG, `scale` pixels for each of its own, or as many as a canvas can hold.
export async function picturePng(svgText, scale = 2) {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svgText], { type: "image/svg+xml" }));
  try {
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const most = Math.min(scale, SIDE / width, SIDE / height, Math.sqrt(AREA / (width * height)));
    const canvas = el("canvas", { width: Math.floor(width * most), height: Math.floor(height * most) });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("The picture is too large for this browser. Take the SVG.");
    return blob;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

// A colour of CSS as it is on the page at this moment, light or dark.
function resolved(colour, page = "#fff") {
  const probe = el("span", { style: `background: ${colour}`, hidden: true });
  document.body.append(probe);
  const { backgroundColor } = getComputedStyle(probe);
  probe.remove();
  return opaque(backgroundColor, page);
}

function drawnPart({ title, sentence, tokens, name, scale }, top, width, tallest) {
  const above = words([[title, "font-size: 22px; font-weight: 700"], [sentence, "font-size: 16px"]], width);
  const quiet = "font-size: 13px; color: var(--quiet)";
  const below = words([[[name, "arrow of time"].filter(Boolean).join(" · "), quiet]], width);
  const legend = scale ? 44 : 0;
  const room = tallest - above.height - below.height - legend - AROUND - MARGIN;
  const text = colouredText(tokens, room);
  const parts = [
    above.at(MARGIN, top),
    text.at(MARGIN, top + above.height + 12),
    scale ? drawnScale(top + above.height + text.height + AROUND, width, scale) : "",
    below.at(MARGIN, top + above.height + text.height + AROUND + legend),
  ];
  return { content: parts.join(""), height: above.height + text.height + AROUND + legend + below.height };
}

function colouredText(tokens, room) {
  const box = tokens.getBoundingClientRect();
  let [lines, fills, height] = [linesOf(tokens), rectangles(tokens, resolved("var(--page)")), tokens.scrollHeight];
  const [x0, y0] = [box.left, box.top - tokens.scrollTop];
  if (lines.some(({ bottom }) => bottom - y0 > room)) {
    const last = lines.find(({ bottom, height: own }) => bottom - y0 > room - 2 * own); // its line says that more follows
    lines = lines.filter(({ top }) => top < last.top);
    fills = fills.filter(({ top, bottom }) => (top + bottom) / 2 < last.top);
    height = last.bottom - y0;
    lines.push({ ...last, text: GOES_ON, left: x0, right: null, rtl: false });
  }
  const at = (x, y) => {
    const filled = fills.map(({ left, top, right, bottom, fill }) => {
      const place = `x="${round(left - x0 + x)}" y="${round(top - y0 + y)}"`;
      return `<rect ${place} width="${round(right - left)}" height="${round(bottom - top)}" fill="${fill}"/>\n`;
    });
    return filled.join("") + lines.map((line) => textOf(line, x - x0, y - y0)).join("");
  };
  return { at, height };
}

// Lines of words that the page does not show so, set by the browser out of sight.
function words(paragraphs, width) {
  const made = paragraphs.filter(([text]) => text).map(([text, style]) => {
    return el("p", { dir: "auto", style: `margin: 0 0 6px; line-height: 1.4; ${style}` }, text);
  });
  const hidden = "position: absolute; left: 0; top: 0; visibility: hidden; overflow-wrap: anywhere";
  const box = el("div", { style: `${hidden}; width: ${width}px`, "aria-hidden": "true" }, made);
  document.body.append(box);
  const { left, top, height } = box.getBoundingClientRect();
  const lines = linesOf(box);
  box.remove();
  return { at: (x, y) => lines.map((line) => textOf(line, x - left, y - top)).join(""), height };
}

function drawnScale(y, width, { nats, ends }) {
  const bar = Math.min(340, width);
  const page = resolved("var(--page)");
  const [backward, forward] = ends.map((end) => resolved(end, page));
  const family = escape(getComputedStyle(document.body).fontFamily);
  const style = `y="${round(y + 30)}" font-family="${family}" font-size="13" fill="${resolved("var(--quiet)", page)}"`;
  const stops = [backward, page, forward].map((colour, at) => `<stop offset="${at / 2}" stop-color="${colour}"/>`);
  const id = `scale-${Math.round(y)}`; // each part has its own
  return [
    `<linearGradient id="${id}">${stops.join("")}</linearGradient>`,
    `<rect x="${MARGIN}" y="${round(y)}" width="${bar}" height="14" fill="url(#${id})"/>`,
    `<text x="${MARGIN}" ${style}>backward easier, −${nats.toFixed(1)}</text>`,
    `<text x="${MARGIN + bar}" text-anchor="end" ${style}>+${nats.toFixed(1)} nats, forward easier</text>\n`,
  ].join("");
}
