// The one place where the page says what went wrong. It goes away after a while, by Escape, by its button, and as soon
// as something else is asked for.

import { el, replace } from "./elements.js";

const SECONDS = 20;
let timer = null;

function place() {
  return document.getElementById("notice");
}

export function quiet() {
  clearTimeout(timer);
  place().hidden = true;
  replace(place());
}

export function say(message) {
  quiet();
  const close = el("button", { type: "button", "aria-label": "Close this message", onclick: quiet }, "×");
  replace(place(), el("p", null, message), close).hidden = false;
  timer = setTimeout(quiet, SECONDS * 1000);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !place().hidden) quiet();
});
