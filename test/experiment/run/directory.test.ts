/** Whose a directory is, and what is known before anything is sampled. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { evaluate } from "../../../src/evaluation/evaluate.ts";
import { runResolved, type ExperimentOptions } from "../../../src/experiment/experiment.ts";
import { resolveExperiment } from "../../../src/experiment/file/read.ts";
import type { Services } from "../../../src/experiment/run/services.ts";
import { RemdmError } from "../../../src/foundation/errors.ts";
import { sampleEvents } from "../../../src/sampler/index.ts";
import { fakeServices } from "../support/fakeServices.mjs";

let scratch = "";
let out = "";
let log: string[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-dir-"));
  out = join(scratch, "out");
  log = [];
  writeFileSync(join(scratch, "real.jsonl"), '"abcabcabcabc"\n"bcdbcdbcdbcd"\n');
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const MODEL = { checkpoint: "demo", name: "m", strategies: ["mdlm"] };
const BASE = { name: "test", samples: 5, steps: [4], references: "real.jsonl", models: [MODEL] };
const CELL = "m_mdlm_T4_p0.9_seed1";

function run(
  experiment: object,
  services: Partial<Services> = {},
  options: Partial<ExperimentOptions> = {},
) {
  const fake = fakeServices(sampleEvents, { log: (line: string) => log.push(line) });
  const all = { ...(fake as unknown as Services), ...services };
  return runResolved(resolveExperiment(experiment, scratch), { out, ...options }, all);
}

const sampled = (): string[] => log.filter((line) => line.startsWith("sample"));

it("may be changed in everything as long as nothing was made of it", async () => {
  const fails = { judge: () => Promise.reject(new Error("no judge")) };
  await expect(run(BASE, fails)).rejects.toThrow("no judge");
  await run({ ...BASE, name: "other", samples: 6, mauve: { scale: 2 } });
  await expect(run({ ...BASE, name: "other" })).rejects.toThrow(/samples was 6 and is 5/);
  await expect(run({ ...BASE, name: "other", samples: 6 })).rejects.toThrow(/mauve\.scale/);
});

it("tells results by raw weights of the judge from others", async () => {
  await run(BASE);
  await expect(run({ ...BASE, judgeRawWeights: true })).rejects.toThrow(/judgeRawWeights was none/);
});

it("binds judge and references once there is a result, not before", async () => {
  const fails = { evaluate: () => Promise.reject(new Error("no evaluation")) };
  await expect(run(BASE, fails)).rejects.toThrow("no evaluation");
  await run({ ...BASE, mauve: { scale: 2 } });
  expect(sampled()).toEqual(["sample 0+5 of m"]);
});

it("leaves a directory alone that holds something else, and its files", async () => {
  mkdirSync(out);
  writeFileSync(join(out, "results.jsonl"), "somebody's");
  await expect(run(BASE)).rejects.toMatchObject({ code: "experiment_differs" });
  expect(readFileSync(join(out, "results.jsonl"), "utf8")).toBe("somebody's");
  expect(existsSync(join(out, "samples"))).toBe(false);
  expect(existsSync(join(out, "lock"))).toBe(false);
});

it("goes on in a directory that a session left before it had written its manifest", async () => {
  mkdirSync(out);
  writeFileSync(join(out, "experiment.json.next"), "{");
  writeFileSync(join(out, `lock.${randomUUID()}`), "");
  expect((await run(BASE)).results).toHaveLength(1);
});

it("does not take results of other settings for its own", async () => {
  await run(BASE);
  const path = join(out, "results.jsonl");
  writeFileSync(
    path,
    readFileSync(path, "utf8").replace('"samples":5,"length"', '"samples":4,"length"'),
  );
  await expect(run(BASE)).rejects.toThrow(
    new RegExp(`the result of ${CELL}.samples was 4 and is 5`),
  );
});

it("refuses samples that the cell does not have, or has twice", async () => {
  await run(BASE);
  const path = join(out, "samples", `${CELL}.jsonl`);
  const text = readFileSync(path, "utf8");
  rmSync(join(out, "results.jsonl"));
  const [first] = text.split("\n");
  writeFileSync(path, `${text}${first}\n`);
  await expect(run(BASE)).rejects.toThrow(/has sample 0 twice/);
  writeFileSync(path, `${first.replace('"sample":0', '"sample":5')}\n`);
  await expect(run(BASE)).rejects.toThrow(/has sample 5, but .* samples 0 to 4/);
});

it("looks at every model before it samples from the first, which it launches once", async () => {
  const second = { ...MODEL, name: "n", length: 100 };
  await expect(run({ ...BASE, models: [MODEL, second] })).rejects.toThrow(/length must be/);
  expect(sampled()).toEqual([]);
  log = [];
  await run({ ...BASE, models: [MODEL, { ...MODEL, name: "n" }] });
  const models = log.filter((line) => /^(launch|close|sample)/.test(line));
  expect(models).toEqual([
    ...["launch n", "close n"],
    ...["launch m", "sample 0+5 of m", "close m"],
    ...["launch n", "sample 0+5 of n", "close n", "close judge"],
  ]);
});

it("tries MAUVE on the references before it samples", async () => {
  const fake = fakeServices(sampleEvents) as unknown as Services;
  const judge: Services["judge"] = async (...args) => ({
    ...(await fake.judge(...args)),
    mauve: () => Promise.reject(new Error("mauve-text is missing")),
  });
  await expect(run(BASE, { judge })).rejects.toThrow("mauve-text is missing");
  expect(sampled()).toEqual([]);
});

describe("a MAUVE that cannot be computed", () => {
  const missing = new RemdmError("mauve-text is missing", {
    code: "package_missing",
    remedy: "Install it.",
  });
  const fake = fakeServices(sampleEvents) as unknown as Services;
  const judge: Services["judge"] = async (...args) => ({
    ...(await fake.judge(...args)),
    mauve: () => Promise.reject(missing),
  });

  it("is left out and noted before anything is sampled, in the results and in the table", async () => {
    const notes: string[] = [];
    const onNote = (note: string) => void notes.push(`${note} after ${sampled().length}`);
    const { results, table } = await run(BASE, { judge, evaluate }, { onNote });
    const note = "MAUVE was left out: mauve-text is missing. Install it.";
    expect(notes).toEqual([`${note} after 0`]);
    expect(results[0].evaluation).not.toHaveProperty("mauve");
    expect(results[0].evaluation.genPpl?.judge).toBe("fake judge");
    expect(results[0].evaluation.skipped).toMatchObject([{ code: "package_missing" }]);
    expect(table).toContain(`${note} (all rows)`);
  });

  it("ends the experiment before anything is sampled, where its file names it", async () => {
    const named = run({ ...BASE, mauve: {} }, { judge, evaluate });
    await expect(named).rejects.toBe(missing);
    expect(sampled()).toEqual([]);
  });

  it("for too few references is left out, where the file does not name it", async () => {
    writeFileSync(join(scratch, "real.jsonl"), '"abcabcabcabc"\n');
    const fewer: Services["judge"] = async (...args) => ({
      ...(await fake.judge(...args)),
      mauveLeastTexts: 2,
    });
    const { table } = await run(BASE, { judge: fewer, evaluate });
    expect(table).toMatch(/MAUVE needs at least 2 samples .*; there are \d and 1\. Give 2 or more/);
  });
});

it("counts the references of every cell before it samples, where its file names MAUVE", async () => {
  const second = { ...MODEL, name: "n", length: 10 };
  expect((await run({ ...BASE, models: [MODEL, second] })).results).toHaveLength(2);
  rmSync(out, { recursive: true });
  log = [];
  writeFileSync(join(scratch, "real.jsonl"), '"abcabcabcabc"\n');
  const few = {
    ...BASE,
    mauve: {},
    models: [
      { ...MODEL, length: 6 },
      { ...MODEL, name: "n" },
    ],
  };
  await expect(run(few)).rejects.toMatchObject({
    code: "experiment_invalid",
    message: expect.stringMatching(/n_mdlm_T4.*real\.jsonl makes 1 references.*needs 2/),
  });
  expect(sampled()).toEqual([]);
});

it("reads references and words before it samples, and says which cannot be read", async () => {
  for (const key of ["references", "words"]) {
    const error = run({ ...BASE, [key]: "." }); // a directory
    await expect(error).rejects.toMatchObject({ code: "input_invalid" });
    rmSync(out, { recursive: true });
  }
  expect(sampled()).toEqual([]);
});

it("aborts with its own error while it reads the files for their digests", async () => {
  const controller = new AbortController();
  const stages: string[] = [];
  const aborted = run(
    BASE,
    {},
    {
      signal: controller.signal,
      onProgress: ({ stage }) => {
        stages.push(stage);
        controller.abort();
      },
    },
  );
  await expect(aborted).rejects.toMatchObject({ code: "aborted" });
  expect(stages).toEqual(["reading"]);
});

it.each([
  ["texts alone", (text: string) => ({ text })],
  ["tokens of another vocabulary", (text: string) => ({ text, tokens: [900, 901, 902] })],
])("compares samples with references that are %s in the model's own tokens", async (_, line) => {
  const texts = ["abcabcabcabc", "bcdbcdbcdbcd", "cdecdecdecde"];
  const lines = texts.map((text) => JSON.stringify(line(text)));
  writeFileSync(join(scratch, "real.jsonl"), `${lines.join("\n")}\n`);
  const { results } = await run({ ...BASE, mauve: false }, { evaluate });
  const { references } = results[0].evaluation;
  expect(references?.length).toBe(12);
  expect(references?.entropy?.mean).toBeCloseTo(Math.log(3), 1);
});

it.each([
  ["as its samples do", undefined, "real.jsonl", true, true],
  ["as its samples do", undefined, "real.jsonl", false, false],
  ["as its samples do", undefined, "real.txt", true, true],
  ["as it is told", false, "real.jsonl", true, false],
  ["as it is told", true, "real.txt", false, true],
])("ends its references %s: %j, %s, %j", async (_, referenceEnds, references, sampled, ended) => {
  writeFileSync(join(scratch, "real.txt"), "abcabcabcabcbcabcabcabca");
  writeFileSync(join(scratch, "real.jsonl"), '"abcabcabcabcbcabcabcabca"\n');
  const fake = fakeServices(sampleEvents) as unknown as Services;
  const eosId = 0; // of no letter there
  const tokens: (readonly number[])[] = [];
  const services: Partial<Services> = {
    launch: async (...args) => {
      const loaded = await fake.launch(...args);
      const sample: typeof loaded.sample = async function* (options) {
        for await (const event of loaded.sample(options)) {
          const fill = (tokens: readonly number[]) => tokens.map(() => (sampled ? eosId : 1));
          yield event.type === "finished" ? { ...event, tokens: fill(event.tokens) } : event;
        }
      };
      return { ...loaded, sample, tokenizer: { ...loaded.tokenizer, eosId } };
    },
    evaluate: (input, options) => {
      tokens.push(...(input.referenceTokens ?? []).map((ids) => Array.from(ids)));
      return fake.evaluate(input, options);
    },
  };
  const again = (ends: boolean | undefined) =>
    run(
      { ...BASE, references, ...(ends !== undefined && { referenceEnds: ends }), mauve: false },
      services,
    );
  await again(referenceEnds);
  expect(tokens).toHaveLength(2);
  for (const ids of tokens) {
    expect(ids).toHaveLength(12);
    expect([ids[0], ids.at(-1)].every((id) => id === eosId)).toBe(ended);
  }
  await expect(again(!ended)).rejects.toThrow(/referenceEnds was/);
});

it("says how long its cells took, together and each", async () => {
  const models = [{ ...MODEL, strategies: ["mdlm", "dfm"] }];
  await run({ ...BASE, models });
  const path = join(out, "timings.jsonl");
  const lines = [
    { cell: CELL, sampling: 3500, evaluating: 40 },
    { cell: CELL.replace("mdlm", "dfm"), sampling: 60, evaluating: 20 },
  ].map((line) => `${JSON.stringify(line)}\n`);
  // The first cell's timing is there twice, as after a kill between timing and result.
  writeFileSync(path, [...lines, lines[0].replace("3500", "1")].join(""));
  await run({ ...BASE, models });
  const text = readFileSync(join(out, "timings.md"), "utf8");
  expect(text).toContain("2 of 2 cells: 1 h 0 min, of which 1 min 0 s evaluating.");
  expect(text).toMatch(new RegExp(`\\| ${CELL} \\| \\d+ \\| 3500\\.0 \\| 40\\.0 \\|`));
  expect(text).toMatch(/\| all \| \d+ \| 3560\.0 \|/);
  writeFileSync(path, '{"cell": 1}\n');
  await expect(run({ ...BASE, models })).rejects.toMatchObject({
    message: expect.stringMatching(/Line 1 of .*timings.jsonl was not written/),
    remedy: expect.stringMatching(/^Delete that line; the time/),
  });
});

it("writes the original's format cell by cell, though a later cell fails", async () => {
  const models = [{ ...MODEL, strategies: ["mdlm", "dfm"] }];
  const fake = fakeServices(sampleEvents) as unknown as Services;
  let evaluated = 0;
  const failing: Services["evaluate"] = (...args) => {
    evaluated++;
    return evaluated === 1 ? fake.evaluate(...args) : Promise.reject(new Error("no evaluation"));
  };
  const one = run({ ...BASE, models }, { evaluate: failing }, { original: true });
  await expect(one).rejects.toThrow("no evaluation");
  const text = readFileSync(join(out, "original", `${CELL}.json`), "utf8");
  expect(text).toContain("text_samples");
});

it("draws labels as they are, and says on both kinds of charts what rings and bars are", async () => {
  const strategies = [{ name: "mdlm", label: "pay $& or $1" }];
  const evaluateCollapsed: Services["evaluate"] = async (...args) => {
    const fake = fakeServices(sampleEvents) as unknown as Services;
    const evaluation = await fake.evaluate(...args);
    return { ...evaluation, collapse: { collapsed: true, reasons: ["Low."] } };
  };
  await run({ ...BASE, models: [{ ...MODEL, strategies }] }, { evaluate: evaluateCollapsed });
  const [line, scatter] = ["mauve-by-steps", "mauve-by-perplexity"].map((name) =>
    readFileSync(join(out, "charts", `${name}.svg`), "utf8"),
  );
  expect(line).toContain("pay $&amp; or $1</text>");
  for (const svg of [line, scatter]) {
    expect(svg).toContain("not the error from few samples, which is larger");
    expect(svg).toContain("Red ring: collapsed.");
  }
});
