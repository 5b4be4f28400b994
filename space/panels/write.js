// Both models of a pair write: what came before a prompt, and what comes next.

import { waiting } from "../page/ask.js";
import { el, replace } from "../page/elements.js";
import { readable } from "../page/names.js";
import { quiet, say } from "../page/notices.js";

const PROMPT = " the king said to his people";
const FIELDS = [
  { id: "write-new", label: "Tokens on each side", min: 1, max: 200, step: 1, value: 30 },
  { id: "write-texts", label: "Texts", min: 1, max: 8, step: 1, value: 3 },
  { id: "write-temperature", label: "Temperature", min: 0.1, max: 2, step: 0.05, value: 1 },
  { id: "write-top-k", label: "Top k (0: all)", min: 0, max: 200, step: 1, value: 0 },
  { id: "write-seed", label: "Seed", min: 0, max: 2147483647, step: 1, value: 0 },
];

// Puts the form and what is written into `container`. `pairs` are the names of those offered, the first one chosen;
// `ask` is that of page/ask.js.
export function mount(container, { pairs, ask }) {
  const names = pairs.map((name) => el("option", { value: name }, readable(name)));
  const pair = el("select", { id: "write-pair", name: "pair" }, names);
  const other = el("input", { type: "text", id: "write-other", autocomplete: "off", spellcheck: "false" });
  const prompt = el("textarea", { id: "write-prompt", rows: 2, dir: "auto", "aria-describedby": "write-hint" });
  prompt.value = PROMPT;
  const numbers = FIELDS.map(({ id, min, max, step, value }) => {
    const input = el("input", { type: "number", id, min, max, step, required: true, inputmode: step === 1 ? "numeric" : "decimal" });
    input.value = value;
    return input;
  });
  const button = el("button", { type: "submit", class: "primary", id: "write-button", "aria-keyshortcuts": "Control+Enter" }, "Write");
  const status = el("p", { class: "note", role: "status", id: "write-status" });
  const written = el("div", { id: "written" });
  let busy = false;

  async function write(event) {
    event.preventDefault();
    if (busy) return;
    quiet();
    const wrong = [...numbers].find((input) => !input.checkValidity());
    if (wrong) return refuse(wrong);
    const [new_, texts, temperature, top_k, seed] = numbers.map((input) => Number(input.value));
    busy = true;
    button.setAttribute("aria-disabled", "true");
    replace(status, "Asking the server …");
    try {
      const data = [[other.value.trim() || pair.value], prompt.value, new_, temperature, top_k, texts, seed];
      const { results } = await ask("write", data, (place) => replace(status, waiting(place, "Writing")));
      replace(written, results.map(shown));
      replace(status, "Written.");
    } catch (error) {
      replace(status);
      say(error.message);
    } finally {
      busy = false;
      button.removeAttribute("aria-disabled");
    }
  }

  const form = el(
    "form",
    { class: "write", novalidate: true, onsubmit: write, onkeydown: (event) => submit(event, form) },
    field(pair, "Pair"),
    el("label", { class: "other", for: other.id }, "or a pair on the Hugging Face Hub, USER/NAME"),
    other,
    field(prompt, "Prompt"),
    el("p", { class: "note", id: "write-hint" }, "It begins with a space if a word came before it, and ends with none."),
    el("div", { class: "numbers" }, FIELDS.map(({ label }, at) => field(numbers[at], label))),
    el("div", { class: "go" }, button, el("kbd", null, "Ctrl"), el("span", { class: "plus note" }, "+"), el("kbd", null, "Enter"), status),
  );
  replace(
    container,
    el("h1", null, "What came before, and what comes next?"),
    el("p", null, "The backward model writes what came before the prompt, from its end to its start; the forward model what comes next."),
    form,
    written,
  );
}

function submit(event, form) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit();
}

function field(input, label) {
  return el("div", { class: "field" }, el("label", { for: input.id }, label), input);
}

function refuse(input) {
  const { label, min, max, step } = FIELDS.find(({ id }) => id === input.id);
  const kind = step === 1 ? "a whole number" : `a number in steps of ${step}`;
  say(`${label}: give ${kind} from ${min} to ${max}.`);
  input.focus();
}

// The text in the manner of who wrote it; spaces around it need no line under them.
function underlined(which, text) {
  const [, before, inner, after] = /^(\s*)(.*?)(\s*)$/s.exec(text);
  return [before, el("span", { class: which }, inner), after];
}

// The texts of one pair. Who wrote what is told by underlines, by the legend, and to screen readers in words.
function shown({ name, prompt, backward, forward }) {
  const part = (which, heard, text) => [
    el("span", { class: "heard", dir: "ltr" }, heard),
    ...underlined(which, text),
  ];
  const texts = backward.map((before, at) =>
    el("li", { dir: "auto" }, [
      part("backward", "Before: ", before), part("prompt", " Prompt: ", prompt), part("forward", " Next: ", forward[at]),
    ]),
  );
  const legend = [
    el("span", { class: "backward" }, "backward model"), ", ", el("strong", { class: "prompt" }, "prompt"), ", ",
    el("span", { class: "forward" }, "forward model"),
  ];
  return [el("h2", null, readable(name)), el("p", { class: "written note" }, legend), el("ol", { class: "written" }, texts)];
}
