/**
 * Refuses a flag in the place of another flag's value: commander takes `--ban --length 8` as the
 * tokens "--length" and "8".
 */
import type { Command } from "commander";
import { quoted } from "../foundation/messages.ts";
import { UsageError } from "./usage.ts";

/** @throws UsageError for a flag that needs a value and is followed by a word with `--`. */
export function checkFlagValues(program: Command, args: readonly string[]): void {
  let command = program;
  for (let i = 0; i < args.length && args[i] !== "--"; i++) {
    command = command.commands.find((one) => one.name() === args[i]) ?? command;
    const option = command.options.find(
      (one) => one.required && [one.long, one.short].includes(args[i]),
    );
    if (option === undefined) continue;
    i++; // its value, which is no command
    if (i < args.length && args[i].startsWith("--")) {
      const flag = args[i - 1];
      throw new UsageError(
        `${flag} has no value: ${quoted(args[i])} comes after it`,
        `Write ${option.flags}; a value that begins with -- is joined by =: ${flag}=${args[i]}.`,
      );
    }
  }
}
