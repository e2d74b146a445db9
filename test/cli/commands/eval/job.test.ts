/** `remdm eval` with a judge that is no model: what it prints, writes and refuses. */
import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { evalCommand, evalNaming } from "../../../../src/cli/commands/eval/command.ts";
import type { EvalFlags } from "../../../../src/cli/commands/eval/flags.ts";
import { measure } from "../../../../src/cli/commands/eval/job.ts";
import type { JudgeFlags, LaunchJudge } from "../../../../src/cli/commands/eval/judge.ts";
import type { Naming } from "../../../../src/cli/naming.ts";
import { runCommand } from "../../../../src/cli/runCommand.ts";
import { RemdmError } from "../../../../src/foundation/errors.ts";
import { loadTokenizer } from "../../../../src/tokenizer/load.ts";
import { FakeJudge } from "../../../evaluation/support/fakeJudge.ts";
import { scratchFiles } from "../../../evaluation/support/scratch.ts";
import { describeUnless } from "../../../support/describeUnless.ts";

const file = scratchFiles();
const said = { stdout: "", stderr: "" };
beforeEach(() => {
  Object.assign(said, { stdout: "", stderr: "" });
  for (const name of ["stdout", "stderr"] as const) {
    jest.spyOn(process[name], "write").mockImplementation((chunk) => {
      said[name] += String(chunk);
      return true;
    });
  }
});
afterEach(() => void jest.restoreAllMocks());

/** As commander fills them in. */
const defaults: EvalFlags = {
  referenceUnit: "window",
  device: "auto",
};

/** @returns the exit code. */
function runEval(
  path: string,
  flags: EvalFlags,
  launch?: LaunchJudge,
  naming?: Naming,
): Promise<number> {
  return runCommand({ quiet: flags.quiet, ...(naming && { naming }) }, (session) =>
    measure(session, path, flags, launch),
  );
}

const TEXT = "Now is the winter of our discontent\nMade glorious summer by this sun of York;\n";

function launching(judge: FakeJudge): { launch: LaunchJudge; launched: JudgeFlags[] } {
  const launched: JudgeFlags[] = [];
  return {
    launched,
    launch: (options) => {
      launched.push(options);
      return Promise.resolve(judge);
    },
  };
}

/** Samples as the demo model has them, each another one. */
async function samples(count: number): Promise<string> {
  const tokenizer = await loadTokenizer("demo");
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const tokens = (await tokenizer.encode(`${i} ${TEXT}`)).slice(0, 16);
    lines.push(JSON.stringify({ sample: i, tokens, text: tokenizer.decode(tokens), entropy: 1 }));
  }
  return file("samples.jsonl", lines.join("\n"));
}

describe("what it prints", () => {
  it("entropy beside perplexity with errors, MAUVE, the references and the verdict", async () => {
    const judge = new FakeJudge((text) => (text.length % 2 === 0 ? 3 : 4));
    const { launch, launched } = launching(judge);
    const references = file("references.txt", TEXT.repeat(30));
    const flags = { ...defaults, references, mauveSeeds: [1, 2] };
    const code = await runEval(await samples(24), flags, launch);
    expect([code, said.stderr]).toEqual([0, expect.stringMatching(/Reading .*Loading demo-ar/s)]);
    expect(said.stdout).toMatch(/^24 samples of 16 tokens \(tokens as sampled\)\n/);
    expect(said.stdout).toMatch(/^entropy +\d\.\d{3} ± 0\.\d{3} +\d\.\d{3} ± 0\.\d{3} +nats$/m);
    expect(said.stdout).toMatch(
      /^perplexity +\d+\.\d\d ± \d+\.\d\d .* judged by fake, \d+ tokens$/m,
    );
    expect(said.stdout).toMatch(/^MAUVE +0\.150 ± 0\.071 .*2 k-means seeds, scale 5$/m);
    expect(said.stdout).toMatch(/^known words +1\.000 +0\.\d{3}/m);
    expect(said.stdout).toMatch(/^count +24 +24$/m);
    expect(launched).toEqual([
      { model: "demo-ar", device: "auto", signal: expect.any(AbortSignal) },
    ]);
    expect(judge.closed).toBe(true);
  });

  it("a collapse, with its reasons", async () => {
    const path = file("same.jsonl", '"so it goes"\n'.repeat(8));
    expect(await runEval(path, { ...defaults, judge: false, quiet: true })).toBe(0);
    expect(said.stdout).toMatch(/^8 samples of 3 tokens \(words instead of tokens\)\n/);
    expect(said.stdout).toMatch(/COLLAPSED: perplexity says nothing.*\n {2}- 88% of the samples/);
    expect(said.stderr).toBe("");
  });

  it("what could not be compared", async () => {
    const flags = { ...defaults, judge: false, quiet: true } as const;
    expect(await runEval(await samples(2), flags)).toBe(0);
    expect(said.stdout).toMatch(/No sign of a collapse \(looked for without references\)\.\n$/);
    const refs = file("refs.jsonl", '"one two"\n"three"');
    const short = { ...flags, references: refs, referenceUnit: "text" } as const;
    expect(await runEval(await samples(2), short)).toBe(0);
    expect(said.stdout).toMatch(/entropy was not compared: the references have \d\.\d tokens\)/);
    const path = file("other.jsonl", '{"text":"a","tokens":[1]}\n{"text":"b","tokens":[2]}');
    expect(await runEval(path, short)).toBe(0);
    expect(said.stdout).toMatch(/whose tokens are not known: name --tokenizer\)/);
  });

  it("text of a file steers no terminal", async () => {
    const judge = Object.assign(new FakeJudge(), { name: "fa\u001b[2Jke" });
    const { launch } = launching(judge);
    expect(await runEval(await samples(2), defaults, launch)).toBe(0);
    expect(said.stdout).not.toContain("\u001b");
  });

  it("asks for the judge's raw weights with --raw-weights", async () => {
    const { launch, launched } = launching(new FakeJudge());
    const path = await samples(2);
    expect(await runEval(path, { ...defaults, rawWeights: true, quiet: true }, launch)).toBe(0);
    expect(await runEval(path, { ...defaults, quiet: true }, launch)).toBe(0);
    expect(launched.map(({ rawWeights }) => rawWeights)).toEqual([true, undefined]);
    expect(evalCommand().helpInformation()).toContain("--raw-weights");
  });

  it("one JSON object with --json, the same as in the file of --out", async () => {
    const [out, path] = [file("out.json", "old and long ".repeat(200)), await samples(2)];
    const { launch } = launching(new FakeJudge());
    expect(await runEval(path, { ...defaults, json: true, out, force: true }, launch)).toBe(0);
    expect(readFileSync(out, "utf8")).toBe(said.stdout);
    expect(JSON.parse(said.stdout)).toMatchObject({
      samples: 2,
      tokensFrom: "samples",
      genPpl: { judge: "fake", value: expect.closeTo(Math.exp(3), 9) },
      collapse: { collapsed: false, reasons: [] },
      files: { samples: path },
    });
  });

  const noFullDisk = existsSync("/dev/full") ? undefined : "there is no /dev/full";
  describeUnless(noFullDisk, "on a full disk", () => {
    it.each(["out", "original"])("the report, though the disk of --%s is full", async (name) => {
      const { launch } = launching(new FakeJudge());
      const flags = { ...defaults, quiet: true, [name]: "/dev/full" } as const;
      expect(await runEval(await samples(2), flags, launch)).toBe(1);
      expect(said.stdout).toMatch(/^perplexity +20\.09/m);
      expect(said.stderr).toMatch(
        /^error: The result .* \/dev\/full: ENOSPC.*\n {2}Free some space\. The report stands on standard output\.\n$/,
      );
    });

    it("one file, though the disk of the other is full", async () => {
      const { launch } = launching(new FakeJudge());
      const original = file("o.json", "");
      const flags = { ...defaults, quiet: true, force: true, out: "/dev/full", original } as const;
      expect(await runEval(await samples(2), flags, launch)).toBe(1);
      expect(JSON.parse(readFileSync(original, "utf8"))).toHaveProperty("gen_ppl");
    });
  });

  it("entropies of another tokenizer than the one that is named, beside none", async () => {
    const path = file(
      "seqs.json",
      JSON.stringify({ text_samples: [TEXT, `1 ${TEXT}`], entropies: [1, 1] }),
    );
    const references = file("references.txt", TEXT.repeat(30));
    const alone = { ...defaults, judge: false, quiet: true, tokenizer: "demo" } as const;
    expect(await runEval(path, { ...alone, references })).toBe(0);
    const entropy = /^entropy +1\.000 ± 0\.000 +nats, as the file has it: of other/m;
    expect(said.stdout).toMatch(entropy);
    expect(said.stdout).toMatch(/No sign of a collapse/);
    said.stdout = "";
    expect(await runEval(path, alone)).toBe(0);
    expect(said.stdout).toMatch(entropy);
  });

  it("the original's file with --original, which reads back the same", async () => {
    const original = file("seqs.json", "old");
    const { launch } = launching(new FakeJudge());
    const flags = { ...defaults, json: true, force: true } as const;
    expect(await runEval(await samples(2), { ...flags, original }, launch)).toBe(0);
    const first = JSON.parse(said.stdout) as { entropy: { mean: number } };
    const document = JSON.parse(readFileSync(original, "utf8")) as Record<string, unknown>;
    expect(Object.keys(document)).toEqual([
      "gen_ppl",
      "entropy",
      "MAUVE",
      "entropies",
      "text_samples",
    ]);
    expect(document).toMatchObject({ gen_ppl: expect.closeTo(Math.exp(3), 9), MAUVE: null });
    said.stdout = "";
    expect(await runEval(original, { ...flags, judge: false })).toBe(0);
    const again = JSON.parse(said.stdout) as { entropy: { mean: number }; tokensFrom: string };
    expect(again.entropy).toEqual(first.entropy);
    expect(again.tokensFrom).toBe("tokenizer"); // found by the entropies: demo's
  });
});

describe("references of a .jsonl file", () => {
  const json = { ...defaults, judge: false, json: true, quiet: true } as const;
  const refs = (...records: readonly unknown[]): string =>
    file("refs.jsonl", records.map((record) => JSON.stringify(record)).join("\n"));
  const rows = () => JSON.parse(said.stdout) as { references: Record<string, unknown> };

  it("are cut to the samples' length for the judge as well", async () => {
    const asked: (readonly string[])[] = [];
    const judge = new FakeJudge();
    const likelihoods = judge.likelihoods.bind(judge);
    judge.likelihoods = (texts, options) => {
      asked.push(texts);
      return likelihoods(texts, options);
    };
    const flags = {
      ...defaults,
      quiet: true as const,
      references: refs(TEXT.repeat(12), TEXT.repeat(12)),
    };
    expect(await runEval(await samples(24), flags, launching(judge).launch)).toBe(0);
    const tokenizer = await loadTokenizer("demo");
    const encoded = await Promise.all(asked[1].map((text) => tokenizer.encode(text)));
    const lengths = encoded.map(({ length }) => length);
    expect(lengths).toHaveLength(24);
    expect(Math.max(...lengths)).toBeLessThan(20); // a window of 16, whose first word may be cut
  });

  it("begin and end as most samples do", async () => {
    const tokenizer = await loadTokenizer("demo");
    const end = tokenizer.decode([tokenizer.eosId ?? -1]);
    const reference = { references: refs(TEXT.repeat(9)) };
    const evaluated = async (before: string): Promise<readonly string[]> => {
      const texts = [1, 2, 3].map((i) => `${before}${i} ${TEXT}${before}`);
      const encoded = await Promise.all(texts.map((text) => tokenizer.encode(text)));
      const lines = texts.map((text, i) => JSON.stringify({ text, tokens: encoded[i] }));
      const path = file("s.jsonl", lines.join("\n"));
      const judge = new FakeJudge();
      const asked: string[] = [];
      judge.likelihoods = async (all) => {
        asked.push(...all);
        return all.map(() => ({ nats: 1, tokens: 1 }));
      };
      const flags = { ...json, ...reference, judge: "demo-ar", mauve: false };
      expect(await runEval(path, flags, launching(judge).launch)).toBe(0);
      return asked.slice(3);
    };
    const isEnded = (text: string): boolean => text.startsWith(end) && text.endsWith(end);
    expect((await evaluated(end)).map(isEnded)).toEqual([true, true, true]);
    expect((await evaluated("")).filter(isEnded)).toEqual([]);
  });

  it("with tokens of another vocabulary are tokenized again", async () => {
    const records = Array.from({ length: 4 }, (_, i) => {
      return { text: `${i} ${TEXT}`, tokens: new Array<number>(16).fill(7) };
    });
    expect(await runEval(await samples(4), { ...json, references: refs(...records) })).toBe(0);
    const { entropy } = rows().references as { entropy: { mean: number } };
    expect(entropy.mean).toBeGreaterThan(2); // one token throughout would have none
  });
});

describe("flags reach the judge and the references", () => {
  it("all of them", async () => {
    const judge = new FakeJudge();
    const { launch, launched } = launching(judge);
    const flags: EvalFlags = {
      ...defaults,
      judge: "gpt2-large",
      judgeTokenizer: "gpt2",
      device: "cpu",
      batchSize: 4,
      maxLength: 99,
      references: file("references.txt", "one two\n\nthree four\n\nfive six"),
      referenceUnit: "paragraph",
      referenceCount: 2,
      mauve: false,
      words: file("words.txt", "winter"),
      json: true,
    };
    expect(await runEval(await samples(2), flags, launch)).toBe(0);
    expect(launched).toMatchObject([
      { model: "gpt2-large", tokenizer: "gpt2", device: "cpu", batchSize: 4, maxLength: 99 },
    ]);
    expect(judge.asked).toEqual(["likelihoods of 2", "likelihoods of 2"]);
    const { references, knownWords } = JSON.parse(said.stdout) as Record<string, unknown>;
    expect(references).toMatchObject({ count: 2, knownWords: 0 });
    expect(knownWords).toBeGreaterThan(0);
  });
});

describe("a MAUVE that fails", () => {
  const failing = (): FakeJudge => {
    const judge = new FakeJudge();
    const message = "mauve-text is not installed";
    const error = new RemdmError(message, { code: "package_missing", remedy: "Install it." });
    judge.mauve = () => Promise.reject(error);
    return judge;
  };

  it.each<[string, Partial<EvalFlags>, number]>([
    ["does not fail where nobody asked for it", {}, 0],
    ["fails where --mauve asks for it", { mauve: true }, 1],
    ["fails where a setting of it asks for it", { mauveSeeds: [1] }, 1],
  ])("leaves everything else printed and written, and %s", async (_, asked, code) => {
    const [references, original] = [file("references.txt", TEXT.repeat(30)), file("o.json", "")];
    const out = file("out.json", "");
    const files = { references, out, original, force: true, quiet: true } as const;
    const flags = { ...defaults, ...files, ...asked };
    const judge = failing();
    expect(await runEval(await samples(24), flags, launching(judge).launch)).toBe(code);
    expect(said.stdout).toMatch(/^perplexity +20\.09 ± 0\.00 +20\.09 ± 0\.00/m);
    expect(said.stdout).toMatch(/^MAUVE +left out +see below$/m);
    expect(said.stdout).toContain(
      "\nMAUVE was left out: mauve-text is not installed.\n  Install it.\n",
    );
    const error = "error: mauve-text is not installed\n  Install it.\n";
    expect(said.stderr).toBe(code === 0 ? "" : error);
    const written = JSON.parse(readFileSync(out, "utf8")) as Record<string, unknown>;
    expect(written).toMatchObject({
      genPpl: { judge: "fake" },
      skipped: [
        {
          measure: "mauve",
          code: "package_missing",
          message: "mauve-text is not installed",
          remedy: "Install it.",
        },
      ],
    });
    expect(written).not.toHaveProperty("mauve");
    const document = JSON.parse(readFileSync(original, "utf8")) as Record<string, unknown>;
    expect(document).toMatchObject({ gen_ppl: expect.closeTo(Math.exp(3), 9), MAUVE: null });
    expect(judge.closed).toBe(true);
  });

  it("is in the object of --json", async () => {
    const references = file("references.txt", TEXT.repeat(30));
    const flags = { ...defaults, references, json: true, quiet: true } as const;
    expect(await runEval(await samples(24), flags, launching(failing()).launch)).toBe(0);
    expect(JSON.parse(said.stdout)).toMatchObject({ skipped: [{ code: "package_missing" }] });
  });

  it("for too few texts is left out with a note that says what to do", async () => {
    const judge = Object.assign(new FakeJudge(), { mauveLeastTexts: 20 });
    const references = file("references.txt", TEXT.repeat(30));
    const flags = { ...defaults, references, quiet: true } as const;
    expect(await runEval(await samples(4), flags, launching(judge).launch)).toBe(0);
    expect(said.stdout).toContain(
      "\nMAUVE was left out: MAUVE needs at least 20 samples and as many references; there are 4 and 4.\n  Give 20 or more of each",
    );
    expect(said.stdout).toMatch(/^perplexity +20\.09.*\n(.*\n)*No sign of a collapse/m);
    expect(judge.asked).toEqual(["likelihoods of 4", "likelihoods of 4"]);
  });

  it("whose histograms tie says so beside mauve-text's own number", async () => {
    const judge = new FakeJudge();
    judge.mauve = async (_p, _q, { seeds, onTie }) => {
      for (const seed of seeds.slice(1)) onTie?.(seed);
      return seeds.map(() => 0.75);
    };
    const references = file("references.txt", TEXT.repeat(30));
    const flags = { ...defaults, references, mauveSeeds: [3, 4, 5], quiet: true } as const;
    expect(await runEval(await samples(24), flags, launching(judge).launch)).toBe(0);
    expect(said.stdout).toMatch(/^MAUVE +0\.750 ± 0\.000/m);
    expect(said.stdout).toMatch(
      /^MAUVE: with k-means seeds 4, 5 .*\n1 or 0\.75, depending on the CPU/m,
    );
  });
});

describe("a judge that cannot be had", () => {
  const missing: LaunchJudge = () =>
    Promise.reject(
      new RemdmError("transformers is missing", { code: "package_missing", remedy: "Install it." }),
    );

  it.each<[string, Partial<EvalFlags>, number]>([
    ["0 where it is the bundled one", {}, 0],
    ["1 where --judge names it", { judge: "gpt2-large" }, 1],
    ["1 where --mauve asks for what needs it", { mauve: true }, 1],
  ])("costs only what it judges; the exit code is %s", async (_, asked, code) => {
    const references = file("references.txt", TEXT.repeat(30));
    const flags = { ...defaults, references, quiet: true as const, ...asked };
    expect(await runEval(await samples(24), flags, missing)).toBe(code);
    expect(said.stdout).toMatch(
      /^entropy +\d\.\d{3} ± .*\nperplexity +left out +see below\nMAUVE +left out/m,
    );
    expect(said.stdout).toContain(
      "\nPerplexity and MAUVE were left out: transformers is missing.\n  Install it.\n",
    );
    const error = "error: transformers is missing\n  Install it.\n";
    expect(said.stderr).toBe(code === 0 ? "" : error);
  });

  it("has no part in MAUVE where there are no references", async () => {
    expect(await runEval(await samples(2), { ...defaults, quiet: true }, missing)).toBe(0);
    expect(said.stdout).toContain("\nPerplexity was left out: transformers is missing.\n");
  });
});

describe("what is wrong is said before a judge is launched", () => {
  const never: LaunchJudge = () => Promise.reject(new Error("launched"));

  const run = (path: string, flags: EvalFlags): Promise<number> =>
    runEval(path, flags, never, evalNaming(evalCommand()));

  it.each<[string, Partial<EvalFlags>, number, RegExp]>([
    ["MAUVE without references", { mauve: true }, 2, /MAUVE compares .*\n.*--references/],
    ["MAUVE without a judge", { mauve: true, judge: false }, 2, /needs a judge\n.*--no-judge/],
    ["scale", { mauveScale: 0 }, 2, /--mauve-scale must be a number in \(0, 1000\]; got 0/],
    ["seeds", { mauveSeeds: [2 ** 31] }, 2, /--mauve-seeds must be/],
    ["count", { referenceCount: 0 }, 2, /--reference-count must be/],
    [
      "a tokenizer of no judge",
      { judge: false, judgeTokenizer: "gpt2" },
      2,
      /--judge-tokenizer belongs to a judge/,
    ],
    [
      "weights of no judge",
      { judge: false, rawWeights: true },
      2,
      /--raw-weights belongs to a judge/,
    ],
    ["batch", { batchSize: 0 }, 2, /--batch-size must be/],
    ["no references", { references: "no/where.txt" }, 1, /no\/where\.txt cannot be read.*\n {2}\S/],
    ["no output directory", { out: "no/where.json" }, 1, /no\/where\.json cannot be written/],
    ["no tokenizer", { tokenizer: "no/where" }, 1, /The tokenizer no\/where cannot be read/],
    [
      "another tokenizer",
      { tokenizer: "gpt2" },
      1,
      /gpt2 makes other texts of the samples' tokens/,
    ],
    ["no words", { words: "no/words.txt" }, 1, /no\/words\.txt cannot be read/],
  ])("%s", async (_, flags, code, message) => {
    expect(await run(await samples(2), { ...defaults, quiet: true, ...flags })).toBe(code);
    expect(said.stderr).toMatch(/^error: /);
    expect(said.stderr).toMatch(message);
    expect(said.stdout).toBe("");
  });

  it("samples that cannot be read, and no empty file is left", async () => {
    const path = file("bad.jsonl", '"a"\n7\n');
    const out = `${path}.out`;
    expect(await runEval(path, { ...defaults, out, quiet: true }, never)).toBe(1);
    expect(said.stderr).toMatch(
      /^error: .*bad\.jsonl, line 2, must be a JSON object.*\n {2}A file of/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("too few samples for a MAUVE that is asked for", async () => {
    const references = file("references.txt", TEXT.repeat(30));
    const flags = { ...defaults, references, mauve: true, quiet: true } as const;
    expect(await runEval(await samples(19), flags, never)).toBe(2);
    expect(said.stderr).toMatch(/MAUVE needs at least 20 samples .* 19 and 19\n.*--no-mauve/);
  });

  it("too few references for a MAUVE that is asked for", async () => {
    const references = file("references.jsonl", JSON.stringify({ text: TEXT.repeat(8) }));
    const flags = { ...defaults, references, mauve: true, quiet: true } as const;
    expect(await runEval(await samples(24), flags, never)).toBe(2);
    expect(said.stderr).toMatch(/MAUVE needs at least 20 .*; there are 24 and \d+\n/);
  });

  it("a file that exists is not replaced without --force", async () => {
    const out = file("mine.json", "mine");
    expect(await runEval(await samples(2), { ...defaults, out, quiet: true }, never)).toBe(1);
    expect(said.stderr).toMatch(/exists already\n.*--force/);
    expect(readFileSync(out, "utf8")).toBe("mine");
  });
});

it("an interruption closes the judge and ends with its code", async () => {
  const judge = new FakeJudge();
  judge.likelihoods = (_, options) =>
    new Promise((_resolve, reject) => {
      options?.signal?.addEventListener("abort", () => reject(new Error("stopped")));
      process.emit("SIGINT", "SIGINT");
    });
  const { launch } = launching(judge);
  expect(await runEval(await samples(2), defaults, launch)).toBe(130);
  expect(said.stderr).toMatch(/Stopped\.\n$/);
  expect(said.stdout).toBe("");
  expect(judge.closed).toBe(true);
});
