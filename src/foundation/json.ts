/**
 * Reads JSON as Python writes it. Python's `json` module writes three numbers that JSON does not
 * have as bare words: NaN, Infinity, -Infinity. Readers that allow them (JSON5, YAML) allow much
 * else; here JSON.parse decides about all the rest.
 */

const WORD = /-?Infinity|NaN/g;

/**
 * Parses a text, with each of the words as the number that it means. The caller decides whether
 * such a number is allowed.
 * @throws SyntaxError, as JSON.parse does.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError) || text.search(WORD) < 0) throw error;
    return parseWords(text, error);
  }
}

/**
 * Parses a text that may be no JSON, such as what a crash cut short; undefined where it is none.
 * @param parse throws a SyntaxError for what it does not read. Default: JSON.parse.
 */
export function jsonOrNothing(
  text: string,
  parse: (text: string) => unknown = JSON.parse,
): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * Parses a text that has such words.
 * @param strict is the error of JSON.parse. It is thrown where the text is wrong in other ways too,
 * because it says best what is wrong.
 */
function parseWords(text: string, strict: SyntaxError): unknown {
  let mark = "number:";
  while (text.includes(mark)) mark += ":"; // no text of the file may look like it
  const marked = outsideStrings(text, (part) =>
    part.replace(WORD, (word) => JSON.stringify(mark + word)),
  );
  try {
    return JSON.parse(marked, (_, value: unknown) =>
      typeof value === "string" && value.startsWith(mark)
        ? Number(value.slice(mark.length))
        : value,
    ) as unknown;
  } catch (error) {
    throw error instanceof SyntaxError ? strict : error;
  }
}

/** Changes the parts of a JSON text that lie outside strings. */
function outsideStrings(text: string, change: (part: string) => string): string {
  const parts: string[] = [];
  for (let at = 0; ;) {
    const start = text.indexOf('"', at);
    if (start < 0) return parts.join("") + change(text.slice(at));
    const end = endOfString(text, start);
    parts.push(change(text.slice(at, start)), text.slice(start, end));
    at = end;
  }
}

/** Returns where the string ends that begins with the quotation mark at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') return at + 1;
    if (text[at] === "\\") at++;
  }
  return text.length;
}
