// What is shown of a round once it is answered: the numbers as bars, the words coloured, and why.

import { el } from "../page/elements.js";

const NAME = {
  author: "The author’s",
  model: "The model’s own",
  original: "As written",
  reversed: "Last word first",
  forward: "Forward model →",
  backward: "← Backward model",
};
const JUDGE = { continuation: "forward", beginning: "backward", reversal: "forward" };
const MOST = 16; // bits of a word with the strongest colour
const MOST_APART = 6; // of the difference of both models

const rate = (text) => text.bits / text.characters;
const judge = (round, text) => JUDGE[round.kind] ?? text.is;

// The texts of a round in the order of its answers.
function inOrder(round, order) {
  return round.kind === "reversal" ? round.texts : order.map((name) => round.texts.find((each) => each.is === name));
}

// A bar for each text, bits per character.
export function bars(round, order) {
  const most = Math.max(...round.texts.map(rate));
  return el(
    "dl",
    { class: "bars", "data-bars": true },
    inOrder(round, order).map((text) => {
      const style = `width: ${((100 * rate(text)) / most).toFixed(1)}%`;
      const fill = el("span", { class: `fill ${judge(round, text)}`, style });
      const value = el("span", { class: "value" }, `${rate(text).toFixed(2)} bits per character`);
      return el("div", null, el("dt", null, NAME[text.is]), el("dd", null, fill, value));
    }),
  );
}

function word([text, bits], strength, direction) {
  const part = Math.round(55 * Math.min(1, strength)); // in percent, so that the letters can still be read
  const style = `background: color-mix(in srgb, var(--${direction}) ${part}%, transparent)`;
  return [/^\s/.test(text) ? " " : "", el("span", { class: "word", style, title: bits }, text.trim())];
}

// The words, the stronger coloured the harder they were; of two models, in that of whom it was easier for.
export function coloured(round, order) {
  if (round.kind === "direction") return compared(round);
  const quotes = inOrder(round, order).map((text) => {
    const direction = judge(round, text);
    const words = text.words.map(([shown, bits]) => word([shown, `${bits.toFixed(1)} bits`], bits / MOST, direction));
    const given = round.given && el("span", { class: "given" }, round.given);
    const parts = { continuation: [given, " ", words], beginning: [words, " ", given] }[round.kind] ?? words;
    return el("blockquote", null, el("cite", null, NAME[text.is]), parts);
  });
  return [quotes, el("p", { class: "note" }, "The stronger the colour, the harder the word.")];
}

function compared(round) {
  const [forward, backward] = ["forward", "backward"].map((name) => round.texts.find((each) => each.is === name));
  const words = forward.words.map(([text, bits], at) => {
    const other = backward.words[at][1];
    const told = `forward ${bits.toFixed(1)} bits, backward ${other.toFixed(1)}`;
    return word([text, told], Math.abs(other - bits) / MOST_APART, other > bits ? "forward" : "backward");
  });
  const legend = el(
    "p",
    { class: "note" },
    "Words that were easier ",
    el("b", { class: "forward" }, "forward are blue"),
    ", ",
    el("b", { class: "backward" }, "backward, orange"),
    ": the stronger, the more.",
  );
  return [el("blockquote", null, words), legend];
}

const bare = (text) => text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");

function hardest(text) {
  const [shown, bits] = text.words.reduce((one, other) => (other[1] > one[1] ? other : one));
  return `“${bare(shown)}” (${bits.toFixed(0)} bits)`;
}

function less(one, other) {
  return `${Math.round(100 * (1 - rate(one) / rate(other)))} %`;
}

// One sentence or two: which it was, by how much, and what made the difference.
export function why(round, language) {
  const of = (name) => round.texts.find((each) => each.is === name);
  if (round.kind === "reversal") {
    const times = rate(of("reversed")) / rate(of("original"));
    const { easier, sentences } = language.reversals;
    const more = `It took ${Math.round(100 * (times - 1))} % more bits, and ${hardest(of("reversed"))} was the hardest.`;
    return `${more} Of ${sentences} sentences like this, ${easier} were easier last word first.`;
  }
  if (round.kind === "direction") {
    const [easy, hard] = round.right === "forward" ? [of("forward"), of("backward")] : [of("backward"), of("forward")];
    const gaps = hard.words.map(([shown, bits], at) => [shown, bits - easy.words[at][1]]);
    const [shown, gap] = gaps.reduce((one, other) => (other[1] > one[1] ? other : one));
    const fewer = `The ${round.right} model needed ${less(easy, hard)} fewer bits.`;
    return `${fewer} “${bare(shown)}” made the most of it: ${gap.toFixed(0)} bits fewer.`;
  }
  const [easy, hard] = round.right === "author" ? [of("author"), of("model")] : [of("model"), of("author")];
  const because =
    round.right === "author"
      ? `A model draws its words by lot, and may draw unlikely ones: ${hardest(hard)} was the hardest.`
      : `The author chose words that the model does not expect: ${hardest(hard)} was the hardest.`;
  return `${round.right === "author" ? "The author’s" : "Its own"} took ${less(easy, hard)} fewer bits. ${because}`;
}
