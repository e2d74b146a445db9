import { describe, expect, it, jest } from "@jest/globals";

const at = { sample: 1, step: 2, position: 3 };
const row = Float32Array.from({ length: 100 }, (_, id) => Math.sin(id));
const { WebAssembly } = globalThis as unknown as { WebAssembly: Record<string, unknown> };

function hostWith(other: object): object {
  const { validate, Module, Instance } = WebAssembly;
  return { validate, Module, Instance, ...other };
}

const failing = (error: Error) =>
  hostWith({
    Instance: jest.fn(() => {
      throw error;
    }),
  });

const hosts: [string, unknown][] = [
  ["without WebAssembly", undefined],
  ["without SIMD", hostWith({ validate: () => false })],
  ["without address space for one more memory", failing(new RangeError("Out of memory"))],
  [
    "without memory for so many columns",
    hostWith({ Instance: jest.fn(() => ({ exports: { open: () => 0 } })) }),
  ],
];

/** A draw in a host of its own. */
async function on(webAssembly: unknown) {
  jest.resetModules();
  jest.unstable_mockModule("../../../src/sampler/draw/kernel/webAssembly.ts", () => ({
    webAssembly,
  }));
  const { RowSampler } = await import("../../../src/sampler/draw/rowSampler.ts");
  const { PhiloxNoise } = await import("../../../src/sampler/draw/noise.ts");
  const sampler = new RowSampler({ vocabSize: 100, maskId: 99 }, { topP: 0.9 });
  return {
    implementation: sampler.implementation,
    draw: sampler.draw(row, at, new PhiloxNoise(1n)),
  };
}

describe("a host", () => {
  it("with all of it uses the kernel, this one as well", async () => {
    expect((await on(WebAssembly)).implementation).toBe("kernel");
  });

  it.each(hosts)("%s draws the same in plain TypeScript", async (_, webAssembly) => {
    const plain = await on(webAssembly);
    const kernel = await on(WebAssembly);
    expect([plain.implementation, kernel.implementation]).toEqual(["plain", "kernel"]);
    expect(plain.draw).toEqual(kernel.draw);
  });

  it("that fails in another way says so", async () => {
    await expect(on(failing(new TypeError("no such import")))).rejects.toThrow(/no such import/);
  });
});
