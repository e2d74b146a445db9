// @part backend
/** The recorder of published samplers, on a sampler that is written here. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { findPython } from "../../src/backend/process/python.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { HashNetwork } from "../../examples/parity/peers/hashNetwork.ts";
import { checkoutOf } from "./support/checkout.ts";
import type { PeerCase } from "../../examples/parity/peers/recordings.ts";

const directory = join(packageRoot, "examples", "parity", "peers");

/** Reveals one token, of a drawn order; then notes the end tokens that it was told of. */
const SAMPLER = `
import torch
from transformers import AutoModel, AutoTokenizer

@torch.no_grad()
def generate(model, prompt, gen_length=0, mask_id=0, **_):
    x = torch.full((1, prompt.shape[1] + gen_length), mask_id)
    x[:, : prompt.shape[1]] = prompt
    logits = model(x).logits
    order = torch.rand(x.shape)
    order[x != mask_id] = -torch.inf
    at = torch.topk(order[0], 1).indices
    x[0, at] = logits[0, at].argmax(-1)
    model(x)
    x[0, -2:] = torch.tensor([126081, 126348])
    return x
`;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "remdm-peers-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** @returns what the recorder answers to a checkout whose sampler is this. */
async function recorded(sampler: string) {
  return record(await checkoutOf(folder, sampler));
}

async function record(checkout: string) {
  const args = [join(directory, "peers.py"), "--checkout", checkout, "--record", folder];
  return execa(findPython().path, args, { reject: false });
}

describe("the recorder", () => {
  it("keeps what the network is asked, what is drawn, and the result", async () => {
    const { stdout, stderr } = await recorded(SAMPLER);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^llada: \d+ cases, [\d,]+ bytes$/);
    const file = await readFile(join(folder, "llada.json"), "utf8");
    const { revision, cases } = JSON.parse(file) as { revision: string; cases: PeerCase[] };
    expect(revision).toMatch(/^[0-9a-f]{40}$/);
    for (const { calls, states, length, prompt, maskId, result, ...run } of cases) {
      expect(calls).toBe(2);
      expect(states).toHaveLength(2);
      expect(states[0].filter((token) => token === maskId)).toHaveLength(
        length - prompt.length - 1,
      );
      expect(states[1]).toEqual(result);
      expect(result.slice(-2)).toEqual([2, 5]); // in the place of LLaDA's end tokens
      const draw = { of: "rand", dtype: "float32", shape: [1, length] };
      expect(run.draws).toEqual([[draw], []]);
    }
  });

  it("refuses a case that equal values decide", async () => {
    const ties = SAMPLER.replace("torch.rand(x.shape)", "torch.ones(x.shape)");
    const { exitCode, stderr } = await recorded(ties);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("ValueError: equal values decide what is chosen");
  });

  it("refuses a sampler that has not the constants to replace", async () => {
    const { exitCode, stderr } = await recorded(SAMPLER.replace("126348", "7"));
    expect(exitCode).toBe(1);
    expect(stderr).toContain("ValueError: generate has no constants [126348]");
  });

  it.each([
    ["is no folder", "llada", "nowhere", "is not a folder"],
    ["is no git checkout", "llada", ".", "is not a git checkout"],
    ["has an unknown name", "nobody", ".", "'nobody' is none of"],
    ["lacks the package", "hf_diffusers", ".", "does not hold the package diffusers"],
  ])("refuses a checkout that %s", async (_, name, path, message) => {
    const { exitCode, stderr } = await record(`${name}=${join(folder, path)}`);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});

it("the hash network is the same in Python", async () => {
  const [batch, length, vocabSize, maskId] = [3, 9, 20, 7];
  const tokens = Int32Array.from({ length: batch * length }, (_, i) => (i * i + 5) % vocabSize);
  const program = [
    "import json, sys, torch",
    "from hash_network import HashNetwork",
    "tokens = torch.tensor(json.loads(sys.argv[1]))",
    `print(json.dumps(HashNetwork(${vocabSize}, ${maskId}, 2.0)(tokens).logits.flatten().tolist()))`,
  ].join("\n");
  const nested = Array.from({ length: batch }, (_, b) => [
    ...tokens.subarray(b * length, (b + 1) * length),
  ]);
  const args = ["-c", program, JSON.stringify(nested)];
  const { stdout } = await execa(findPython().path, args, { cwd: directory });
  const network = new HashNetwork({ vocabSize, maskId, length, sharpness: 2 });
  const rows = Int32Array.from({ length: batch * length }, (_, row) => row);
  const request = { batch, length, tokens, sigma: new Float32Array(batch), rows };
  expect([...(await network.forward(request))]).toEqual(JSON.parse(stdout));
});
