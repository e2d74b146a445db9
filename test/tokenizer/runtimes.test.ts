/** The tokenizers are a native addon: the same tokens under each runtime, and in threads that come and go. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { BuiltPackage } from "../backend/support/builtPackage.ts";

let built: BuiltPackage;
beforeAll(() => {
  built = new BuiltPackage();
});
afterAll(() => {
  built.remove();
});

const SAY = `
  const say = async (source) => {
    const tokenizer = await remdm.loadTokenizer(source);
    const ids = await tokenizer.encode("Hello \\ufeffworld");
    return JSON.stringify([ids.length, tokenizer.decode([...ids, 99999]), ids.slice(0, 2)]);
  };
`;
const SAID = '[5,"Hello \ufeffworld▒",[15496,27332]]';

describe.each<[string, string[]]>([
  ["Node", [process.execPath]],
  [
    "Deno",
    [
      join(packageRoot, "node_modules/.bin/deno"),
      "run",
      "--no-check",
      // As the example says.
      ...["ffi", "read", "write", "env", "run"].map((name) => `--allow-${name}`),
    ],
  ],
])("under %s", (_, runtime) => {
  it("encodes and decodes", async () => {
    const { stdout, stderr, exitCode } = await built.run(
      `${SAY}console.log(await say("gpt2")); await say("demo");`,
      runtime,
    );
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: SAID, stderr: "", exitCode: 0 });
  });
});

it("encodes in worker threads, also in ones that end while they are at it", async () => {
  const { stdout, stderr, exitCode } = await built.run(`
    import { Worker, isMainThread, parentPort } from "node:worker_threads";
    ${SAY}
    if (isMainThread) {
      for (const way of ["finish", "leave", "finish", "leave"]) {
        const worker = new Worker(new URL(import.meta.url), { argv: [way] });
        worker.on("message", (text) => console.log(text));
        const [code] = await new Promise((end) => worker.on("exit", (...args) => end(args)));
        console.log(way, code);
      }
      console.log(await say("gpt2"));
    } else if (process.argv[2] === "finish") {
      parentPort.postMessage(await say("gpt2"));
    } else {
      const tokenizer = await remdm.loadTokenizer("demo");
      for (let i = 0; i < 8; i++) tokenizer.encode("To be, or not to be ".repeat(5000));
      process.exit(0);
    }
  `);
  const finished = [SAID, "finish 0"];
  const lines = [...finished, "leave 0", ...finished, "leave 0", SAID];
  expect(stdout.split("\n")).toEqual(lines);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
});
