// How to ask the same of this server from Python, from a shell, and without a server at all.

import { copy, copyStatus } from "../page/copy.js";
import { el, replace } from "../page/elements.js";

const TEXT = "The cup fell and broke. He swept up the pieces.";

const python = (value) => JSON.stringify(value); // a string or a list of strings is written alike in both
const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// The commands, for the server at `address` and the pairs `pairs`: {id, title, words, code}.
export function commands(address, pairs) {
  const at = address.replace(/\/$/, "");
  const one = pairs.slice(0, 1); // an example: more are given in the same way
  const client = `from gradio_client import Client\n\nclient = Client(${python(`${at}/`)})\n`;
  const body = (data) => shell(JSON.stringify({ data }));
  const curl = (name, data) =>
    `id=$(curl -s ${shell(`${at}/gradio_api/call/${name}`)} -H 'Content-Type: application/json' \\\n` +
    `  -d ${body(data)} | cut -d '"' -f 4)\n` +
    `curl -sN ${shell(`${at}/gradio_api/call/${name}/`)}"$id"\n`;
  return [
    {
      id: "python-measure", title: "Python: measure a text",
      words: "pip install gradio_client. Losses are in nats; ∂ > 0: forward is easier.",
      code: `${client}answer = client.predict(\n    ${python(TEXT)}, ${python(one)}, False, api_name="/measure"\n)\n` +
        'for result in answer["results"]:\n    print(result["name"], result["message"] or result["report"]["verdict"])\n',
    },
    {
      id: "python-quick", title: "Python: the quick learner, any language",
      words: "No model is asked: it learns from the text itself.",
      code: `${client}answer = client.predict(${python(TEXT)}, False, api_name="/quick")\n` +
        'for row in answer["results"][0]["profile"]:\n    print(row["learner"], row["aot"])\n',
    },
    {
      id: "python-write", title: "Python: let both models write",
      words: "Pairs, prompt, new tokens, temperature, top k (0: all), texts, seed.",
      code: `${client}answer = client.predict(${python(one)}, " the king said", 20, 1.0, 0, 2, 0, api_name="/write")\n` +
        'for before, after in zip(answer["results"][0]["backward"], answer["results"][0]["forward"]):\n' +
        '    print(before + " the king said" + after)\n',
    },
    {
      id: "curl-measure", title: "curl: measure a text",
      words: "Two steps: the first gives the number of the question, the second waits for its answer.",
      code: curl("measure", [TEXT, one, false]),
    },
    {
      id: "shell-measure", title: "Without a server: the command line of this project",
      words: "For long texts, many texts and texts that stay at home. The last line needs no model.",
      code: `python compute_aot.py --pair ${one.map((name) => (/^[\w./-]+$/.test(name) ? name : shell(name))).join(" ")} --text letter.txt\n` +
        "python compute_aot.py --quick --text letter.txt\n",
    },
  ];
}

// Puts them into `container`, each with a button that copies it.
export function mount(container, { address = location.origin + location.pathname, pairs }) {
  const blocks = commands(address, pairs).map(({ id, title, words, code }) => {
    const status = copyStatus();
    const button = el("button", { type: "button", "data-copy": id, onclick: () => copy(code, status, "Copied.") }, "Copy");
    button.append(el("span", { class: "hidden" }, `: ${title}`));
    return el("section", { class: "command", "aria-labelledby": `${id}-title` },
      el("h2", { id: `${id}-title` }, title),
      el("p", { class: "note" }, words),
      el("pre", { id, tabindex: 0, role: "region", "aria-labelledby": `${id}-title` }, el("code", null, code)),
      el("div", { class: "row" }, button, status));
  });
  const link = el("a", { href: "gradio_api/info" }, "All names and types of this server, as JSON");
  replace(container,
    el("h1", null, "Use it from elsewhere"),
    el("p", null, "What this page shows, other programs can ask for as well, through the same queue and with the same limits."),
    blocks, el("p", null, link, "."));
}
