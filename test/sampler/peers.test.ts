/**
 * Recorded runs of published samplers (`test/golden/peers`), sampled with our strategies on the same
 * network and with the same noise: the same tokens before every call, and the same number of calls.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { compareRun, numbersApart } from "../../examples/parity/peers/comparison.ts";
import { inOurWords, PEER_NAMES } from "../../examples/parity/peers/inOurWords.ts";
import type { OurRun } from "../../examples/parity/peers/ourRun.ts";
import type { PeerCase } from "../../examples/parity/peers/recordings.ts";
import { peerCases } from "./support/peers.ts";

/** How many recorded runs are compared, and why the others are not. `docs/fidelity.md` says the same. */
const COMPARED = {
  llada: 37,
  "fast-dllm": 40,
  "remdm-llada": 23,
  dream: 14,
  mdpo: 18,
  p2: 28,
  "entropy-bounded": 24,
  editing: 23,
  "hf-diffusers": 6,
  "first-hitting": 7,
  psi: 12,
};
const LEFT_OUT = {
  "steps beside a threshold": 30,
  "an order that is not built": 26,
  "the confidence of a cut or tempered row": 26,
  "a quirk that is not copied": 16,
  "the last step of a third": 9,
  "no mask token": 6,
  "a last step that draws": 4,
  "masks are left": 2,
  "blocks without what follows": 1,
  "steps in which time stands still": 1,
};

describe.each(PEER_NAMES)("%s", (peer) => {
  const runs = peerCases(peer).flatMap((run, i): [string, PeerCase, OurRun][] => {
    const ours = inOurWords(peer, run);
    if (typeof ours === "string") return [];
    return [[`${i}: ${run.function} ${JSON.stringify(run.options)}`, run, ours]];
  });
  if (runs.length === 0) return;

  it.each(runs)("%s", async (_, run, ours) => {
    const compared = await compareRun(run, ours);
    expect(compared.ours).toEqual(compared.theirs);
    expect(compared.calls).toEqual({ theirs: run.calls, ours: compared.theirs.length - 1 });
    expect(numbersApart(compared)).toBeLessThan(1e-6);
  });
});

it("every recorded run is compared or has a reason why not", () => {
  const compared: Record<string, number> = {};
  const leftOut: Record<string, number> = {};
  for (const peer of PEER_NAMES) {
    for (const run of peerCases(peer)) {
      const ours = inOurWords(peer, run);
      const [into, name] = typeof ours === "string" ? [leftOut, ours] : [compared, peer];
      into[name] = (into[name] ?? 0) + 1;
    }
  }
  expect(compared).toEqual(COMPARED);
  expect(leftOut).toEqual(LEFT_OUT);
});

it("docs/fidelity.md says how many are compared, and how many are not for each reason", () => {
  const page = readFileSync(join(packageRoot, "docs", "fidelity.md"), "utf8");
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  const reasons = Object.entries(LEFT_OUT);
  const compared = sum(Object.values(COMPARED));
  const others = sum(Object.values(LEFT_OUT));
  expect(page).toContain(`${compared} of ${compared} compared cases agree`);
  expect(page).toContain(`${others} not comparable`);
  const lines = Array.from(page.matchAll(/^\| (\d+) \| ([^|]+) \| /gm), ([, runs, reason]) => [
    reason,
    Number(runs),
  ]);
  expect(lines).toEqual(reasons);
});
