// @part backend
/** The comparison with published samplers, as a program. */
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { execa } from "execa";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { checkoutOf } from "./support/checkout.ts";

const MINUTES = 60_000;

/** Reveals the likeliest token of every mask in two halves, whatever it is asked to do. */
const OTHER_SAMPLER = `
import torch
from transformers import AutoModel, AutoTokenizer

@torch.no_grad()
def generate(model, prompt, gen_length=0, mask_id=0, **_):
    eos = 126081
    eot = 126348
    x = torch.full((1, prompt.shape[1] + gen_length), mask_id)
    x[:, : prompt.shape[1]] = prompt
    for end in (x.shape[1] // 2, x.shape[1]):
        likeliest = model(x).logits.argmax(-1)
        x[:, :end] = torch.where(x == mask_id, likeliest, x)[:, :end]
    return x
`;

let scratch: string;

beforeAll(async () => {
  const tsc = join(packageRoot, "node_modules", "typescript", "bin", "tsc");
  await execa("node", [tsc, "-p", "examples/parity"], { cwd: packageRoot });
}, 2 * MINUTES);

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "remdm-peers-program-"));
  await mkdir(join(scratch, "tmp"));
});

afterEach(async () => {
  await rm(scratch, { recursive: true });
});

function start(...args: string[]) {
  return execa("node", ["examples/dist/parity/peers.js", ...args], {
    cwd: packageRoot,
    env: { TMPDIR: join(scratch, "tmp"), NO_COLOR: "1" },
    reject: false,
    timeout: 5 * MINUTES,
  });
}

it("finds no difference in what is recorded, and prints the table of docs/fidelity.md", async () => {
  const { exitCode, stdout, stderr } = await start("--recorded");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/(\d+) of \1 compared cases agree; 0 mismatches in [\d,]+ tokens/);
  const page = await readFile(join(packageRoot, "docs", "fidelity.md"), "utf8");
  expect(page).toContain(`\`\`\`\n${stdout}\n\`\`\`\n`);
  expect(exitCode).toBe(0);
});

it("says where a checkout parts from ours, with exit code 1, and leaves nothing behind", async () => {
  const checkout = await checkoutOf(scratch, OTHER_SAMPLER);
  const { exitCode, stdout } = await start("--checkout", checkout);
  expect(stdout).toMatch(/^llada +[0-9a-f]{8} +confidence +22 +[\d,]+ +[1-9][\d,]* /m);
  expect(stdout).toMatch(
    /^ {2}case \d+, generate \{.*\}: state 1, position \d+: theirs \d+, ours/m,
  );
  expect(stdout).toMatch(/^llada +6 +a quirk that is not copied$/m);
  expect(stdout).toMatch(/0 of 37 compared cases agree; .* 6 not comparable$/);
  expect(exitCode).toBe(1);
  expect(await readdir(join(scratch, "tmp"))).toEqual([]);
  expect((await readdir(join(scratch, "llada"))).sort()).toEqual([".git", "generate.py"]);
});

it("says why a sampler cannot be run, with exit code 1", async () => {
  const checkout = await checkoutOf(scratch, "raise RuntimeError('no such thing')");
  const { exitCode, stdout, stderr } = await start("--checkout", checkout);
  expect(stderr).toBe("error: llada cannot be run: RuntimeError: no such thing");
  expect(stdout).toContain("0 of 0 compared cases agree");
  expect(exitCode).toBe(1);
});

it("refuses a folder that is no checkout, with exit code 2", async () => {
  const { exitCode, stderr } = await start("--checkout", `llada=${scratch}`);
  expect(stderr).toContain("is not a git checkout");
  expect(stderr).toContain("examples/parity/peers/README.md");
  expect(exitCode).toBe(2);
});

it("ends at once on Ctrl-C, and leaves nothing behind", async () => {
  const asleep = join(scratch, "asleep");
  const checkout = await checkoutOf(
    scratch,
    `import time\nopen(${JSON.stringify(asleep)}, "w").close()\ntime.sleep(600)`,
  );
  const program = start("--checkout", checkout);
  while (!(await readdir(scratch)).includes("asleep")) await delay(50);
  program.kill("SIGINT");
  expect((await program).exitCode).toBe(130);
  expect(await readdir(join(scratch, "tmp"))).toEqual([]);
  const { stdout } = await execa("ps", ["-ewwo", "args"]);
  expect(stdout).not.toContain(scratch);
});
