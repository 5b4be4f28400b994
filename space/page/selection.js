// Which token of which result the reader looks at: the text, the box and the figures all show the same one.

export class Selection extends EventTarget {
  result = null; // index of a result
  unit = null; // index of a unit of it, or null

  choose(result, unit) {
    if (result === this.result && unit === this.unit) return;
    [this.result, this.unit] = [result, unit];
    this.dispatchEvent(new CustomEvent("chosen", { detail: { result, unit } }));
  }
}
