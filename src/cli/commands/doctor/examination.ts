/**
 * Examines the installation for `remdm doctor`: it looks for Python, asks it, and tries the
 * backend.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPython, Remdm, RemdmError, type Python } from "../../../index.ts";
import { isRecord } from "../../../foundation/checks.ts";
import { jsonOrNothing } from "../../../foundation/json.ts";
import { BACKEND_MODULE, backendEnvironment } from "../../../backend/process/environment.ts";
import { packageVersion } from "../../../foundation/packageRoot.ts";
import { gathered, type Problem } from "./problems.ts";

/** What the Python side says of itself: `python -m remdm_backend doctor --json`. */
export interface PythonReport {
  readonly version: string;
  /** Version of each package, null when it cannot be imported. */
  readonly packages: Readonly<Record<string, string | null>>;
  /** Version of each optional package, null when it is not there. */
  readonly extras: Readonly<Record<string, string | null>>;
  /** Name of the GPU, null without one. */
  readonly gpu: string | null;
  readonly flashAttention: boolean;
  /** Kernel for each dtype, null without PyTorch. */
  readonly attention: Readonly<Record<string, string>> | null;
  readonly problems: readonly Problem[];
}

/** A backend that was started, asked and stopped. */
export interface Trial {
  readonly checkpoint: string;
  readonly device: string;
  readonly attention: string;
  readonly loadSeconds: number;
  readonly pingMs: number;
  readonly forwardMs: number;
}

export interface Examination {
  readonly ok: boolean;
  readonly remdm: string;
  readonly node: string;
  readonly platform: string;
  /** null: none was found. */
  readonly python: Python | null;
  readonly backend: PythonReport | null;
  readonly trial: Trial | null;
  readonly problems: readonly Problem[];
}

/** A first import of PyTorch from a cold disk takes its time. */
const EXAMINE_MS = 120_000;

/** @throws AbortedError, or what an interrupted child ends with. */
export async function examine(checkpoint: string, signal: AbortSignal): Promise<Examination> {
  const problems: Problem[] = [];
  const attempt = <T>(look: () => T | Promise<T>): Promise<T | null> =>
    findingOf(problems, signal, look);
  const isFine = (): boolean => !problems.some(({ fatal }) => fatal);
  const python = await attempt(() => findPython());
  const backend = python && (await attempt(() => askPython(python.path, signal)));
  if (python && backend) problems.push(...gathered(backend.problems, python));
  const trial = isFine() ? await attempt(() => tryOut(checkpoint, signal)) : null;
  return {
    ok: isFine(),
    remdm: packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    python,
    backend,
    trial,
    problems,
  };
}

/** Looks at something; a failure is a finding, and null is returned. */
async function findingOf<T>(
  problems: Problem[],
  signal: AbortSignal,
  look: () => T | Promise<T>,
): Promise<T | null> {
  try {
    return await look();
  } catch (error) {
    if (signal.aborted || !RemdmError.isInstance(error)) throw error;
    problems.push({ message: error.message, remedy: error.remedy, fatal: true });
    return null;
  }
}

async function askPython(python: string, signal: AbortSignal): Promise<PythonReport> {
  const { stdout, stderr } = await execute(python, signal);
  signal.throwIfAborted();
  const report = parseReport(stdout);
  if (report !== undefined) return report;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  throw new RemdmError(`${python} cannot examine the backend: ${said || "it said nothing"}`, {
    code: "backend_start_failed",
    remedy: "Run `npx remdm setup`: it mends that environment, or says why it cannot.",
  });
}

async function execute(
  python: string,
  signal: AbortSignal,
): Promise<{ stdout: string; stderr: string }> {
  const options = { env: backendEnvironment(), timeout: EXAMINE_MS, signal };
  try {
    return await promisify(execFile)(python, [...BACKEND_MODULE, "doctor", "--json"], options);
  } catch (error) {
    // Exit code 1 says that something is missing: the report tells what.
    if (error instanceof Error && "stdout" in error && "stderr" in error) {
      return { stdout: String(error.stdout), stderr: String(error.stderr) || error.message };
    }
    throw error;
  }
}

/** Reads what the Python side printed. @returns undefined when it is no report. */
export function parseReport(text: string): PythonReport | undefined {
  const start = text.indexOf("{");
  if (start < 0) return undefined;
  const json = jsonOrNothing(text.slice(start));
  if (!isRecord(json) || !isRecord(json.packages) || !isRecord(json.cuda)) return undefined;
  const { device } = json.cuda;
  return {
    version: String(json.version),
    packages: mapValues(json.packages, versionOf),
    extras: isRecord(json.extras) ? mapValues(json.extras, versionOf) : {},
    gpu: typeof device === "string" ? device : json.mps === true ? "Apple GPU (mps)" : null,
    flashAttention: json.flashAttention === true,
    attention: isRecord(json.attention) ? mapValues(json.attention, String) : null,
    problems: Array.isArray(json.problems) ? json.problems.filter(isRecord).map(problemOf) : [],
  };
}

function problemOf(record: Readonly<Record<string, unknown>>): Problem {
  const { message, remedy, fatal } = record;
  return { message: String(message), remedy: String(remedy), fatal: fatal !== false };
}

function versionOf(found: unknown): string | null {
  return typeof found === "string" ? found : null;
}

function mapValues<T>(
  record: Readonly<Record<string, unknown>>,
  read: (value: unknown) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, read(value)]));
}

async function tryOut(checkpoint: string, signal: AbortSignal): Promise<Trial> {
  const launched = performance.now();
  await using remdm = await Remdm.launch({ checkpoint, signal });
  const loaded = performance.now();
  await remdm.ping();
  const pinged = performance.now();
  // One step of what the model's kind does by default; an autoregressive one takes a step a token.
  const steps = remdm.model.kind === "ar" ? {} : { steps: 1 };
  await remdm.sample({ ...steps, length: 2, signal }).result();
  const done = performance.now();
  return {
    checkpoint,
    device: remdm.runtime.device,
    attention: remdm.runtime.attention,
    loadSeconds: round((loaded - launched) / 1000),
    pingMs: round(pinged - loaded),
    forwardMs: round(done - pinged),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Writes the findings for people. */
export function describe(examination: Examination): string {
  const { remdm, node, platform, python, backend, trial, problems, ok } = examination;
  const lines = [
    `remdm       ${remdm}, Node ${node} on ${platform}`,
    `python      ${python === null ? "none found" : `${python.path} (${python.source})`}`,
  ];
  if (backend !== null) {
    const packages = Object.entries(backend.packages);
    const extras = Object.entries(backend.extras);
    const kernels = Object.entries(backend.attention ?? {});
    lines.push(
      `packages    ${packages.map(([name, found]) => `${name} ${found ?? "missing"}`).join(", ")}`,
      `optional    ${extras.map(([name, found]) => `${name} ${found ?? "not installed"}`).join(", ")}`,
      `device      ${backend.gpu ?? "CPU (no GPU)"}`,
      `attention   ${kernels.map(([dtype, kernel]) => `${kernel} for ${dtype}`).join(", ") || "unknown"}`,
      `flash-attn  ${backend.flashAttention ? "importable" : "not installed (optional, for CUDA)"}`,
    );
  }
  lines.push(`backend     ${trial === null ? "was not reached" : describeTrial(trial)}`);
  for (const { message, remedy, fatal } of problems) {
    lines.push("", `${fatal ? "problem" : "note"}: ${message}`, `  ${remedy}`);
  }
  lines.push("", ok ? "Everything that sampling needs is there." : "Not ready to sample.");
  return lines.join("\n");
}

function describeTrial({ checkpoint, device, loadSeconds, pingMs, forwardMs }: Trial): string {
  return `answers: loaded ${checkpoint} on ${device} in ${loadSeconds} s, ping ${pingMs} ms, first forward ${forwardMs} ms`;
}
