/** The options of a chat, before anything is asked: which messages there are, how long answers are. */
import { describe, expect, it } from "@jest/globals";
import { readChat, readMessages } from "../../src/program/chatOptions.ts";
import type { DenoiserModel } from "../../src/sampler/denoiser.ts";

const HI = [{ role: "user", content: "Hi" }];
const MODEL: DenoiserModel = { vocabSize: 9, maskId: 8, length: 4096, timeConditioning: false };

function read(options: object, model: Partial<DenoiserModel> = {}) {
  return readChat({ messages: HI, ...options }, { ...MODEL, ...model });
}

describe("messages", () => {
  it.each<[string, unknown, string]>([
    ["none", [], "messages must be an array of one message or more; got an array of 0"],
    ["a text", "Hi", 'messages must be an array of one message or more; got "Hi"'],
    ["null", null, "messages must be an array of one message or more; got null"],
    ["a text among them", [...HI, "Hi"], "messages[1] must be an object with a role and a content"],
    [
      "no role",
      [{ content: "Hi" }],
      "messages[0].role must be a text that is not empty, such as user; got undefined",
    ],
    ["an empty role", [...HI, { role: "", content: "Hi" }], "messages[1].role must be a text"],
    ["no content", [{ role: "user" }], "messages[0].content must be a text; got undefined"],
    // eslint-disable-next-line no-sparse-arrays -- it is what is tested
    ["a hole", [, ...HI], "messages[0] must be an object with a role and a content; got undefined"],
    ["parts", [{ role: "user", content: [] }], "messages[0].content must be a text"],
    [
      "another key",
      [{ role: "user", content: "", name: "a" }],
      "messages[0].name must be undefined",
    ],
  ])("%s are refused by name", (_, messages, message) => {
    expect(() => readMessages(messages)).toThrow(message);
  });

  it("may have any role, and no content", () => {
    const messages = [{ role: "ipython", content: "" }];
    expect(readMessages(messages)).toEqual(messages);
  });
});

describe("the answer", () => {
  it.each<[string, object, Partial<DenoiserModel>, object]>([
    ["LLaDA's length and blocks", {}, {}, { answerLength: 128, blockLength: 32 }],
    ["at most half of the model", {}, { length: 96 }, { answerLength: 48, blockLength: 32 }],
    ["a model of two tokens", {}, { length: 2 }, { answerLength: 1, blockLength: 1 }],
    ["a huge model", {}, { length: 131_072 }, { answerLength: 128, blockLength: 32 }],
    ["blocks of the caller's", { blockLength: 8 }, {}, { answerLength: 128, blockLength: 8 }],
    ["a short answer", { answerLength: 5 }, {}, { answerLength: 5, blockLength: 5 }],
  ])("has %s", (_, options, model, expected) => {
    const { answerLength, sampling } = read(options, model);
    expect({ answerLength, blockLength: sampling.blockLength }).toEqual(expected);
    expect(sampling.steps).toBeUndefined(); // one for each token of a block
  });

  it("has no blocks where the strategy has none, and a step for each token", () => {
    const { sampling } = read({ answerLength: 40 }, { kind: "d3pm" });
    expect(sampling).toEqual({ steps: 40 });
    expect(read({ answerLength: 40, steps: 7 }, { kind: "d3pm" }).sampling).toEqual({ steps: 7 });
  });

  it("ends at an end token unless the caller wants its whole length", () => {
    expect(read({}).until).toBe("end");
    expect(read({ until: "length" }).until).toBe("length");
  });
});

it.each<[string, object, Partial<DenoiserModel>, string]>([
  ["a prompt", { prompt: "a" }, {}, "prompt must be undefined with messages"],
  ["a length", { length: 9 }, {}, "length must be undefined with messages"],
  ["pinned tokens", { pinned: new Map() }, {}, "pinned must be undefined with messages"],
  ["a stride", { stride: 1, strides: 1 }, {}, "stride must be undefined with messages"],
  ["an answer of nothing", { answerLength: 0 }, {}, "answerLength must be an integer in [1, 4095]"],
  ["an ar model", {}, { kind: "ar" }, "An ar model answers no messages"],
  ["another end", { until: "stop" }, {}, 'until must be "end" or "length"'],
  ["options that are none", { templateOptions: [] }, {}, "templateOptions must be an object"],
  [
    "messages among them",
    { templateOptions: { messages: 1 } },
    {},
    "templateOptions.messages must be undefined: the library sets it",
  ],
  ["a function", { templateOptions: { f: () => 1 } }, {}, "templateOptions.f must be plain JSON"],
  ["no number", { templateOptions: { f: [NaN] } }, {}, "templateOptions.f must be plain JSON"],
  ["a date", { templateOptions: { f: new Date() } }, {}, "templateOptions.f must be plain JSON"],
])("%s is refused", (_, options, model, message) => {
  expect(() => read(options, model)).toThrow(message);
});

it("a value that holds itself is refused", () => {
  const circle: unknown[] = [];
  circle.push(circle);
  expect(() => read({ templateOptions: { circle } })).toThrow("plain JSON");
});
