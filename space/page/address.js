// What the address of the page says: ?pair=NAME&pair=NAME&text=…&embed=1; pair= alone is none, the quick learner reads

export const LONGEST = 8000; // characters of an address that servers and mail programs still take

// {pairs: [names] or null, text: string or null, embed: boolean} of the part of an address from "?" on; null: not said.
export function readAddress(search) {
  const asked = new URLSearchParams(search);
  const pairs = asked.has("pair") ? asked.getAll("pair").filter(Boolean) : null;
  return { pairs, text: asked.get("text"), embed: asked.get("embed") === "1" };
}

// The address that `readAddress` reads so, in full. What is null is left out.
export function address({ pairs = null, text = null, embed = false }, page = location.origin + location.pathname) {
  const named = pairs?.length === 0 ? [""] : (pairs ?? []);
  const asked = new URLSearchParams(named.map((name) => ["pair", name]));
  if (text !== null) asked.append("text", text);
  if (embed) asked.append("embed", "1");
  return `${asked}` ? `${page}?${asked}` : page;
}
