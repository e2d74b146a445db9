/** A flag in the place of a value is refused, for every flag that takes one. */
import { describe, expect, it } from "@jest/globals";
import type { Command } from "commander";
import { checkFlagValues } from "../../src/cli/flagValues.ts";
import { createProgram } from "../../src/cli/program.ts";
import { UsageError } from "../../src/cli/usage.ts";

const program = await createProgram();
const check = (args: readonly string[]) => () => checkFlagValues(program, args);

/** Every flag that takes a value, with the words of its command before it. */
function flagsIn(command: Command, words: readonly string[] = []): (readonly string[])[] {
  const own = command.options.filter(({ required }) => required);
  return [
    ...own.map(({ long }) => [...words, String(long)]),
    ...command.commands.flatMap((one) => flagsIn(one, [...words, one.name()])),
  ];
}
const all = flagsIn(program);

describe("a flag's value", () => {
  it("of every command is looked at", () => {
    const said = all.map((words) => words.join(" "));
    expect(said).toEqual(expect.arrayContaining(["sample --ban", "experiment --preset"]));
    expect(said.some((words) => words.split(" ").length === 3)).toBe(true);
  });

  it.each(all.map((words) => [words.join(" "), words] as const))("%s", (_, words) => {
    const flag = words.at(-1) ?? "";
    expect(check([...words, "--quiet"])).toThrow(
      expect.objectContaining({
        message: `${flag} has no value: "--quiet" comes after it`,
        remedy: expect.stringMatching(new RegExp(`^Write .*: ${flag}=--quiet\\.$`)),
      }),
    );
    expect(check([...words, "--quiet"])).toThrow(UsageError);
    check([...words, "-1", "--quiet"])();
    check([...words, "sample", "--quiet"])();
    check([`${words.join(" ")}=--quiet`, "--quiet"])();
  });

  it("may be the first of several, and ends before --", () => {
    check(["sample", "--ban", "a", "b", "--length", "8"])();
    check(["sample", "--ban=--length", "--length", "8"])();
    check(["sample", "--", "--ban", "--length"])();
    expect(check(["sample", "--ban", "a", "--ban", "--length", "8"])).toThrow("--ban has no value");
    expect(check(["sample", "--prompt", "--"])).toThrow("--prompt has no value");
  });
});
