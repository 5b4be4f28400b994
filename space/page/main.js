// Starts the page.

import { quiet } from "./notices.js";

const SECTIONS = ["text", "shannon", "which-way", "write", "api"];
const GAMES = { shannon: "../games/shannon.js", "which-way": "../games/which_way.js" };
const mounted = new Set();

async function mount(name) {
  const [{ mount: start }, data] = await Promise.all([
    import(GAMES[name]),
    fetch("examples/games.json").then((answer) => answer.json()),
  ]);
  start(document.getElementById(name), data);
}

async function show() {
  const name = SECTIONS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "text";
  quiet();
  for (const each of SECTIONS) document.getElementById(each).hidden = each !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name in GAMES && !mounted.has(name)) {
    mounted.add(name);
    await mount(name);
  }
}

addEventListener("hashchange", show);
show();
