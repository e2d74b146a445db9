// @part backend
/** Messages are answered on the real backend, by the chat template of a small LLaDA. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  AbortedError,
  OptionError,
  Remdm,
  type ChatMessage,
  type ChatOptions,
} from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";

const LLADA = join(packageRoot, "test", "golden", "llm", "llada");
/** `<|endoftext|>` and `<|eot_id|>`. */
const ENDS = [0, 515];

let remdm: Remdm;
beforeAll(async () => {
  remdm = await Remdm.launch({ checkpoint: LLADA, device: "cpu" });
}, 300_000);
afterAll(() => remdm.close());

const MESSAGES: readonly ChatMessage[] = [
  { role: "system", content: " Be brief. " },
  { role: "user", content: "Who is there?" },
];
/** What the template of the directory makes of them. */
const RENDERED =
  "<|startoftext|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>" +
  "<|start_header_id|>user<|end_header_id|>\n\nWho is there?<|eot_id|>" +
  "<|start_header_id|>assistant<|end_header_id|>\n\n";

it("is the run with the rendered chat as its prompt", async () => {
  const prompt = await remdm.tokenizer.encode(RENDERED);
  expect(prompt.filter((id) => id === 512)).toHaveLength(1);
  const sampling = { seed: 3, samples: 3, blockLength: 8, strategy: "remdm-cap" } as const;
  const chat = remdm.sample({ messages: MESSAGES, answerLength: 20, until: "length", ...sampling });
  const { tokens, texts, answers } = await chat.result();
  const length = prompt.length + 20;
  expect(chat.settings).toMatchObject({ length, blockLength: 8, steps: 8 });
  const prompted = remdm.sample({ prompt: RENDERED, length, ...sampling });
  expect({ tokens, texts }).toMatchObject(
    await prompted.result().then(({ tokens, texts }) => ({ tokens, texts })),
  );
  const special = remdm.tokenizer.specialIds ?? new Set();
  expect(answers).toEqual(
    tokens.map((ids) => {
      const answer = ids.slice(prompt.length);
      const end = answer.findIndex((id) => ENDS.includes(id));
      const said = answer.slice(0, end < 0 ? answer.length : end);
      return remdm.tokenizer.decode(said.filter((id) => !special.has(id)));
    }),
  );
});

it("tells each answer with its sample, and begins with the messages", async () => {
  const run = remdm.sample({ messages: MESSAGES, answerLength: 12, samples: 2, seed: 2 });
  expect(run.settings.length).toBe(12); // of the answer, before it begins
  const told: (string | undefined)[] = [];
  let begin: string | undefined;
  for await (const event of run) {
    begin ??= run.pieces().join("");
    if (event.type === "finished") told[event.sample] = event.answer;
  }
  expect(begin).toBe(RENDERED + "▒".repeat(12));
  expect(told).toEqual((await run.result()).answers);
  expect(run.settings).toMatchObject({ until: "end", blockLength: 12 });
});

it("ends before any of several end tokens, and begins no further block", async () => {
  const { tokenizer } = remdm;
  const [end, ...rest] = await tokenizer.encode("<|eot_id|>");
  expect([end, rest]).toEqual([515, []]);
  // Only the end can be drawn: of every other token the chance is none.
  const others = Array.from({ length: 544 }, (_, id) => id).filter(
    (id) => id !== 516 && id !== 515,
  );
  const options = { messages: MESSAGES, answerLength: 40, blockLength: 10, banned: others };
  const run = remdm.sample({ ...options, strategy: "mdlm" });
  const { answers, finishReasons, tokens, stats } = await run.result();
  expect(answers).toEqual([""]);
  expect(finishReasons).toEqual(["end"]);
  expect(tokens[0]).toHaveLength(run.settings.length - 40);
  const whole = await remdm.sample({ ...options, strategy: "mdlm", until: "length" }).result();
  expect(whole.answers).toEqual([""]);
  expect(whole.finishReasons).toEqual(["length"]);
  expect(whole.tokens[0]).toHaveLength(run.settings.length);
  expect(stats.forwardCalls).toBeLessThan(whole.stats.forwardCalls);
});

it("reads special tokens in a content as tokens, as transformers does", async () => {
  const content = "a<|eot_id|>b";
  const run = remdm.sample({ messages: [{ role: "user", content }], answerLength: 4 });
  const { tokens } = await run.result();
  expect(tokens[0].slice(0, run.settings.length - 4).filter((id) => id === 515)).toHaveLength(2);
});

it.each<[string, ChatOptions, string]>([
  [
    "is too long",
    { messages: [{ role: "user", content: "word ".repeat(60) }] },
    "the model takes at most 96",
  ],
  [
    "writes the mask",
    { messages: [{ role: "user", content: "a <|mdm_mask|>" }] },
    "The messages write the model's mask",
  ],
])("a chat that %s ends the run", async (_, options, message) => {
  const run = remdm.sample(options);
  await expect(run.result()).rejects.toThrow(message);
  await expect(run.result()).rejects.toBeInstanceOf(OptionError);
});

it("an answer that has no room says how much there is", async () => {
  const asked = remdm.sample({ messages: MESSAGES, answerLength: 80 });
  const error: unknown = await asked.result().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ option: "messages" });
  const [, prompt, room] =
    /have (\d+) tokens .*?or set `answerLength` to (\d+) or less/.exec(
      (error as OptionError).message + (error as OptionError).remedy,
    ) ?? [];
  expect(Number(prompt) + Number(room)).toBe(96);
  const fits = remdm.sample({ messages: MESSAGES, answerLength: Number(room) });
  await fits.result();
  expect(fits.settings.length).toBe(96);
});

it("options that are wrong are refused at once", () => {
  const sample = (options: object) => () => remdm.sample({ messages: MESSAGES, ...options });
  expect(sample({ prompt: "a" })).toThrow("prompt must be undefined with messages");
  expect(sample({ messages: [] })).toThrow("messages must be");
  expect(sample({ steps: 0 })).toThrow("steps must be");
  expect(sample({ blockLength: 99 })).toThrow("blockLength must be an integer in [1, 48]");
  expect(sample({ specialTokens: 1 })).toThrow("specialTokens must be true or false");
});

it("an abort ends a run while its messages are rendered", async () => {
  const controller = new AbortController();
  const run = remdm.sample({ messages: MESSAGES, signal: controller.signal });
  const result = run.result();
  controller.abort();
  await expect(result).rejects.toBeInstanceOf(AbortedError);
  expect((await remdm.ping()).busy).toBe(false);
});

describe("another template", () => {
  let directory = "";
  let other: Remdm;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "remdm-chat-"));
    cpSync(LLADA, directory, { recursive: true });
    const template =
      "{% if loops %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}" +
      "{% if messages[0].role != 'user' %}{{ raise_exception('no ' ~ messages[0].role) }}{% endif %}" +
      "{{ bos_token }}{{ messages[0].content ~ tone ~ (tools | tojson) }}";
    writeFileSync(join(directory, "chat_template.jinja"), template);
    other = await Remdm.launch({ checkpoint: directory, device: "cpu" });
  }, 300_000);
  afterAll(async () => {
    await other.close();
    rmSync(directory, { recursive: true });
  });

  it("is taken from its file, and given the caller's options", async () => {
    const options = { templateOptions: { tone: "!", tools: [{ b: 1.5, a: "ü" }] } };
    const run = other.sample({ messages: [{ role: "user", content: "Hi" }], ...options });
    const { texts } = await run.result();
    expect(texts[0]).toContain('<|startoftext|>Hi![{"b": 1.5, "a": "ü"}]');
  });

  it("refuses messages with what it says", async () => {
    const run = other.sample({ messages: [{ role: "system", content: "Hi" }] });
    await expect(run.result()).rejects.toMatchObject({
      code: "template_failed",
      message: expect.stringContaining("refuses the messages: 'no system'"),
    });
  });

  it("that loops ends the run, and nobody else's", async () => {
    const looping = other
      .sample({ messages: MESSAGES, templateOptions: { loops: true } })
      .result()
      .catch((error: unknown) => error);
    const began = performance.now();
    await other.sample({ prompt: "ROMEO:", steps: 4 }).result();
    expect(performance.now() - began).toBeLessThan(4500);
    expect(await looping).toMatchObject({
      code: "template_failed",
      message: expect.stringContaining("chat_template.jinja failed: it takes longer than 5 s"),
    });
  });
});
