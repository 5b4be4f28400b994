// What a reader takes along: the address, a picture, the numbers, a piece of HTML for another page.

import { LONGEST, address } from "../page/address.js";
import { copy, copyStatus } from "../page/copy.js";
import { el, percent, save } from "../page/elements.js";
import { say } from "../page/notices.js";
import { table } from "./numbers.js";
import { TALLEST, picturePng, pictureSvg } from "./picture.js";
import { shade, strongest } from "./text.js";
import { ahead, interval, named } from "./words.js";

const FILE = "arrow_of_time";
const TOO_LONG = "The text is too long for an address: the link has the pairs alone.";

// Buttons for `data`:
//   result  an answer of /measure or /quick, or a list of them (as it stands, reversed)
//   node    the element that holds the coloured texts, `.tokens`, in the order of the results
//   pairs   names of the pairs chosen     text  as it was typed
export function share({ result, node, pairs, text }) {
  const answers = [result].flat();
  const status = copyStatus();
  const button = (name, label, onclick) => el("button", { type: "button", "data-share": name, onclick }, label);
  const link = () => {
    const whole = address({ pairs, text });
    return whole.length > LONGEST ? [address({ pairs }), ` ${TOO_LONG}`] : [whole, ""];
  };
  const picture = async (make) => {
    try {
      await make();
    } catch (error) {
      say(error.message);
    }
  };
  const svg = () => pictureSvg(shown(answers, node));
  const png = async () => picturePng(await pictureSvg(shown(answers, node), { tallest: TALLEST }));
  const buttons = [
    button("link", "Copy link", () => copy(link()[0], status, `Copied the link.${link()[1]}`)),
    button("png", "Picture (PNG)", () => picture(async () => save(`${FILE}.png`, "image/png", await png()))),
    button("svg", "Picture (SVG)", () => picture(async () => save(`${FILE}.svg`, "image/svg+xml", await svg()))),
    button("csv", "Numbers (CSV)", () => save(`${FILE}.csv`, "text/csv", table(answers))),
    button("json", "Numbers (JSON)", () => save(`${FILE}.json`, "application/json", json(result))),
    button("embed", "Copy embed", () => copy(embed(pairs, text), status, `Copied HTML for another page.${link()[1]}`)),
    el("a", { href: "#api", "data-share": "api" }, "Use from Python"),
  ];
  return el("div", { class: "share", role: "group", "aria-label": "Share" }, el("div", { class: "row" }, buttons), status);
}

function json(result) {
  return JSON.stringify(result, null, 1);
}

// HTML that shows the same page, without what is around it, on another one.
export function embed(pairs, text) {
  const whole = address({ pairs, text, embed: true });
  const at = whole.length > LONGEST ? address({ pairs, embed: true }) : whole;
  const frame = el("iframe", { src: at, title: "The arrow of time of a text", width: 720, height: 560, loading: "lazy" });
  frame.setAttribute("style", "border: 0; max-width: 100%");
  return frame.outerHTML;
}

// Each result that is shown with its coloured text, as `pictureSvg` takes them.
function shown(answers, node) {
  const texts = node.matches(".tokens") ? [node] : [...node.querySelectorAll(".tokens")];
  const results = answers.flatMap(({ results, reversed }) => results.map((each) => ({ ...each, reversed })));
  const parts = results.map((result, index) => ({ ...said(result), tokens: texts[index] }));
  const visible = parts.filter(({ tokens }) => tokens?.getClientRects().length);
  if (!visible.length) throw new Error("There is no coloured text on the page to make a picture of.");
  return visible;
}

// What a picture says of a result: ∂ and its interval, or why there is none.
function said(result) {
  const { message, report, reversed, units, finding } = result;
  const most = strongest(units);
  const scale = { nats: most, ends: [shade(-most, most), shade(most, most)] };
  const name = named(result, reversed);
  if (!report) return { title: message, sentence: "", name, scale };
  const between = interval(report);
  const title = `∂ = ${percent(report.aot)}${between ? ` (${between})` : ""}`;
  return { title, sentence: `${ahead(result)} ${finding}`, name, scale };
}
