// Where the browser has put a text: its lines, and the colours behind it.

import { el } from "../page/elements.js";

const pen = () => el("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
const cutter = globalThis.Intl?.Segmenter && new Intl.Segmenter(undefined, { granularity: "grapheme" });

function* graphemes(text) {
  if (cutter) for (const { segment } of cutter.segment(text)) yield segment;
  else yield* text; // an old browser: a character of several code points may be measured in parts
}

// The lines of text in an element as they are seen: their text in the order of reading, and where they are on the
// screen. A tab ends a piece of a line, since a picture cannot say how wide it is.
export function linesOf(element) {
  const lines = [];
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let [line, paragraph] = [null, null];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const holder = node.parentElement.closest("p, div, li");
    if (holder !== paragraph) [line, paragraph] = [null, holder];
    let at = 0;
    for (const piece of graphemes(node.data)) {
      range.setStart(node, at);
      range.setEnd(node, (at += piece.length));
      if (/[\n\t]/.test(piece)) {
        line = null;
        continue;
      }
      const place = [...range.getClientRects()].find(({ width }) => width) ?? null;
      if (line && place && Math.abs(place.top - line.top) > line.height / 2) line = null;
      if (!line && !place) continue;
      if (!line) lines.push((line = begun(node.parentElement, holder, place)));
      line.text += piece;
      if (place && piece.trim()) {
        line.left = Math.min(line.left, place.left);
        line.right = Math.max(line.right, place.right);
      }
    }
  }
  return lines.filter((each) => each.text.trim()).map((each) => ({ ...each, text: each.text.trim() }));
}

function begun(parent, holder, { top, bottom, height }) {
  const { color, fontFamily: family, fontSize, fontWeight: weight, fontStyle } = getComputedStyle(parent);
  const rtl = getComputedStyle(holder).direction === "rtl";
  const size = parseFloat(fontSize);
  const measured = measuredFont(`${fontStyle} ${weight} ${fontSize} ${family}`);
  const base = top + (height * measured.fontBoundingBoxAscent) / (measured.fontBoundingBoxAscent + measured.fontBoundingBoxDescent);
  return { text: "", left: Infinity, right: -Infinity, top, bottom, height, base, rtl, size, weight, family, colour: opaque(color, "#fff") };
}

const fonts = new Map();
function measuredFont(font) {
  if (!fonts.has(font)) {
    const context = pen();
    context.font = font;
    fonts.set(font, context.measureText("x"));
  }
  return fonts.get(font);
}

// What is behind the tokens of a text: rectangles on the screen, and their colours as they are seen on the page.
export function rectangles(tokens, page) {
  const { left: least, right: most } = tokens.getBoundingClientRect();
  const found = [];
  for (const token of tokens.querySelectorAll(".token")) {
    const colour = getComputedStyle(token).backgroundColor;
    if (/^transparent$|, 0\)$|\/ 0\)$/.test(colour)) continue;
    for (const { left, top, right, bottom } of token.getClientRects()) {
      const place = { left: Math.max(left, least), top, right: Math.min(right, most), bottom };
      if (place.right > place.left) found.push({ ...place, fill: opaque(colour, page) });
    }
  }
  return found;
}

const seen = new Map();
// A colour of CSS on a page of another colour, as #rrggbb, which every program that reads SVG knows.
export function opaque(colour, page) {
  const key = `${colour} on ${page}`;
  if (!seen.has(key)) {
    const context = pen();
    for (const each of [page, colour]) {
      context.fillStyle = each;
      context.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    seen.set(key, "#" + [red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join(""));
  }
  return seen.get(key);
}

// A line as an element of SVG, moved by x and y. It is whole, so that letters join as they do on the page; its width is
// told, so that it fits with another font as well.
export function textOf(line, x, y) {
  const { text, left, right, base, rtl, size, weight, family, colour } = line;
  const width = right === null ? "" : ` textLength="${round(right - left)}" lengthAdjust="spacingAndGlyphs"`;
  const turned = rtl ? ' direction="rtl"' : "";
  return (
    `<text x="${round((rtl ? right : left) + x)}" y="${round(base + y)}"${width}${turned} xml:space="preserve" ` +
    `font-family="${escape(family)}" font-size="${size}" font-weight="${weight}" fill="${colour}">${escape(text)}</text>\n`
  );
}

export function round(value) {
  return String(Math.round(value * 100) / 100);
}

// Text as it stands in XML, without the characters that XML does not know.
export function escape(text) {
  // eslint-disable-next-line no-control-regex
  const known = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, "\ufffd");
  return known.replace(/[&<>"]/g, (each) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[each]);
}
