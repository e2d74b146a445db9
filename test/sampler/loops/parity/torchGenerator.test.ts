/** PyTorch's CPU generator, against draws that were recorded from it. */
import { describe, expect, it } from "@jest/globals";
import { TorchGenerator } from "../../../../src/sampler/loops/parity/torchGenerator.ts";
import { readGolden } from "../../../support/golden.ts";
import type { StepCases } from "../../support/stepCases.ts";

describe("the recorded draws", () => {
  const { uniforms } = readGolden("steps") as StepCases;
  const seed = BigInt(uniforms.seed);
  const draw = (count: number, next: (generator: TorchGenerator) => number, from = seed) => {
    const generator = new TorchGenerator(from);
    return Array.from({ length: count }, () => next(generator));
  };

  it("are equal: doubles, the first and the last of 2,000", () => {
    expect(draw(64, (g) => g.float64())).toEqual(uniforms.float64);
    const many = draw(2000, (g) => g.float64(), 12345n);
    expect(many.slice(-4)).toEqual(uniforms.seed12345_last4_of_2000);
  });

  it("are equal: float32 uniforms", () => {
    expect(draw(64, (g) => g.float32())).toEqual(uniforms.float32);
  });

  it("are equal to one unit in the last place of a logarithm: float32 Gumbel variables", () => {
    const ours = draw(64, (g) => g.gumbel32());
    // PyTorch takes both logarithms from Intel MKL, whose last bit depends on the CPU; ours are rounded correctly.
    const equal = ours.filter((value, i) => value === uniforms.gumbel32[i]).length;
    expect(equal).toBeGreaterThanOrEqual(48);
    ours.forEach((value, i) => {
      const unit = 2 ** (Math.floor(Math.log2(Math.max(1, Math.abs(value)))) - 23);
      expect(Math.abs(value - uniforms.gumbel32[i])).toBeLessThanOrEqual(unit);
    });
  });
});

describe("a generator", () => {
  it("uses the lowest 32 bits of its seed, as torch.manual_seed does", () => {
    const draws = (seed: bigint) => new TorchGenerator(seed).float64();
    expect(draws(2n ** 32n + 7n)).toBe(draws(7n));
    expect(draws(8n)).not.toBe(draws(7n));
  });

  it("can be cloned in mid-stream, and skips as many draws as it is told", () => {
    const generator = new TorchGenerator(3n);
    generator.skip32(1000);
    const clone = generator.clone();
    const other = new TorchGenerator(3n);
    for (let i = 0; i < 1000; i++) other.float32();
    const next = Array.from({ length: 700 }, () => generator.float32());
    expect(Array.from({ length: 700 }, () => clone.float32())).toEqual(next);
    expect(Array.from({ length: 700 }, () => other.float32())).toEqual(next);
  });
});
