/** How messages say what the system, or somebody else, wrote: in a length that can be read. */

/**
 * A process that has as many files open as it may is no fault of the file that came next.
 * @returns what to do where that is the cause of an error, or the cause of its cause; else undefined.
 */
export function limitRemedy(error: unknown): string | undefined {
  for (let at = error, depth = 0; depth < 8 && typeof at === "object" && at !== null; depth++) {
    if ("code" in at && (at.code === "EMFILE" || at.code === "ENFILE")) return LIMIT_REMEDY;
    at = "cause" in at ? at.cause : undefined;
  }
  return undefined;
}

const LIMIT_REMEDY =
  "Too many files are open at once: raise the limit (in a shell, `ulimit -n 4096`), or close some, and try again.";

/** Characters of a whole message. A text that was given for a path stands in it twice. */
const LONGEST_MESSAGE = 4000;

/** @returns a message that can be read: of a longer one its beginning and its end. */
export function shortened(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  const half = LONGEST_MESSAGE / 2;
  const left = message.length - LONGEST_MESSAGE;
  return `${message.slice(0, half)} ... (${left} characters) ... ${message.slice(-half)}`;
}

/** Characters of somebody else's text that a message quotes. */
const MOST_QUOTED = 80;

/** A text as messages quote it: as JSON, and of a long one the beginning and the length. */
export function quoted(text: string): string {
  if (text.length <= MOST_QUOTED) return JSON.stringify(text);
  const beginning = Array.from(text.slice(0, 2 * MOST_QUOTED))
    .slice(0, MOST_QUOTED)
    .join("");
  return `${JSON.stringify(`${beginning}...`)} (${text.length} characters)`;
}

/** A number of things in words: `1 sample`, `2 samples`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
