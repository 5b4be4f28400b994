// What is said of a result, on the page and in its picture.

import { signed } from "../page/elements.js";
import { readable } from "../page/names.js";

const PERCENT = "\u00a0%"; // with a space that no line ends at

export const percent = (share, digits = 2) => signed(100 * share, digits) + PERCENT;

// The interval of a report, or null where a single document has none.
export function interval({ low, high }) {
  return low === null || low === undefined ? null : `${percent(low)} to ${percent(high)}`;
}

// The name of who read, and whether it read the text reversed.
export function named(result, reversed) {
  return readable(result.name) + (reversed ? ", text reversed" : "");
}

// Which direction has the lower loss, and by how much of it; which claims nothing, as `finding` does.
export function ahead({ report, profile }) {
  if (!report.aot) return "Both directions lose exactly the same.";
  const direction = report.aot > 0 ? "forward" : "backward";
  const who = profile ? `Reading ${direction}, the quick learner has a loss` : `The ${direction} model has a loss`;
  return `${who} that is ${Math.abs(100 * report.aot).toFixed(2)}${PERCENT} lower here.`;
}
