/** Experiments with strategies of the user's own: cells, places of mistakes, and a module that changes. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { runResolved } from "../../src/experiment/experiment.ts";
import { openExperiment } from "../../src/experiment/file/open.ts";
import type { Services } from "../../src/experiment/run/services.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { sampleEvents } from "../../src/sampler/index.ts";
import { fakeServices } from "./support/fakeServices.mjs";

const SAMPLER = pathToFileURL(join(packageRoot, "src/sampler/index.ts")).href;
const MODULE = `import { defineStrategy, posterior } from ${JSON.stringify(SAMPLER)};
const shared = { source: "s", summary: "s" };
export const fading = defineStrategy({ ...shared, kind: "fading",
  options: {
    eta: { type: "number", default: 0.1, range: "[0, 1]", help: "h" },
    late: { type: "flag", default: false, help: "h" },
    order: { type: "choice", choices: ["up", "down"], help: "h" },
  },
  transition: ({ eta }, step) => posterior(step, Math.min(eta * step.t, step.sigmaMax)) });
export default defineStrategy({ ...shared, kind: "plain", nucleus: false,
  transition: (_, step) => posterior(step, 0) });
export const wild = defineStrategy({ ...shared, kind: "wild",
  transition: () => ({ reveal: 2, remask: 0 }) });
export const cap = defineStrategy({ ...shared, kind: "remdm-cap", transition: () => ({}) });
`;

let scratch = "";
let log: string[] = [];
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-own-"));
  writeFileSync(join(scratch, "package.json"), '{ "type": "module" }');
});
beforeEach(() => {
  log = [];
  writeFileSync(join(scratch, "mine.js"), MODULE);
});
afterEach(() => rmSync(join(scratch, "out"), { recursive: true, force: true }));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Opens an experiment from a file beside the module. @param strategies in JSON, which is YAML. */
function open(...strategies: unknown[]) {
  const path = join(scratch, "own.yaml");
  const lines = strategies.map((one) => `      - ${JSON.stringify(one)}\n`).join("");
  writeFileSync(
    path,
    `name: own\nsamples: 3\nsteps: 4\njudge: false\nmodels:\n  - checkpoint: demo\n    name: m\n    strategies:\n${lines}`,
  );
  return openExperiment(path);
}

describe("the cells", () => {
  it("are named by kind or label, options and etas", async () => {
    const { cells, strategyFiles } = await open(
      "./mine.js",
      "mdlm",
      { name: "./mine.js#fading", eta: [0.2, 0.3] },
      { name: "./mine.js#fading", options: { eta: 0.5, late: true, order: "down" } },
      { name: "./mine.js#fading", label: "slow", steps: [8], topP: [0.5, 1] },
    );
    expect(cells.map(({ id }) => id)).toEqual([
      "m_plain_T4_seed1",
      "m_mdlm_T4_p0.9_seed1",
      "m_fading-eta0.2_T4_p0.9_seed1",
      "m_fading-eta0.3_T4_p0.9_seed1",
      "m_fading-eta0.5-latetrue-orderdown_T4_p0.9_seed1",
      "m_slow-eta0.1_T8_p0.5_seed1",
      "m_slow-eta0.1_T8_p1_seed1",
    ]);
    expect(cells.map(({ label }) => label)).toEqual([
      ...["plain", "mdlm", "fading", "fading", "fading", "slow", "slow"],
    ]);
    expect(cells.map(({ strategy }) => strategy).slice(2, 5)).toEqual([
      { kind: "fading", eta: 0.2, late: false, order: "up" },
      { kind: "fading", eta: 0.3, late: false, order: "up" },
      { kind: "fading", eta: 0.5, late: true, order: "down" },
    ]);
    const path = join(scratch, "mine.js");
    expect(strategyFiles).toEqual([
      ["./mine.js", path],
      ["./mine.js#fading", path],
    ]);
  });

  it("may be given by an object, from the working directory", async () => {
    const name = `${join(scratch, "mine.js")}#fading`;
    const models = [{ checkpoint: "demo", strategies: [name] }];
    const { cells } = await openExperiment({ name: "own", steps: 4, judge: false, models });
    expect(cells.map(({ id }) => id)).toEqual(["demo_fading-eta0.1_T4_p0.9_seed1"]);
  });
});

describe("what is wrong is named with its place in the file", () => {
  const fading = "./mine.js#fading";
  const place = /^.*own\.yaml:9: models\[0\]\.strategies\[0\]/.source;
  it.each<[unknown, RegExp]>([
    ["./none.js", /: There is nothing at .*none\.js, which "\.\/none\.js" names$/],
    ["./mine.js#slow", /: .*mine\.js has no export named "slow"$/],
    ["./own.yaml.js", /: There is nothing at/],
    [{ name: fading, eta: 2 }, /: eta must be a number in \[0, 1\]; got 2$/],
    [{ name: fading, eta: "paper" }, /\.eta is paper, which has none for \.\/mine\.js#fading/],
    [{ name: fading, tOn: 0.5 }, /: tOn must be undefined \(fading takes only kind, eta, late, o/],
    [{ name: fading, options: { eta: "x" } }, /: eta must be a number in \[0, 1\]; got "x"$/],
    [{ name: fading, options: { late: 1 } }, /: late must be true or false; got 1$/],
    [{ name: fading, options: { order: "left" } }, /: order must be "up" or "down"; got "left"$/],
    [{ name: fading, options: { etas: 1 } }, /: etas must be undefined \(fading takes only/],
    [{ name: fading, options: { kind: "mdlm" } }, /: kind must be "fading" or left out; got "md/],
    [{ name: fading, eta: [0.1], options: { eta: 0.2 } }, /\.options\.eta stands beside the name/],
    [{ name: fading, options: { eta: [0.1, 7] } }, /: eta must be a number in \[0, 1\]; got 7$/],
    [{ name: fading, options: { eta: null } }, /\.options.* is .*not allowed$/],
    [{ name: "mdlm", options: { eta: 0.1 } }, /: eta must be undefined \(mdlm takes only kind\)/],
    [
      { name: "margin", options: { pace: "slow" } },
      /: pace must be "even" or "times"; got "slow"$/,
    ],
    [{ name: fading, executor: "dense" }, /one that the original's code has/],
    [{ name: "./mine.js#cap" }, /a name that no built-in strategy has; got "remdm-cap"$/],
    ["./mine.js#wild", /\(m_wild_T4.*\): The strategy wild gives 2 as the chance of a reveal/],
    [{ name: "./mine.js", topP: 1, executor: "dense" }, /one that the original's code has/],
    [{ name: "./mine.js", topP: [1, 0.5] }, /\.topP stands beside plain, which has no nucleus$/],
  ])("%j", async (strategy, message) => {
    await expect(open(strategy)).rejects.toMatchObject({
      name: "ExperimentError",
      code: "experiment_invalid",
      message: expect.stringMatching(new RegExp(place + ".*" + message.source)),
    });
  });

  it("says which options stand beside the name and which under options", async () => {
    const stray = open({ name: "threshold", kappa: 0.5 });
    await expect(stray).rejects.toMatchObject({
      message: expect.stringContaining("kappa is not an option of the strategy threshold"),
      remedy: "Its options are tau. Under options it takes of.",
    });
    await expect(open({ name: "psi", tau: 0.5 })).rejects.toMatchObject({
      remedy: "Its options are kappa, tOn, tOff. Under options it takes high, middle, low.",
    });
  });

  it("two that would have one name", async () => {
    await expect(open(fading, { name: fading, eta: 0.1 })).rejects.toThrow(
      "gives m_fading-eta0.1_T4_p0.9_seed1, which",
    );
  });
});

describe("a run", () => {
  async function run() {
    const services = fakeServices(sampleEvents, {
      log: (line: string) => log.push(line),
    }) as unknown as Services;
    const experiment = await open({ name: "./mine.js#fading", eta: 0.3 }, "./mine.js");
    return runResolved(experiment, { out: join(scratch, "out") }, services);
  }
  const sampled = (): string[] => log.filter((line) => line.startsWith("sample"));

  it("samples with them, and goes on with the same module", async () => {
    const { results } = await run();
    expect(results.map(({ cell }) => cell)).toEqual([
      "m_fading-eta0.3_T4_p0.9_seed1",
      "m_plain_T4_seed1",
    ]);
    expect(sampled()).toEqual(["sample 0+3 of m", "sample 0+3 of m"]);
    const file = join(scratch, "out", "samples", "m_plain_T4_seed1.jsonl");
    const whole = readFileSync(file, "utf8");
    writeFileSync(file, whole.slice(0, whole.indexOf("\n") + 1));
    rmSync(join(scratch, "out", "results.jsonl"));
    log = [];
    await run();
    expect(sampled()).toEqual(["sample 1+2 of m"]);
    expect(readFileSync(file, "utf8")).toBe(whole);
  });

  it("is refused when the module has changed, which is named", async () => {
    await run();
    appendFileSync(join(scratch, "mine.js"), "// another thought\n");
    log = [];
    await expect(run()).rejects.toMatchObject({
      code: "experiment_differs",
      message: expect.stringMatching(/mine\.js/),
    });
    expect(sampled()).toEqual([]);
    writeFileSync(join(scratch, "mine.js"), MODULE);
    await run();
  });
});
