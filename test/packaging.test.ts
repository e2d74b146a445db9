// @part slow
/** The package as other programs see it: its types under every setting that a project may have, and `require`. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import ts from "typescript";
import { describeUnless } from "./support/describeUnless.ts";
import { packageRoot } from "../src/foundation/packageRoot.ts";

let project = "";
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "remdm-project-"));
  mkdirSync(join(project, "node_modules"));
  symlinkSync(packageRoot, join(project, "node_modules", "remdm"));
});
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

const PROGRAM = `
  import { evaluate, evaluateTask, Judge, Remdm, runExperiment, type SampleResult } from "remdm";
  import { compareTasks, readAnswers, readTask, type TaskItem } from "remdm";
  import { sample, type Denoiser } from "remdm/sampler";
  export async function main(denoiser: Denoiser): Promise<SampleResult> {
    const remdm = await Remdm.launch({ checkpoint: "demo" });
    for await (const event of remdm.sample({})) if (event.type === "finished") break;
    await sample(denoiser, {});
    await remdm[Symbol.asyncDispose]();
    return remdm.sample({}).result();
  }
  export const others = [evaluate, Judge, runExperiment, readAnswers];
  export async function task(remdm: Remdm, items: readonly TaskItem[]): Promise<number> {
    const { answers } = await evaluateTask(remdm, await readTask("task.jsonl"));
    const { scores, ...rest } = await evaluateTask(remdm, items, { repeats: 2 });
    return compareTasks(answers, rest.answers).all.mean - scores.all.mean;
  }
  // @ts-expect-error: that the types are there at all
  void Remdm.launch({ checkpoint: 5 });
`;

/** What the compiler says of a program that uses the package, and of the package's own declarations. */
function complaints(options: ts.CompilerOptions): string[] {
  const path = join(project, "program.mts");
  writeFileSync(path, PROGRAM);
  const program = ts.createProgram([path], {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    types: [],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
    ...options,
  });
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) =>
        `${file?.fileName} ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
}

describe("the declarations compile without skipLibCheck", () => {
  const { ESNext, NodeNext } = ts.ModuleKind;
  const { Bundler, Node10, NodeNext: NodeNextResolution } = ts.ModuleResolutionKind;
  const node = { typeRoots: [join(packageRoot, "node_modules", "@types")], types: ["node"] };

  it.each<[string, ts.CompilerOptions]>([
    [
      "lib es2022 alone, no @types/node",
      { module: NodeNext, moduleResolution: NodeNextResolution },
    ],
    ["a bundler's resolution", { module: ESNext, moduleResolution: Bundler }],
    [
      "the old resolution of Node, which knows no exports",
      { module: ESNext, moduleResolution: Node10 },
    ],
    ["@types/node", { module: NodeNext, moduleResolution: NodeNextResolution, ...node }],
    [
      "the DOM and the newest library",
      {
        ...{ module: NodeNext, moduleResolution: NodeNextResolution },
        lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
      },
    ],
  ])("with %s", (_, options) => {
    expect(complaints(options)).toEqual([]);
  });
});

describe("package.json", () => {
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
    preferUnplugged?: boolean;
  };

  it("asks Yarn's Plug'n'Play to unpack the package: Python cannot read a zip", () => {
    expect(manifest.preferUnplugged).toBe(true);
  });
});

const [major, minor] = process.versions.node.split(".").map(Number);
const requiresModules =
  major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19);

const tooOld = requiresModules ? undefined : `${process.version} requires no ES modules`;

describe("CommonJS", () => {
  const run = (code: string) =>
    execa(process.execPath, ["-e", code], { cwd: project, reject: false });

  it("imports it under every Node", async () => {
    const { stdout } = await run(
      `import("remdm").then(({ Remdm }) => console.log(typeof Remdm.launch))`,
    );
    expect(stdout).toBe("function");
  });

  describeUnless(tooOld, "from Node 20.19 and 22.12 on", () => {
    it("requires it", async () => {
      const { stdout } = await run(
        `console.log(typeof require("remdm").Remdm.launch, typeof require("remdm/sampler").sample)`,
      );
      expect(stdout).toBe("function function");
    });
  });
});
