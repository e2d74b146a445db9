/** What is said of a `tokenizer.json` that cannot be read. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { loadHuggingFace } from "../../src/tokenizer/huggingFace.ts";
import { scratchTokenizers } from "./support/families.ts";

const load = scratchTokenizers();
const model = { type: "WordLevel", unk_token: "a", vocab: { a: 0, b: 1 } };
const split = { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false };

describe("a file that is no tokenizer", () => {
  it.each([
    ["is not JSON", "{", "is not a tokenizer.json"],
    ["holds no object", "[1]", "it holds no object"],
    ["holds nothing", "null", "it holds no object"],
    ["has no model", '{"version":"1.0"}', "it has no model"],
  ])("is refused when it %s", async (_, text, message) => {
    await expect(load(text)).rejects.toMatchObject({
      name: "TokenizerError",
      code: "tokenizer_invalid",
      message: expect.stringContaining(message),
    });
  });

  it("is refused when it is missing", async () => {
    await expect(loadHuggingFace(join(tmpdir(), "none.json"))).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringContaining("cannot be read"),
    });
  });
});

describe("a part that the library cannot read is named", () => {
  it.each<[string, object]>([
    ["The model of type Zip in", { model: { type: "Zip" } }],
    ["The model of type BPE in", { model: { type: "BPE", vocab: { a: 0 }, merges: ["a b"] } }],
    ["The model of type Unigram in", { model: { type: "Unigram", unk_id: 9, vocab: [["a", 0]] } }],
    ["The pre_tokenizer of type Split in", { pre_tokenizer: split }],
    [
      "The pre_tokenizer of type Neural in",
      {
        pre_tokenizer: {
          type: "Sequence",
          pretokenizers: [{ type: "WhitespaceSplit" }, { type: "Neural" }],
        },
      },
    ],
    ["The normalizer of type NFX in", { normalizer: { type: "NFX" } }],
    ["The decoder of type Zip in", { decoder: { type: "Zip" } }],
    ["The post_processor of type Zip in", { post_processor: { type: "Zip" } }],
    ["The version in", { version: "7.0" }],
    ["The added_tokens in", { added_tokens: [{ content: "x" }] }],
    ["The truncation in", { truncation: { max_length: "x" } }],
  ])("%s", async (message, part) => {
    const error = await load({ version: "1.0", model, ...part }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "tokenizer_invalid" });
    expect((error as Error).message).toMatch(new RegExp(`^${message} .*\\.json cannot be read: `));
    expect((error as Error).message).not.toMatch(/at line \d/);
  });
});

// Under a key that the library does not read, so that each file would be harmless to it.
describe("a part that the library takes and fails at later is refused before", () => {
  const template = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "[X]", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: {},
  };
  const prefixed = { type: "BPE", vocab: { a: 0, b: 1, ab: 2 }, merges: [["a", "b"]] };

  it.each<[string, object]>([
    ["FixedLength in .*: its length is 0", { unread: { type: "FixedLength", length: 0 } }],
    ["TemplateProcessing in .*: its special_tokens lack \\[X\\]", { unread: template }],
    [
      "TemplateProcessing in .*: its special_tokens lack constructor",
      { unread: { ...template, single: [{ SpecialToken: { id: "constructor", type_id: 0 } }] } },
    ],
    [
      "Strip in .*: as a decoder",
      {
        unread: {
          type: "Sequence",
          decoders: [{ type: "Fuse" }, { type: "Strip", content: " ", start: 0, stop: 1 }],
        },
      },
    ],
    [
      "BPE in .*: a merge with b lacks the prefix ##",
      { unread: { ...prefixed, continuing_subword_prefix: "##" } },
    ],
    ...["", "AAAA", "AAAAAA==", "/////w==", "BAAAAAAAAAD/"].map((map): [string, object] => [
      "Precompiled in .*: its map is damaged",
      { unread: { type: "Precompiled", precompiled_charsmap: map } },
    ]),
  ])("%s", async (message, part) => {
    await expect(load({ version: "1.0", model, ...part })).rejects.toMatchObject({
      code: "tokenizer_invalid",
      message: expect.stringMatching(new RegExp(message)),
    });
  });
});

it("reads a file that the library saved with texts cut or filled up, and does neither", async () => {
  const truncation = { max_length: 1, strategy: "LongestFirst", stride: 0, direction: "Right" };
  const padding = {
    strategy: { Fixed: 8 },
    direction: "Right",
    ...{ pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: "a" },
  };
  const pre_tokenizer = { type: "WhitespaceSplit" };
  const tokenizer = await load({ version: "1.0", truncation, padding, pre_tokenizer, model });
  expect(await tokenizer.encode("b a b")).toEqual([1, 0, 1]);
});
