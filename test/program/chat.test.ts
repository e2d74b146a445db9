// @part backend
/** Messages are answered on the real backend, by the chat template of a small LLaDA. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { Remdm, type ChatMessage } from "../../src/index.ts";
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
