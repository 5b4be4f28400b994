// What is said of a result, on the page and in its picture.

import { PERCENT, percent } from "../page/elements.js";
import { readable } from "../page/names.js";

// The interval of a report, or null where a single document has none.
export function interval({ low, high }) {
  return low === null || low === undefined ? null : `${percent(low)} to ${percent(high)}`;
}

// The name of who read, and whether it read the text reversed.
export function named(result, reversed) {
  return readable(result.name) + (reversed ? ", text reversed" : "");
}

// The direction that has the lower loss; null where ∂ is 0 as it is shown.
export function direction({ aot }) {
  return Math.abs(aot) < 5e-5 ? null : aot > 0 ? "forward" : "backward";
}

// Which direction has the lower loss, and by how much of it; which claims nothing, as `finding` does.
export function ahead({ report, profile }) {
  if (!direction(report)) return `Both directions have the same loss here, to 0.01${PERCENT}.`;
  const which = direction(report);
  const who = profile ? `Reading ${which}, the quick learner has a loss` : `The ${which} model has a loss`;
  return `${who} that is ${Math.abs(100 * report.aot).toFixed(2)}${PERCENT} lower here.`;
}
