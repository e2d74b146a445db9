/** What `remdm chat` keeps of a conversation, and which variables of a template it reads. */
import { describe, expect, it } from "@jest/globals";
import { Conversation } from "../../../../src/cli/commands/chat/conversation.ts";
import { readTemplateOptions } from "../../../../src/cli/commands/chat/templateOptions.ts";
import { createProgram } from "../../../../src/cli/program.ts";

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const system = { role: "system", content: "Be brief." };

describe("a conversation", () => {
  it("has every turn that was kept, after what the system says", () => {
    const conversation = new Conversation("Be brief.");
    expect(conversation.with("a")).toEqual([system, user("a")]);
    conversation.keep("a", "b");
    conversation.with("never answered");
    conversation.keep("c", "d");
    expect(conversation.with("e")).toEqual([
      ...[system, user("a"), assistant("b"), user("c"), assistant("d"), user("e")],
    ]);
    conversation.reset();
    expect(conversation.with("f")).toEqual([system, user("f")]);
  });

  it("has no message of the system unless there is one", () => {
    const conversation = new Conversation();
    conversation.keep("a", "b");
    expect(conversation.with("c")).toEqual([user("a"), assistant("b"), user("c")]);
  });
});

describe("--template-option", () => {
  it("reads JSON where there is JSON, and else a text", () => {
    const pairs = ["a=false", 'b="false"', "c=no", "d=1.5", "e=null", "f=x=y", "g=", "h=[1]"];
    const expected = { a: false, b: "false", c: "no", d: 1.5, e: null, f: "x=y", g: "", h: [1] };
    expect(readTemplateOptions(pairs)).toEqual(expected);
  });

  it.each(["enable_thinking", "=1"])("refuses %s", (pair) => {
    expect(() => readTemplateOptions([pair])).toThrow(`--template-option ${pair} is no pair`);
  });
});

it("takes the flags of sampling, except those of many samples and of files", async () => {
  const program = await createProgram();
  const flagsOf = (name: string): (string | undefined)[] =>
    program.commands.find((command) => command.name() === name)?.options.map(({ long }) => long) ??
    [];
  const [chat, sample] = [flagsOf("chat"), flagsOf("sample")];
  expect(sample.filter((flag) => !chat.includes(flag))).toEqual([
    ...["--length", "--prompt", "--stride", "--strides", "--until", "--samples"],
    ...["--batch-size", "--window"],
    ...["--guide", "--particles", "--method", "--strength", "--every", "--resample-below"],
    ...["--resampling", "--no-special-tokens", "--json", "--out", "--force"],
  ]);
  expect(chat.filter((flag) => !sample.includes(flag))).toEqual([
    ...["--system", "--answer-length", "--template-option"],
  ]);
});
