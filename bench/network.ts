/**
 * What a step costs beside the network, at the published size (12 blocks of 768, L = 1,024, V = 50,258, random weights):
 * the bare network in its own process, the same through the wire, steps of a whole run, AR with and without its KV cache.
 *
 *     npm run bench network -- --rounds 9 --dtype bfloat16
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { findPython, Remdm, type ForwardRequest, type Tokenizer } from "remdm";

/** From `.remdm/bench/bench/`, where this is compiled to. */
const root = fileURLToPath(new URL("../../..", import.meta.url));
const LENGTH = 1024;
const STEPS = 16;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    dtype: { type: "string", default: "float32" },
  },
});
const rounds = Number(values.rounds);
const dtype = values.dtype === "bfloat16" ? "bfloat16" : "float32";
const python = findPython().path;
const directory = mkdtempSync(join(tmpdir(), "remdm-bench-"));
const removeModels = () => {
  rmSync(directory, { recursive: true, force: true });
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    removeModels(); // the backend ends with us
    process.exit(1);
  });
}

/** Texts do not matter here. */
const tokenizer: Tokenizer = {
  name: "none",
  vocabSize: 50_257,
  eosId: 50_256,
  encode: () => [],
  decode: () => "",
};

try {
  const rows: [string, number, string][] = [];
  const masked = await makeModel("dit");
  const bare = await bareNetwork(masked);
  rows.push(["matrix products alone", bare.products, ""]);
  rows.push(["network alone, 8 rows", bare.network, ratio(bare.network, bare.products)]);
  {
    await using remdm = await Remdm.launch({ checkpoint: masked, tokenizer, device: "cpu", dtype });
    const wire = await median(() => remdm.denoiser.forward(question(LENGTH, 8)));
    rows.push(["the same through the wire", wire, ratio(wire, bare.network)]);
    const run = await remdm.sample({ strategy: { kind: "mdlm" }, steps: STEPS, topP: 0.9 }).result;
    const step = run.stats.seconds / run.stats.forwardCalls;
    rows.push([`a step of a run, ${LENGTH / STEPS} rows`, step, ratio(step, bare.network)]);
  }
  const causal = await makeModel("ar");
  {
    await using remdm = await Remdm.launch({ checkpoint: causal, tokenizer, device: "cpu", dtype });
    const { denoiser } = remdm;
    const whole = await median(() => denoiser.forward(question(LENGTH, 1)));
    rows.push(["ar: a token, prefix computed anew", whole, ""]);
    await denoiser.forward({ ...question(LENGTH - rounds - 1, 1), cache: 1 });
    let length = LENGTH - rounds - 1;
    const cached = await median(() => denoiser.forward({ ...question(length++, 1), cache: 1 }));
    rows.push(["ar: a token, with the KV cache", cached, ratio(cached, whole)]);
  }
  process.stdout.write(`${dtype}, ${rounds} rounds, medians; L = ${LENGTH}\n`);
  for (const [what, seconds, of] of rows) {
    const ms = (seconds * 1000).toFixed(1).padStart(9);
    process.stdout.write(`${what.padEnd(36)} ${ms} ms  ${of}\n`);
  }
} finally {
  removeModels();
}

async function makeModel(kind: "dit" | "ar"): Promise<string> {
  const path = join(directory, kind);
  await runPython("models.py", path, kind);
  return path;
}

async function bareNetwork(model: string): Promise<{ network: number; products: number }> {
  return JSON.parse(await runPython("trunk.py", model, String(rounds), dtype)) as {
    network: number;
    products: number;
  };
}

async function runPython(script: string, ...args: string[]): Promise<string> {
  const { stdout } = await execa(python, [join(root, "bench", script), ...args], {
    env: { PYTHONPATH: join(root, "py_backend"), GOMP_SPINCOUNT: "1000" },
  });
  return stdout;
}

/** The last `rows` positions; the same tokens for every length, so that a longer one continues a shorter one. */
function question(length: number, rows: number): ForwardRequest {
  return {
    batch: 1,
    length,
    tokens: Int32Array.from({ length }, (_, i) => (i * 7919) % 50_000),
    sigma: new Float32Array(1),
    rows: Int32Array.from({ length: rows }, (_, i) => length - rows + i),
  };
}

async function median(call: () => Promise<unknown>): Promise<number> {
  await call();
  const seconds: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const begin = performance.now();
    await call();
    seconds.push((performance.now() - begin) / 1000);
  }
  seconds.sort((a, b) => a - b);
  return seconds[rounds >> 1];
}

function ratio(seconds: number, of: number): string {
  return `${(seconds / of).toFixed(3)} of the line it is compared with`;
}
