// Starts the page: its sections, and what is shown in the first of them.

import { mount as mountApi } from "../panels/api.js";
import { mount as mountWrite } from "../panels/write.js";
import { readAddress } from "./address.js";
import { ask } from "./ask.js";
import { startForm } from "./form.js";
import { quiet, say } from "./notices.js";

const SECTIONS = ["text", "shannon", "which-way", "write", "api"];
const TITLE = document.title;
const mounted = new Set(["text"]);

async function read(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`The page is not whole: ${address} is missing (${answer.status}).`);
  return answer.json();
}

const known = Promise.all([read("examples/measured.json"), read("pairs.json")]);

const MOUNT = {
  shannon: async (section) =>
    (await import("../games/shannon.js")).mount(section, await read("examples/games.json")),
  "which-way": async (section) =>
    (await import("../games/which_way.js")).mount(section, await read("examples/games.json")),
  write: async (section) => mountWrite(section, { pairs: (await known)[1].pairs, ask }),
  api: async (section) =>
    mountApi(section, { address: location.origin + location.pathname, pairs: (await known)[1].pairs }),
};

// The section that the address names, made when it is first looked at.
async function show() {
  const named = location.hash.slice(1);
  if (named === "main") return;
  const name = SECTIONS.includes(named) ? named : "text";
  quiet();
  for (const each of SECTIONS) document.getElementById(each).hidden = each !== name;
  for (const link of document.querySelectorAll("nav a")) {
    link.removeAttribute("aria-current");
    if (link.hash !== `#${name}`) continue;
    link.setAttribute("aria-current", "page");
    document.title = name === "text" ? TITLE : `${link.textContent} – ${TITLE}`;
  }
  if (mounted.has(name)) return;
  mounted.add(name);
  await MOUNT[name](document.getElementById(name)).catch((error) => {
    mounted.delete(name);
    say(error.message);
  });
}

async function start() {
  const asked = readAddress(location.search);
  if (asked.embed) document.body.classList.add("embedded");
  addEventListener("hashchange", show);
  await show();
  const [{ examples }, offered] = await known;
  startForm(examples, offered, asked);
}

start().catch((error) => say(error.message));
