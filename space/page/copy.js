// Copies text, and says so.

import { el, replace } from "./elements.js";

// A line that tells what was copied, for eyes and screen readers.
export function copyStatus() {
  return el("div", { class: "copied note", role: "status", "aria-live": "polite" });
}

// Copies `text` and says `done` in `status`. Where the browser does not let the page copy, as on http, a field with the
// text, selected, stands in its place.
export async function copy(text, status, done) {
  replace(status); // so that a second copy is told as well
  try {
    await navigator.clipboard.writeText(text);
    replace(status, done);
  } catch {
    const field = el("textarea", { readonly: true, rows: 3, "aria-label": "Text to copy", spellcheck: "false" });
    field.value = text;
    replace(status, el("p", null, "The browser lets no page copy here. The text is selected: copy it by hand, with Ctrl+C or ⌘C."), field);
    field.focus();
    field.select();
  }
}
