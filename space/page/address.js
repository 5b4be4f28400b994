// What the address of the page says: ?pair=NAME&pair=NAME&text=…&embed=1

export const LONGEST = 8000; // characters of an address that servers and mail programs still take

// {pairs: [names], text: string or null, embed: boolean} of the part of an address from "?" on.
export function readAddress(search) {
  const asked = new URLSearchParams(search);
  return { pairs: asked.getAll("pair"), text: asked.get("text"), embed: asked.get("embed") === "1" };
}

// The address that `readAddress` reads so, in full. A text of null is left out.
export function address({ pairs = [], text = null, embed = false }, page = location.origin + location.pathname) {
  const asked = new URLSearchParams(pairs.map((name) => ["pair", name]));
  if (text !== null) asked.append("text", text);
  if (embed) asked.append("embed", "1");
  return `${asked}` ? `${page}?${asked}` : page;
}
