// The form: which text, read by which pairs; and the result that stands above it.

import { show } from "../panels/result.js";
import { ask, waiting } from "./ask.js";
import { el, replace } from "./elements.js";
import { readable } from "./names.js";
import { quiet, say } from "./notices.js";

const byId = (id) => document.getElementById(id);

let latest = 0; // number of the last thing asked for: what was asked before it is no longer shown
let busy = null; // what is being measured, as JSON

function pairChoice(name, checked) {
  const box = el("input", { type: "checkbox", name: "pair", value: name, checked });
  return el("label", { class: "pair-choice" }, box, " ", readable(name));
}

function chosenPairs() {
  const boxes = [...document.querySelectorAll("#pairs input[name=pair]:checked")].map((box) => box.value);
  const typed = byId("other-pair").value.split(/[\s,]+/).filter(Boolean);
  return [...new Set([...boxes, ...typed])];
}

function choosePairs(names) {
  const boxes = [...document.querySelectorAll("#pairs input[name=pair]")];
  for (const box of boxes) box.checked = names.includes(box.value);
  byId("other-pair").value = names.filter((name) => !boxes.some((box) => box.value === name)).join(" ");
}

function tell(text) {
  byId("status").textContent = text;
}

function idle() {
  busy = null;
  byId("result").removeAttribute("aria-busy");
  tell("");
}

// Measures a text by pairs and by the quick learner; what fails is said, and the rest is shown.
async function measure(text, pairs, reverse = false) {
  if (busy === JSON.stringify([text, pairs, reverse])) return null; // a double click asks once
  quiet();
  if (!text.trim()) {
    say("There is no text yet: paste one into the box, or choose an example.");
    byId("source").focus();
    return null;
  }
  const number = ++latest;
  busy = JSON.stringify([text, pairs, reverse]);
  byId("result").setAttribute("aria-busy", "true");
  tell("Asking …");
  const onQueue = (place) => number === latest && tell(waiting(place, "Reading"));
  const asked = [pairs.length ? ask("measure", [text, pairs, reverse], onQueue) : null, ask("quick", [text, reverse])];
  const [pair, quick] = await Promise.allSettled(asked);
  if (number !== latest) return null;
  idle();
  const failed = [pair, quick].find((each) => each.status === "rejected");
  if (failed) say(failed.reason.message);
  if (!pair.value && !quick.value) return null;
  return { text, pairs, pair: pair.value ?? null, quick: quick.value ?? null };
}

function present(shown) {
  const reverse = async () => {
    const turned = await measure(shown.text, shown.pairs, true);
    if (turned) look(present({ ...shown, turned }));
  };
  const node = show({ ...shown, reverse });
  replace(byId("result"), node);
  return node;
}

// Brings the reader to a result, also who listens to it.
function look(node) {
  node.querySelector("h2").focus({ preventScroll: true });
  node.scrollIntoView({ block: "start" });
}

async function submit(event) {
  event?.preventDefault();
  const found = await measure(byId("source").value, chosenPairs());
  if (!found) return;
  const node = present(found);
  if (event) look(node); // what the address asks for, maybe in a frame, takes no focus and scrolls no page
}

function showExample(example, withText = true) {
  latest += 1;
  idle();
  quiet();
  choosePairs(example.pair_result.results.flatMap((each) => each.pairs));
  if (withText) byId("source").value = example.text;
  const { title, text, pair_result: pair, quick_result: quick, books } = example;
  return present({ title, text, pairs: [example.pair], pair, quick, books });
}

// Fills in what is known, shows the first example or what the address asks for, and listens.
export function startForm(examples, offered, asked) {
  const other = el("input", { type: "text", id: "other-pair", autocomplete: "off", spellcheck: "false" });
  const label = el("label", { class: "other", for: "other-pair" }, "or a pair on the Hugging Face Hub, USER/NAME");
  byId("pairs").append(
    el("div", { class: "choices" }, offered.pairs.map((name) => pairChoice(name, offered.first.includes(name)))),
    label,
    other,
  );
  const { characters, tokens, pairs: most } = offered.limits;
  byId("limits").textContent =
    `Up to ${characters.toLocaleString("en")} characters and ${tokens.toLocaleString("en")} tokens, what is longer is ` +
    `cut; up to ${most} pairs. Without a pair, the quick learner reads alone, in any language. The text is sent to ` +
    "the server that this page comes from, and not kept.";
  for (const example of examples) {
    byId("examples").append(el("button", { type: "button", onclick: () => look(showExample(example)) }, example.title));
  }
  byId("ask").addEventListener("submit", submit);
  byId("ask").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  });
  if (asked.text?.trim()) {
    byId("source").value = asked.text;
    choosePairs(asked.pairs ?? offered.first);
    submit();
    return;
  }
  const wanted = examples.find((example) => asked.pairs?.includes(example.pair));
  showExample(wanted ?? examples[0], false);
  if (!asked.pairs) return;
  choosePairs(asked.pairs);
  if (!wanted) say("The link brings no text. What is shown is an example, and not by what the link names.");
}
