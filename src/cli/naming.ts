/**
 * Says the library's options under the names that a command has for them: a message of the library,
 * read on the command line, names flags that this command's help lists, and no others.
 */
import type { Command } from "commander";

export interface Naming {
  /**
   * @returns `--top-p` for `topP`, `<checkpoint>` for an argument; undefined for an option that the
   * command lacks.
   */
  readonly nameOf: (option: string) => string | undefined;
  /** Every option of the command, `topP`, and its flag. */
  readonly flags: ReadonlyMap<string, string>;
}

/** Names nothing: messages stay as the library says them. */
export const UNNAMED: Naming = { nameOf: () => undefined, flags: new Map() };

/**
 * Reads a command's names for options off its definition.
 * @param others options of the library that the command calls otherwise: `{ model: "--judge" }`.
 */
export function namingOf(command: Command, others: Readonly<Record<string, string>> = {}): Naming {
  const own = command.options
    .filter(({ long, negate }) => long !== undefined && !negate)
    .map((option) => [option.attributeName(), option.long ?? ""] as const);
  const places = command.registeredArguments.map((one) => [one.name(), `<${one.name()}>`] as const);
  const flags = new Map([...own, ...Object.entries(others)]);
  const names = new Map([...places, ...flags]);
  return {
    flags,
    nameOf: (option) =>
      names.get(option) ?? names.get(joined(option)) ?? names.get(option.split(".").at(-1) ?? ""),
  };
}

/** Joins a dotted name: `mauve.seeds` is `mauveSeeds`. */
function joined(option: string): string {
  return option.replace(/\.(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** Matches a name where it stands by itself, and not as a part of a path or of another word. */
function asWord(name: string): RegExp {
  return new RegExp(
    `(?<![-\\w./\\\\])${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![-\\w/\\\\])`,
  );
}

/**
 * Says a text of the library in the command's flags.
 * @param option that it is about, as it stands in the text.
 */
export function inFlags(text: string, naming: Naming, option?: string): string {
  const name = option === undefined ? undefined : naming.nameOf(option);
  const about =
    option === undefined || name === undefined ? text : text.replace(asWord(option), () => name);
  const plain = about
    .replace("must be undefined", "must be left out")
    .replace(/; got undefined$/, "; it is missing");
  return [...naming.flags].reduce((said, [attribute, flag]) => {
    const settings = new RegExp(`(?<![-\\w])${attribute}: "([^"]*)"`, "g");
    const quoted = said
      .replace(settings, `${flag} $1`)
      .replaceAll(`\`${attribute}\``, `\`${flag}\``);
    // Only a name that is no English word is surely a name.
    const word = new RegExp(`(?<![-.\\w])${attribute}(?![\\w])`, "g");
    return /[A-Z]/.test(attribute) ? quoted.replace(word, flag) : quoted;
  }, plain);
}
