// What outlives a reload, in this tab alone, and what a player may download. Nothing is sent anywhere.

import { csv, save } from "../page/elements.js";

// What was kept under this name; null where there is nothing, or where it was kept of other texts.
export function kept(name, version) {
  try {
    const found = JSON.parse(sessionStorage.getItem(name));
    return found?.version === version ? found.state : null;
  } catch {
    return null; // a browser that keeps nothing, or a damaged entry
  }
}

export function keep(name, version, state) {
  try {
    sessionStorage.setItem(name, JSON.stringify({ version, state }));
  } catch {
    // then a reload loses the game, and nothing else
  }
}

// All guesses as CSV: a row for each letter, in order of play.
export function guesses(results) {
  const rows = [["sentence", "text", "direction", "position", "letter", "guesses", "wrong", "shown"]];
  results.forEach((each, number) =>
    each.letters.forEach(({ letter, wrong, shown }, at) => {
      const position = each.direction === "forward" ? at + 1 : each.letters.length - at;
      const guesses = shown ? "" : wrong.length + 1;
      rows.push([number + 1, each.text, each.direction, position, letter, guesses, wrong, shown]);
    }),
  );
  return csv(rows);
}

export function download(kind, content) {
  save(`shannon.${kind}`, kind === "csv" ? "text/csv" : "application/json", content);
}
