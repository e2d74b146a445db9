/** The command line of the harness. */
import { parseArgs } from "node:util";
import { SAMPLER_NAMES } from "./cases.ts";
import { UsageError } from "./usage.ts";

export interface Options {
  /** Paths; empty: the golden checkpoints. */
  readonly checkpoints: readonly string[];
  readonly steps: readonly number[];
  readonly seed: number;
  readonly batch: number;
  /** Kinds of strategy; empty: all. */
  readonly only: readonly string[];
  readonly device: "cpu" | "cuda" | `cuda:${number}`;
  readonly help: boolean;
}

export const HELP = `Runs the original ReMDM repository and remdm side by side, on one checkpoint and seed, and compares every token.

usage: REMDM_REFERENCE=path/to/remdm node examples/dist/parity/parity.js [options]

  --checkpoint FILE  a .ckpt of the original (repeatable); default: the golden ones, in test/golden
  --steps N,N        step counts (8,40)
  --seed N           of the generator, set right before each run (1)
  --batch N          samples a run (2)
  --only NAME,NAME   ${SAMPLER_NAMES.join(", ")}
  --device NAME      cpu, cuda or cuda:N (cpu)
  --help

environment:
  REMDM_REFERENCE         your checkout of the original repository
  REMDM_REFERENCE_PYTHON  the Python of its environment; default: the one that remdm uses
`;

/** @throws UsageError. */
export function parseOptions(args: readonly string[]): Options {
  const { checkpoint, steps, seed, batch, only, device, help } = parsed(args);
  return {
    checkpoints: checkpoint,
    steps: list(steps).map((text) => wholeNumber("--steps", text, 1)),
    seed: wholeNumber("--seed", seed, 0),
    batch: wholeNumber("--batch", batch, 1),
    only: list(only).map(samplerName),
    device: deviceName(device),
    help,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        checkpoint: { type: "string", multiple: true, default: [] },
        steps: { type: "string", default: "8,40" },
        seed: { type: "string", default: "1" },
        batch: { type: "string", default: "2" },
        only: { type: "string", default: "" },
        device: { type: "string", default: "cpu" },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw misused(error instanceof Error ? error.message : String(error));
  }
}

function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function wholeNumber(flag: string, text: string, least: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number >= least) return number;
  throw misused(`${flag} takes a whole number >= ${least}, not ${JSON.stringify(text)}`);
}

function samplerName(name: string): string {
  if (SAMPLER_NAMES.includes(name)) return name;
  throw misused(`--only takes ${SAMPLER_NAMES.join(", ")}, not ${JSON.stringify(name)}`);
}

function deviceName(name: string): Options["device"] {
  if (isDevice(name)) return name;
  throw misused(`--device takes cpu, cuda or cuda:N, not ${JSON.stringify(name)}`);
}

function isDevice(name: string): name is Options["device"] {
  return /^(cpu|cuda|cuda:\d{1,3})$/.test(name);
}

function misused(message: string): UsageError {
  return new UsageError(message, "--help shows the options.");
}
