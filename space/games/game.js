// The rules of Shannon's game: which sentences, in which direction, and what a guess does.

import { SYMBOLS } from "./entropy.js";

export const SENTENCES = 10;

// `count` of `items`, chosen and in an order by chance.
export function drawn(items, count, random = Math.random) {
  const left = [...items];
  const one = () => left.splice(Math.floor(random() * left.length), 1)[0];
  return Array.from({ length: Math.min(count, left.length) }, one);
}

// A game in one language: `state` is all of it, as JSON keeps it.
export class Game {
  constructor(sentences, state, random = Math.random) {
    this.sentences = sentences;
    this.state = state ?? { seen: [], ...this.plan([], random) };
  }

  // Ten sentences that were not seen, each in one direction, by turns; which direction is first is chance.
  plan(seen, random) {
    let unseen = [...this.sentences.keys()].filter((each) => !seen.includes(each));
    if (unseen.length < SENTENCES) [seen, unseen] = [[], [...this.sentences.keys()]];
    const chosen = drawn(unseen, SENTENCES, random);
    const first = random() < 0.5 ? 0 : 1;
    const steps = chosen.map((sentence, at) => ({ sentence, direction: (at + first) % 2 ? "backward" : "forward" }));
    return { seen: [...seen, ...chosen], steps, played: [[]], wrong: "" };
  }

  // Another game, with other sentences.
  again(random = Math.random) {
    this.state = this.plan(this.state.seen, random);
  }

  get at() {
    return this.state.played.length - 1;
  }

  get step() {
    return this.state.steps[this.at];
  }

  get sentence() {
    return this.sentences[this.step.sentence];
  }

  // Letters found of this sentence, in the order in which they were found.
  get found() {
    return this.state.played[this.at];
  }

  get finished() {
    return this.found.length === this.sentence.letters.length;
  }

  get over() {
    return this.finished && this.at === SENTENCES - 1;
  }

  // Where in the text the n-th letter in order of play is.
  place(n) {
    return this.step.direction === "forward" ? n : this.sentence.letters.length - 1 - n;
  }

  get letter() {
    return this.sentence.letters[this.place(this.found.length)];
  }

  // "right", "wrong", or "again" for a letter that was tried; null where there is nothing to guess.
  guess(letter) {
    if (this.finished || !SYMBOLS.includes(letter) || letter.length !== 1) return null;
    if (this.state.wrong.includes(letter)) return "again";
    if (letter !== this.letter) {
      this.state.wrong += letter;
      return "wrong";
    }
    this.note(false);
    return "right";
  }

  // Gives up a letter, which is the result.
  show() {
    const { letter } = this;
    this.note(true);
    return letter;
  }

  note(shown) {
    this.found.push({ letter: this.letter, wrong: this.state.wrong, shown });
    this.state.wrong = "";
  }

  next() {
    if (this.finished && !this.over) this.state.played.push([]);
  }

  // The sentences that were guessed to the end.
  get results() {
    const { played, steps } = this.state;
    const all = played.map((letters, at) => {
      const { text, author, letters: symbols, forward, backward } = this.sentences[steps[at].sentence];
      return { text, author, symbols, direction: steps[at].direction, models: { forward, backward }, letters };
    });
    return all.filter((each) => each.letters.length === each.symbols.length);
  }
}
