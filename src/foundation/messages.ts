/** Words the parts of messages: quoted texts, counts and sizes, in a length that can be read. */

/**
 * Returns what to do where too many open files caused an error, directly or through its causes;
 * else undefined. The file that happened to come next is then not at fault.
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

/** The most characters of a message. A text that was given for a path stands in it twice. */
const LONGEST_MESSAGE = 4000;

/** Shortens a long message to its beginning and its end. */
export function shortened(message: string): string {
  if (message.length <= LONGEST_MESSAGE) return message;
  const half = LONGEST_MESSAGE / 2;
  const left = message.length - LONGEST_MESSAGE;
  return `${message.slice(0, half)} ... (${left} characters) ... ${message.slice(-half)}`;
}

/** The most characters of a text that a message quotes. */
const MOST_QUOTED = 80;

/** Quotes a text as JSON, and a long text by its beginning and its length. */
export function quoted(text: string): string {
  if (text.length <= MOST_QUOTED) return JSON.stringify(text);
  const beginning = Array.from(text.slice(0, 2 * MOST_QUOTED))
    .slice(0, MOST_QUOTED)
    .join("");
  return `${JSON.stringify(`${beginning}...`)} (${text.length} characters)`;
}

/** Describes a value of any type: texts as JSON, objects by their kind. */
export function described(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? `an array of ${value.length}` : "an object";
  }
  return String(value);
}

/** A number of things in words: `1 sample`, `2 samples`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

/** Writes a number of bytes for people: `1.36 GB`, `312 MB`, `4.50 kB`, `12 bytes`. */
export function bytesText(bytes: number): string {
  if (bytes < 1e3) return `${bytes} bytes`;
  if (bytes < 1e6) return `${(bytes / 1e3).toPrecision(3)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toPrecision(bytes < 1e8 ? 2 : 3)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}
