/**
 * `node scripts/tasks/countdown.mjs --seed 1 --count 100 > countdown.jsonl` makes a task of Countdown
 * for `remdm eval --task`: every item can be solved, and has a solution. The same options give the
 * same items. No two items have the same numbers and target.
 *
 * An item begins with drawn numbers; two of them at a time are joined by `+ - * /`, in an order that
 * is drawn, without fractions and numbers below 1 on the way, until one is left: the target.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * @typedef {object} CountdownOptions
 * @property {number} seed
 * @property {number} count items to make, 1 at least
 * @property {readonly number[]} numbers how many numbers an item may have, each 2 to 8
 * @property {readonly [number, number]} range of the numbers, 1 at least
 * @property {readonly [number, number]} targets range of the target
 * @property {number} shots solved examples before each item, 0 or more
 *
 * @typedef {object} CountdownItem
 * @property {string} id
 * @property {"countdown"} scorer
 * @property {string} prompt
 * @property {string} [stop]
 * @property {readonly number[]} numbers
 * @property {number} target
 * @property {string} expected
 *
 * @typedef {{ numbers: number[], target: number, expected: string }} Puzzle
 * @typedef {(below: number) => number} Draw an integer in [0, below)
 */

const OPTIONS = /** @type {const} */ ({
  seed: { type: "string", default: "1" },
  count: { type: "string", default: "100" },
  numbers: { type: "string", default: "3,4" },
  range: { type: "string", default: "1-99" },
  targets: { type: "string", default: "10-100" },
  shots: { type: "string", default: "0" },
  help: { type: "boolean", short: "h", default: false },
});

const USAGE = `Usage: node scripts/tasks/countdown.mjs [options] > countdown.jsonl
  --seed N         same seed, same items (default: 1)
  --count N        items (default: 100)
  --numbers LIST   how many numbers an item has: 3, or 3,4 for both (default: 3,4)
  --range A-B      of the numbers (default: 1-99)
  --targets A-B    of the target (default: 10-100)
  --shots N        solved examples before each item, for models that were not taught to follow
                   instructions; answers then end with their line (default: 0)`;

/** So many drawn puzzles may be none, or there already, one after the other. */
const MOST_VAIN = 20_000;

/**
 * @param {CountdownOptions} options
 * @returns {CountdownItem[]}
 * @throws RangeError where the options allow fewer items
 */
export function countdownItems({ seed, count, numbers, range, targets, shots }) {
  const draw = drawing(seed);
  const known = new Set();
  /** @type {Puzzle[]} */
  const puzzles = [];
  for (let vain = 0; puzzles.length < count + shots; vain++) {
    if (vain > MOST_VAIN) {
      throw new RangeError(
        `Only ${puzzles.length} of ${count + shots} different items were found: allow more numbers or targets.`,
      );
    }
    const puzzle = drawPuzzle(draw, numbers[draw(numbers.length)] ?? 3, range);
    if (puzzle === undefined || puzzle.target < targets[0] || puzzle.target > targets[1]) continue;
    if (puzzle.numbers.includes(puzzle.target)) continue;
    const key = `${[...puzzle.numbers].sort((a, b) => a - b).join()}=${puzzle.target}`;
    if (known.has(key)) continue;
    known.add(key);
    puzzles.push(puzzle);
    vain = 0;
  }
  const examples = puzzles.slice(0, shots).map((one) => `${question(one)} ${one.expected}\n`);
  return puzzles.slice(shots).map((puzzle, i) => ({
    id: `countdown-${i + 1}`,
    scorer: "countdown",
    prompt: shots > 0 ? `${examples.join("")}${question(puzzle)}` : instruction(puzzle),
    ...(shots > 0 && { stop: "\n" }),
    ...puzzle,
  }));
}

/** @param {Puzzle} puzzle */
function question({ numbers, target }) {
  return `Numbers: ${numbers.join(", ")}. Target: ${target}. Expression:`;
}

/** @param {Puzzle} puzzle */
function instruction({ numbers, target }) {
  return `Write an arithmetic expression that equals ${target}. Use each of the numbers ${numbers.join(", ")} exactly once, with +, -, *, / and brackets. Answer with the expression alone.\n`;
}

/**
 * @param {Draw} draw
 * @param {number} count of numbers
 * @param {readonly [number, number]} range of them
 * @returns {Puzzle | undefined} undefined where two numbers cannot be joined as drawn
 */
function drawPuzzle(draw, count, [least, most]) {
  const numbers = Array.from({ length: count }, () => least + draw(most - least + 1));
  let parts = numbers.map((value) => ({ value, text: String(value), rank: 3 }));
  while (parts.length > 1) {
    const [a] = parts.splice(draw(parts.length), 1);
    const [b] = parts.splice(draw(parts.length), 1);
    const joined = a && b && join(a, "+-*/"[draw(4)] ?? "+", b);
    if (joined === undefined) return undefined;
    parts = [...parts, joined];
  }
  const [whole] = parts;
  return whole && { numbers, target: whole.value, expected: whole.text };
}

/**
 * @typedef {{ value: number, text: string, rank: number }} Part its rank is 3 for a number, 2 for a
 * product, 1 for a sum
 * @param {Part} a
 * @param {string} sign
 * @param {Part} b
 * @returns {Part | undefined}
 */
function join(a, sign, b) {
  const value = result(a.value, sign, b.value);
  if (!Number.isSafeInteger(value) || value < 1) return undefined;
  const rank = sign === "+" || sign === "-" ? 1 : 2;
  const left = a.rank < rank ? `(${a.text})` : a.text;
  const isLoose = sign === "+" || sign === "*" ? b.rank < rank : b.rank <= rank;
  return { value, text: `${left} ${sign} ${isLoose ? `(${b.text})` : b.text}`, rank };
}

/**
 * @param {number} a
 * @param {string} sign
 * @param {number} b
 */
function result(a, sign, b) {
  switch (sign) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    default:
      return a / b;
  }
}

/**
 * Draws integers from the hashes of the seed and a counter, the same on every machine.
 * @param {number} seed
 * @returns {Draw}
 */
function drawing(seed) {
  let counter = 0;
  return (below) => {
    const hash = createHash("sha256").update(`countdown ${seed} ${counter++}`).digest();
    return Math.floor((hash.readUInt32BE(0) / 2 ** 32) * below);
  };
}

/**
 * @param {readonly string[]} args
 * @returns {CountdownOptions | undefined} undefined where help is asked for
 * @throws RangeError, TypeError for what is no option or out of range
 */
export function readOptions(args) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return undefined;
  const numbers = values.numbers.split(",").map((one) => integer("numbers", one, 2, 8));
  return {
    numbers,
    seed: integer("seed", values.seed, 0, Number.MAX_SAFE_INTEGER),
    count: integer("count", values.count, 1, 1_000_000),
    shots: integer("shots", values.shots, 0, 100),
    range: pair("range", values.range, 1),
    targets: pair("targets", values.targets, 1),
  };
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 * @returns {[number, number]}
 */
function pair(name, text, least) {
  const [from = "", to = "", ...more] = text.split("-");
  if (more.length > 0) throw new RangeError(`--${name} must be A-B; got ${text}`);
  const begin = integer(name, from, least, 1_000_000);
  return [begin, integer(name, to, begin, 1_000_000)];
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} least
 * @param {number} most
 */
function integer(name, text, least, most) {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} must have integers in [${least}, ${most}]; got ${text}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const options = readOptions(process.argv.slice(2));
    const lines = options && countdownItems(options).map((item) => JSON.stringify(item));
    process.stdout.write(`${lines?.join("\n") ?? USAGE}\n`);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    process.stderr.write(`error: ${error.message}\n\n${USAGE}\n`);
    process.exitCode = 2;
  }
}
