// The numbers of results as files.

import { csv } from "../page/elements.js";

const COLUMNS = ["pair", "text", "document", "position", "id", "token", "forward", "backward", "difference"];

function* rowsOf(result, which) {
  if (!result.tokens) {
    for (const [position, { text, document, forward, backward }] of result.units.entries()) {
      yield [result.name, which, document, position, "", text, forward, backward, backward - forward, ""];
    }
    return;
  }
  const { ids, texts, starts } = result.tokens;
  for (const [seed, forward] of result.tokens.forward.entries()) {
    const backward = result.tokens.backward[seed];
    const number = result.pairs.length > 1 ? seed + 1 : "";
    let document = 0;
    for (const [position, text] of texts.entries()) {
      while (position >= (starts[document + 1] ?? Infinity)) document += 1;
      const losses = [forward[position], backward[position], backward[position] - forward[position]];
      yield [result.pairs[seed], which, document, position, ids[position], text, ...losses, number];
    }
  }
}

// Answers of /measure or /quick as CSV: a row for each token, or character, and in nats what it cost. Where a result has
// several seeds, each has its rows, and a column `seed` counts them.
export function table(answers) {
  const seeds = answers.some(({ results }) => results.some(({ pairs }) => pairs?.length > 1));
  const rows = [seeds ? [...COLUMNS, "seed"] : COLUMNS];
  for (const { results, reversed } of answers) {
    for (const result of results) {
      for (const row of rowsOf(result, reversed ? "reversed" : "as it stands")) rows.push(seeds ? row : row.slice(0, -1));
    }
  }
  return csv(rows);
}
