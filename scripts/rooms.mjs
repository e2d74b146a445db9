/**
 * `node scripts/rooms.mjs` draws which room of `src` may import which, from the rules in
 * `.dependency-cruiser.mjs`; with `--write` it puts the drawing into docs/design.md.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import cruiser from "../.dependency-cruiser.mjs";

const ROOT = new URL("..", import.meta.url);
const PAGE = fileURLToPath(new URL("docs/design.md", ROOT));
const PLACE = /(<!-- rooms: .* -->\n)[^]*(<!-- \/rooms -->)/;

/** @typedef {ReadonlyMap<string, readonly string[]>} Rooms room -> the rooms that it may import */

/** @returns {Rooms} a folder of `src` without a rule may import every room that has one */
function roomsOfRules() {
  const rooms = new Map();
  for (const { name, to } of cruiser.forbidden) {
    if (!name.startsWith("room-") || !("pathNot" in to) || !Array.isArray(to.pathNot)) continue;
    const [room = "", ...allowed] = to.pathNot.map((path) => path.slice("^src/".length, -1));
    rooms.set(room, allowed);
  }
  const ruled = [...rooms.keys()];
  for (const entry of readdirSync(new URL("src", ROOT), { withFileTypes: true })) {
    if (entry.isDirectory() && !rooms.has(entry.name)) rooms.set(entry.name, ruled);
  }
  return rooms;
}

/**
 * @param {Rooms} rooms
 * @returns {string} a drawing for Mermaid, without the arrows that follow from others
 * @throws Error where a room may not import what a room that it imports may: no such drawing is true.
 */
export function draw(rooms) {
  const lines = [];
  for (const [room, allowed] of rooms) {
    const implied = new Set(allowed.flatMap((other) => rooms.get(other) ?? []));
    const missing = [...implied].find((other) => !allowed.includes(other));
    if (missing !== undefined) throw new Error(`The drawing would let ${room} import ${missing}.`);
    const arrows = allowed.filter((other) => !implied.has(other));
    lines.push(...arrows.map((other) => `  ${room} --> ${other}`));
  }
  return ["```mermaid", "graph TD", ...lines, "```", ""].join("\n");
}

/** @returns {{ written: string, made: string }} docs/design.md as it is, and with the drawing made again */
export function design() {
  const written = readFileSync(PAGE, "utf8");
  const drawing = draw(roomsOfRules());
  return { written, made: written.replace(PLACE, (_, before, after) => before + drawing + after) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--write")) writeFileSync(PAGE, design().made);
  else console.log(draw(roomsOfRules()));
}
