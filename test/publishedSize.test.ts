// @part slow
/**
 * A checkpoint of the published `mdlm.ckpt`'s size and format (169M parameters, GPT-2's vocabulary and the mask,
 * L = 1,024; random weights, since the real one cannot be had here) goes the way that the real one goes.
 */
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { Remdm, findPython } from "../src/index.ts";
import { packageRoot } from "../src/foundation/packageRoot.ts";

const GIGABYTE = 1e9;

/** The most memory that a process has held, in bytes; undefined where there is no /proc. */
async function peakMemory(pid: number): Promise<number | undefined> {
  if (process.platform !== "linux") return undefined;
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return Number(kilobytes) * 1024;
}

describe("a checkpoint of published size and format", () => {
  it("loads and samples a few steps with the GPT-2 tokenizer, in bounded memory", async () => {
    const directory = await mkdtemp(join(tmpdir(), "remdm-published-"));
    try {
      const checkpoint = join(directory, "mdlm.ckpt");
      const maker = join(packageRoot, "py_backend", "tests", "make_checkpoint.py");
      await execa(findPython().path, [maker, checkpoint]);

      const started = performance.now();
      await using remdm = await Remdm.launch({ checkpoint });
      const loaded = (performance.now() - started) / 1000;
      expect(remdm.model).toMatchObject({ kind: "mdlm", vocabSize: 50_258, length: 1024 });
      expect(remdm.model.weights).toBe("ema");
      expect(remdm.tokenizer.name).toBe("gpt2");

      const { texts, tokens, stats } = await remdm
        .sample({
          strategy: { kind: "remdm-cap", eta: 0.04 },
          steps: 4,
          topP: 0.9,
          seed: 1,
        })
        .result();
      expect(tokens[0]).toHaveLength(1024);
      expect(Math.max(...tokens[0])).toBeLessThan(50_257);
      expect(texts[0].length).toBeGreaterThan(1024);
      // Every position is asked for once, and again only after a remask: nothing like steps * L rows.
      expect(stats.forwardRows).toBeGreaterThanOrEqual(1024);
      expect(stats.forwardRows).toBeLessThan(1.2 * 1024);

      const peak = await peakMemory(remdm.runtime.pid);
      const { size } = await stat(checkpoint);
      process.stderr.write(
        `published size: file ${(size / GIGABYTE).toFixed(2)} GB, ready in ${loaded.toFixed(1)} s, ` +
          `${stats.forwardCalls} forward calls in ${stats.seconds.toFixed(1)} s, ` +
          `backend's peak memory ${peak === undefined ? "unknown" : (peak / GIGABYTE).toFixed(2) + " GB"}\n`,
      );
      // One set of weights (0.68 GB), PyTorch itself, and what a forward needs.
      if (peak !== undefined) expect(peak).toBeLessThan(2.5 * GIGABYTE);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 300_000);
});
