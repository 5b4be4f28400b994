// A picture of a coloured text as it is shown: every line, every coloured rectangle where the browser has put it.
// The file stands alone: it needs no style sheet, no font and no network.

import { el } from "../page/elements.js";
import { escape, linesOf, opaque, rectangles, round, textOf } from "./lines.js";

const MARGIN = 24; // all lengths are in pixels of the page
const NARROWEST = 320;
export const TALLEST = 8000; // of a picture that becomes pixels
const SIDE = 16384; // of a canvas, in Chromium, Firefox and Safari
const AREA = 2 ** 24; // of a canvas, on phones
const GOES_ON = "… the text goes on";

// An SVG, one part below the other. A part has
//   title      ∂ with its interval, or why there is none      tokens  the element of the coloured text, as it is shown
//   sentence   what that means                                name    of the pair
//   scale      {low, high}: words for both ends of the legend
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
  const colours = pageColours();
  const label = escape(parts.map(({ title }) => title).join("; "));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" role="img" `,
    `viewBox="0 0 ${size.width} ${size.height}"><title>${label}</title>`,
    `<defs><linearGradient id="scale"><stop offset="0" stop-color="${colours.backward}"/>`,
    `<stop offset="0.5" stop-color="${colours.page}"/><stop offset="1" stop-color="${colours.forward}"/>`,
    `</linearGradient></defs><rect width="100%" height="100%" fill="${colours.page}"/>\n`,
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

// The colours of the page at this moment, light or dark.
function pageColours() {
  const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const page = opaque(of("--page"), "#fff");
  return { page, forward: opaque(of("--forward"), page), backward: opaque(of("--backward"), page) };
}

function drawnPart({ title, sentence, tokens, name, scale = {} }, top, width, tallest) {
  const above = words([[title, "font-size: 22px; font-weight: 700"], [sentence, "font-size: 16px"]], width);
  const quiet = "font-size: 13px; color: var(--quiet)";
  const below = words([[[name, "arrow of time"].filter(Boolean).join(" · "), quiet]], width);
  const legend = 30;
  const room = tallest - above.height - below.height - legend - 3 * MARGIN;
  const text = colouredText(tokens, room);
  const parts = [
    above.at(MARGIN, top),
    text.at(MARGIN, top + above.height + 12),
    drawnScale(top + above.height + text.height + 28, width, scale),
    below.at(MARGIN, top + above.height + text.height + 28 + legend),
  ];
  return { content: parts.join(""), height: above.height + text.height + 28 + legend + below.height };
}

function colouredText(tokens, room) {
  const box = tokens.getBoundingClientRect();
  let [lines, fills, height] = [linesOf(tokens), rectangles(tokens, pageColours().page), tokens.scrollHeight];
  const [x0, y0] = [box.left, box.top - tokens.scrollTop];
  const last = lines.find((line) => line.bottom - y0 > room);
  if (last) {
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

function drawnScale(y, width, { low = "backward easier", high = "forward easier" }) {
  const bar = Math.max(60, Math.min(160, width - 260));
  const { fontFamily } = getComputedStyle(document.body);
  const quiet = opaque(getComputedStyle(document.documentElement).getPropertyValue("--quiet").trim(), "#fff");
  const style = `font-family="${escape(fontFamily)}" font-size="13" fill="${quiet}"`;
  const left = MARGIN + 120;
  return [
    `<text x="${left - 8}" y="${round(y + 11)}" text-anchor="end" ${style}>${escape(low)}</text>`,
    `<rect x="${left}" y="${round(y)}" width="${bar}" height="14" fill="url(#scale)"/>`,
    `<text x="${left + bar + 8}" y="${round(y + 11)}" ${style}>${escape(high)}</text>\n`,
  ].join("");
}
