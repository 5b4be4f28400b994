// What counts of guesses say about entropy, after Shannon, "Prediction and Entropy of Printed English", Bell System
// Technical Journal 30, 1951, pp. 50–64, and what a player's guesses say about the direction of time.

export const SYMBOLS = "abcdefghijklmnopqrstuvwxyz ";
const DIRECTIONS = ["forward", "backward"];

// Quantiles 0.975 of Student's t for 1, 2, … degrees of freedom: NIST/SEMATECH e-Handbook of Statistical Methods,
// section 1.3.6.7.2.
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];

// Of letters {wrong, shown}, how many were found with the first guess, the second, …: 27 counts. A letter that was
// given up counts as if the rest had been tried in random order: a part of it for each number of guesses that is left.
// So it is what a player does who knows nothing more, and the upper bound stays one.
export function tally(letters) {
  const counts = Array(SYMBOLS.length).fill(0);
  for (const { wrong, shown } of letters) {
    const left = SYMBOLS.length - wrong.length;
    if (shown) for (let at = wrong.length; at < SYMBOLS.length; at++) counts[at] += 1 / left;
    else counts[wrong.length] += 1;
  }
  return counts;
}

// Guesses per letter.
export function average(counts) {
  const total = counts.reduce((sum, each) => sum + each, 0);
  return counts.reduce((sum, each, at) => sum + each * (at + 1), 0) / total;
}

// Shannon's bounds of the entropy in bits per letter, by his equation (17), from the frequencies qᵢ of needing i
// guesses: −Σ qᵢ log₂ qᵢ and Σ i (qᵢ − qᵢ₊₁) log₂ i. The lower one takes for granted that the player guesses the
// likeliest letter first, so that qᵢ falls with i. Where it does not, by the chance of few letters, the q are sorted:
// as if the player had numbered the guesses by how often they were right. That leaves the upper bound as it is, and
// the lower one between 0 and the upper one, where unsorted it may be anywhere. (Shannon smoothed his by hand.)
export function bounds(counts) {
  const total = counts.reduce((sum, each) => sum + each, 0);
  const q = counts.map((each) => each / total).sort((one, other) => other - one);
  let [upper, lower] = [0, 0];
  q.forEach((each, at) => {
    if (each > 0) upper -= each * Math.log2(each);
    lower += (at + 1) * (each - (q[at + 1] ?? 0)) * Math.log2(at + 1);
  });
  return { upper: Math.abs(upper), lower };
}

function sum(tallies) {
  const none = Array(SYMBOLS.length).fill(0);
  return tallies.reduce((total, each) => total.map((count, at) => count + each[at]), none);
}

function byDirection(sentences) {
  const tallies = { forward: [], backward: [] };
  for (const { direction, letters } of sentences) tallies[direction].push(tally(letters));
  return tallies;
}

// Counts of all sentences of each direction together, from [{direction, letters}].
export function totals(sentences) {
  const tallies = byDirection(sentences);
  return Object.fromEntries(DIRECTIONS.map((name) => [name, sum(tallies[name])]));
}

function difference(forward, backward) {
  return (backward - forward) / ((forward + backward) / 2);
}

// ∂ of a player from the upper bounds H of both directions, (H← − H→) / (½ (H← + H→)), with its 95 % interval; null
// where there are fewer than two sentences of a direction, or where all was guessed at once.
//
// The interval: leave out one sentence of a direction at a time (jackknife; Efron and Tibshirani, An Introduction to
// the Bootstrap, 1993, chapter 11). The two directions have no sentence in common, so their variances add up, with the
// degrees of freedom of Welch and Satterthwaite, rounded down.
export function arrow(sentences) {
  const tallies = byDirection(sentences);
  const upper = Object.fromEntries(DIRECTIONS.map((name) => [name, bounds(sum(tallies[name])).upper]));
  if (DIRECTIONS.some((name) => tallies[name].length < 2) || !(upper.forward + upper.backward > 0)) return null;
  const parts = DIRECTIONS.map((name) => {
    const values = tallies[name].map((_, left) => {
      const one = { ...upper, [name]: bounds(sum(tallies[name].filter((_, at) => at !== left))).upper };
      return difference(one.forward, one.backward);
    });
    const mean = values.reduce((total, each) => total + each, 0) / values.length;
    const squares = values.reduce((total, each) => total + (each - mean) ** 2, 0);
    return { variance: (squares * (values.length - 1)) / values.length, freedom: values.length - 1 };
  });
  const variance = parts[0].variance + parts[1].variance;
  const freedom = variance ** 2 / parts.reduce((total, each) => total + each.variance ** 2 / each.freedom, 0);
  const aot = difference(upper.forward, upper.backward);
  const half = variance > 0 ? T[Math.min(T.length, Math.floor(freedom + 1e-9)) - 1] * Math.sqrt(variance) : 0;
  return { aot, low: aot - half, high: aot + half, freedom, upper };
}
