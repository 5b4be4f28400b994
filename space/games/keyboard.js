// The 27 keys on the page. Tab reaches one of them, the arrow keys go from key to key.

import { el } from "../page/elements.js";

const ROWS = { en: ["qwertyuiop", "asdfghjkl", "zxcvbnm"], fr: ["azertyuiop", "qsdfghjklm", "wxcvbn"] };

export const name = (letter) => (letter === " " ? "space" : letter);

// Calls `press(letter, pointed)`; `pointed`: by a pointer, not by the key Enter or a switch.
export function keyboard(language, press) {
  const rows = [...ROWS[language], " "];
  const keys = new Map();
  const key = (letter) => {
    const button = el(
      "button",
      {
        type: "button",
        class: "key",
        tabindex: "-1",
        "data-key": name(letter),
        onclick: (event) => press(letter, event.detail > 0),
      },
      letter === " " ? "space" : letter,
    );
    keys.set(letter, button);
    return button;
  };
  const element = el(
    "div",
    { class: "keys", role: "group", "aria-label": "Letters", onkeydown: move },
    rows.map((row) => el("div", { class: "row" }, [...row].map(key))),
  );
  let current = rows[0][0];
  keys.get(current).tabIndex = 0;

  function move(event) {
    const row = rows.findIndex((each) => keys.get(current) && each.includes(current));
    const column = rows[row].indexOf(current);
    const to = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
    }[event.key];
    const letters = to && rows[to[0]];
    if (!letters) return;
    event.preventDefault();
    go(letters[Math.max(0, Math.min(letters.length - 1, to[1]))]);
    keys.get(current).focus();
  }

  function go(letter) {
    keys.get(current).tabIndex = -1;
    current = letter;
    keys.get(current).tabIndex = 0;
  }

  // Strikes out the letters that were tried. They keep the focus, so they are not `disabled`.
  function mark(wrong) {
    for (const [letter, button] of keys) {
      const tried = wrong.includes(letter);
      button.setAttribute("aria-disabled", String(tried));
      button.setAttribute("aria-label", name(letter) + (tried ? ", tried" : ""));
    }
  }
  element.addEventListener("focusin", (event) => {
    for (const [letter, button] of keys) if (button === event.target) go(letter);
  });
  mark("");
  return { element, mark };
}
