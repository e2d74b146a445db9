// @part slow
import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packagePath } from "../src/foundation/packageRoot.ts";

/** Says each module that Node loads on standard output, from its loader's thread. */
const HOOKS = `
  import { writeSync } from "node:fs";
  export function load(url, context, next) {
    writeSync(1, url + "\\n");
    return next(url, context);
  }
`;
const REGISTER = `
  import { register } from "node:module";
  register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOKS)}`)});
`;

/** Lists the modules of a package, or of a folder of ours, that a program loads. */
async function loadedBy(program: string): Promise<readonly string[]> {
  const { stdout } = await execa(process.execPath, [
    ...["--import", `data:text/javascript,${encodeURIComponent(REGISTER)}`],
    ...["--input-type=module", "-e", program],
  ]);
  return stdout.split("\n").filter((line) => line.startsWith("file:"));
}

const entry = JSON.stringify(packagePath("dist", "index.js"));
const packagesIn = (urls: readonly string[]): string[] => [
  ...new Set(urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])),
];
const oursIn = (urls: readonly string[]): string[] =>
  urls.flatMap((url) => /^(?!.*\/node_modules\/).*\/dist\/(.+)\.js$/.exec(url)?.[1] ?? []);

/** What `import "remdm"` may load of the rooms that sampling does not need: sync functions. */
const MEASURES =
  /^evaluation\/(errors|judge\/|measures\/|tasks\/scor(es|ers)$|texts\/(originalFormat|textSample)$)/;
const NEEDED = /^(index|onDemand|(backend|foundation|program|sampler|tokenizer|checkpoints)\/)/;

describe("the package", () => {
  it("loads no package but the one that corrects names, and no room that sampling does not need", async () => {
    const urls = await loadedBy(`await import(${entry});`);
    expect(packagesIn(urls)).toEqual(["leven"]);
    const ours = oursIn(urls);
    expect(ours).toContain("program/remdm");
    const other = ours.filter((name) => !NEEDED.test(name) && !MEASURES.test(name));
    expect(other).toEqual(["experiment/errors"]);
    const late =
      /^(checkpoints\/(download|transfer)|program\/(convert|tasks)|backend\/(connection|wire\/codec))/;
    expect(ours.filter((name) => late.test(name))).toEqual([]);
  });

  it("loads what it left out when it is called", async () => {
    const call = `const { readTask } = await import(${entry}); await readTask("/nowhere").catch(() => 0);`;
    expect(oursIn(await loadedBy(call))).toContain("evaluation/tasks/taskFile");
  });
});
