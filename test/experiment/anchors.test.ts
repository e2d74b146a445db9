/** `x-` keys: a place for YAML's anchors and for notes, wherever a mapping stands. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readExperiment } from "../../src/experiment/file/read.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-anchors-"));
  writeFileSync(join(scratch, "text.txt"), "text");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function read(text: string) {
  const path = join(scratch, "grid.yaml");
  writeFileSync(path, text);
  return readExperiment(path);
}

const GRID = `
name: two models
x-grid: &grid { steps: [16, 64], seeds: [1, 2] }
x-loop: &loop { name: remdm-loop, eta: 0.02, x-why: from the paper }
x-notes: [anything, { at: all }]
mauve: { seeds: [3], x-note: a single seed }
models:
  - { <<: *grid, checkpoint: demo, strategies: [mdlm, { <<: *loop, label: strong, eta: 0.1 }] }
  - { <<: [*grid], checkpoint: demo, name: second, x-todo: more, steps: 64, strategies: [*loop] }
`;

describe("an experiment with anchors and merge keys", () => {
  it("is what it would be if everything stood in its place", () => {
    const plain = `
name: two models
references: text.txt
mauve: { seeds: [3] }
models:
  - checkpoint: demo
    steps: [16, 64]
    seeds: [1, 2]
    strategies: [mdlm, { name: remdm-loop, label: strong, eta: 0.1 }]
  - { checkpoint: demo, name: second, steps: 64, seeds: [1, 2], strategies: [{ name: remdm-loop, eta: 0.02 }] }
`;
    const anchored = { ...read(`${GRID}references: text.txt\n`), source: undefined };
    expect(anchored).toEqual({ ...read(plain), source: undefined });
    expect(anchored.cells.map(({ id }) => id)).toEqual([
      "demo_mdlm_T16_p0.9_seed1",
      "demo_mdlm_T16_p0.9_seed2",
      "demo_mdlm_T64_p0.9_seed1",
      "demo_mdlm_T64_p0.9_seed2",
      ...[16, 16, 64, 64].map((steps, i) =>
        expect.stringMatching(
          RegExp(`^demo_strong-eta0\\.1\\S*_T${steps}_p0\\.9_seed${(i % 2) + 1}$`),
        ),
      ),
      ...[1, 2].map((seed) =>
        expect.stringMatching(RegExp(`^second_\\S+_T64_p0\\.9_seed${seed}$`)),
      ),
    ]);
  });

  it("keeps x- keys out of MAUVE's settings where they count", () => {
    const { mauve } = read(`${GRID}references: text.txt\n`);
    expect(mauve).toEqual({ seeds: [3], scale: 5 });
  });

  it("still names a key that is misspelt, and says where notes go", () => {
    expect(() => read(`${GRID}note: x\n`)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/grid\.yaml:10: note is not a known key$/),
        remedy: expect.stringContaining("let a key that is only a note or an anchor begin with x-"),
      }),
    );
    expect(() => read(GRID.replace("seeds: [1, 2] }", "sseeds: [1, 2] }"))).toThrow(/sseeds/);
  });
});

describe("a path in an experiment", () => {
  it("may begin with ~/, which YAML leaves as it is", () => {
    const text =
      "name: x\nsteps: 2\nmodels: [{ checkpoint: ~/not/there.ckpt, strategies: [mdlm] }]\n";
    expect(() => read(text)).toThrow(`nothing at ${join(homedir(), "not/there.ckpt")}`);
  });
});
