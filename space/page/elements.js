// Elements of the page, made in one line.

const SVG = "http://www.w3.org/2000/svg";

function made(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

// An HTML element. Attributes that are null or false are left out, those that begin with "on" are listeners; children
// are nodes, strings (always text, never markup) or lists of them.
export function el(tag, attributes, ...children) {
  return made(document.createElement(tag), attributes, children);
}

// The same of an SVG.
export function svg(tag, attributes, ...children) {
  return made(document.createElementNS(SVG, tag), attributes, children);
}

// Puts children into a container, in place of those that were there.
export function replace(container, ...children) {
  container.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return container;
}

// Offers a file that the page has made, a string or a Blob, as a download.
export function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// A number with its sign, a minus as typographers set it; what rounds to 0 has none.
export function signed(number, digits) {
  const size = Math.abs(number).toFixed(digits);
  return (Number(size) === 0 ? "" : number < 0 ? "−" : "+") + size;
}

export const PERCENT = "\u00a0%"; // with a space that no line ends at

export const percent = (share, digits = 2) => signed(100 * share, digits) + PERCENT;

// Rows as CSV, after RFC 4180. A field that begins with "=" is data all the same: it stands here as it is in the text.
export function csv(rows) {
  const field = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return rows.map((row) => row.map(field).join(",") + "\r\n").join("");
}
