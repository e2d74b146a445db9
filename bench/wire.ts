/**
 * What the way to the backend and back costs: small calls, alone and beside a forward of the published size (12 blocks of
 * 768, L = 1,024, V = 50,258); bandwidth by the size of the answer; whole, bfloat16 and top rows. All but the forward itself
 * is answered by the real server over a network that computes nothing (`still.py`).
 *
 *     npm run bench wire -- --rounds 9
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Remdm, type ForwardRequest } from "remdm";
import { median } from "./measure.ts";
import { Models, noTokenizer, runPython } from "./places.ts";

const CALLS_A_ROUND = 400;
const LENGTH = 1024;

const { values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const rounds = Number(values.rounds);

using models = new Models();
await smallCalls();
await bandwidth();
await kindsOfRows();

/** `refused`: 25 KB of tokens, the last of them wrong, which the backend's I/O loop reads, checks and answers. */
async function smallCalls(): Promise<void> {
  const checkpoint = await models.make("dit");
  await using remdm = await Remdm.launch({ checkpoint, tokenizer: noTokenizer, device: "cpu" });
  await using still = await serveStill(1600, 4);
  const wrong = question(6, LENGTH, 1);
  wrong.tokens[wrong.tokens.length - 1] = 50_258;
  const small = question(1, LENGTH, 4);
  const calls: Record<string, () => Promise<unknown>> = {
    "ping, same backend": () => remdm.ping(),
    "25 KB up, refused, same backend": () =>
      remdm.denoiser.forward(wrong).then(
        () => Promise.reject(new Error("it was answered")),
        () => undefined,
      ),
    "25 KB down, another backend": () => still.whole.denoiser.forward(small),
  };
  const alone = emptyTimes(calls);
  const beside = emptyTimes(calls);
  const forwards: number[] = [];
  for (const call of Object.values(calls)) await timesOf(call, CALLS_A_ROUND);
  for (let round = 0; round < rounds; round++) {
    await measureEach(calls, alone);
    const stop = keepForwarding(remdm, forwards);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await measureEach(calls, beside);
    await stop();
  }
  print("small calls, ms", "p50", "p99");
  for (const name of Object.keys(calls)) {
    printRow(`${name}: alone`, ...percentiles(alone[name]));
    printRow(`${name}: beside a forward`, ...percentiles(beside[name]));
  }
  printRow("the forward itself", median(forwards).toFixed(0));
}

/** Keeps one forward of 8 rows in progress until it is told to stop. */
function keepForwarding({ denoiser }: Remdm, times: number[]): () => Promise<void> {
  const stop = new AbortController();
  const loop = (async () => {
    while (!stop.signal.aborted) {
      times.push(...(await timesOf(() => denoiser.forward(question(1, LENGTH, 8)), 1)));
    }
  })();
  return () => {
    stop.abort();
    return loop;
  };
}

async function measureEach(
  calls: Record<string, () => Promise<unknown>>,
  times: Record<string, number[]>,
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    times[name].push(...(await timesOf(call, CALLS_A_ROUND)));
  }
}

/** Rows of 64 KiB, sent from where they lie. */
async function bandwidth(): Promise<void> {
  const counts = [1, 4, 16, 64, 256, 1024, 3200];
  await using still = await serveStill(16_384, 3200);
  const times = counts.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, count] of counts.entries()) {
      const asked = question(1, 4096, count);
      // The first comes after an answer of another size: memory is given back and taken anew.
      const each = await timesOf(() => still.whole.denoiser.forward(asked), 4);
      times[i].push(...each.slice(1));
    }
  }
  print("\nanswers", "ms", "GB/s");
  counts.forEach((count, i) => {
    const ms = median(times[i]);
    const bytes = count * 2 ** 16;
    printRow(`${bytes / 2 ** 10} KiB`, ms.toFixed(3), (bytes / ms / 1e6).toFixed(2));
  });
}

/** 18 rows of normal numbers times 3: beside a CPU, the search for the top is in the time. */
async function kindsOfRows(): Promise<void> {
  await using float32 = await serveStill(50_258, 18);
  await using bfloat16 = await serveStill(50_258, 18, "bfloat16");
  const asked = question(1, LENGTH, 18);
  const times = new Map<string, number[]>();
  const bytes = new Map<string, number>();
  for (let round = 0; round < 4 * rounds; round++) {
    for (const [dtype, { whole, top }] of Object.entries({ float32, bfloat16 })) {
      const width = dtype === "float32" ? 4 : 2;
      const add = async (name: string, call: () => Promise<number>) => {
        const begin = performance.now();
        bytes.set(name, await call());
        times.set(name, [...(times.get(name) ?? []), performance.now() - begin]);
      };
      await add(`${dtype}, whole`, async () => {
        const { length } = await whole.denoiser.forward(asked);
        return length * width;
      });
      await add(`${dtype}, top 0.9`, async () => {
        const rows = (await top.denoiser.top?.(asked, { mass: 0.9 })) ?? [];
        return rows.reduce((sum, { ids }) => sum + ids.length * (4 + width) + 20, 0);
      });
    }
  }
  print("\n18 rows of 50,258", "KB", "ms", "of whole float32");
  const first = median(times.get("float32, whole") ?? []);
  for (const [name, each] of times) {
    const kilobytes = (bytes.get(name) ?? 0) / 1000;
    const ms = median(each);
    printRow(name, kilobytes.toFixed(0), ms.toFixed(2), (ms / first).toFixed(2));
  }
}

interface Still extends AsyncDisposable {
  readonly whole: Remdm;
  /** The same, asked for the top of rows. */
  readonly top: Remdm;
}

async function serveStill(vocabSize: number, rows: number, dtype = "float32"): Promise<Still> {
  const endpoint = `ipc://${join(models.directory, `${vocabSize}-${dtype}`)}`;
  const server = runPython("still.py", endpoint, String(vocabSize), String(rows), dtype);
  const tokenizer = { ...noTokenizer, vocabSize: vocabSize - 1 };
  const connect = (rows: "whole" | "top") =>
    Remdm.connect({ endpoint, tokenizer, reachTimeoutMs: 60_000, rows });
  const whole = await connect("whole");
  const top = await connect("top");
  return {
    whole,
    top,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([whole.close(), top.close()]);
      server.stdin.end();
      await server;
    },
  };
}

function question(batch: number, length: number, rows: number): ForwardRequest {
  return {
    batch,
    length,
    tokens: Int32Array.from({ length: batch * length }, (_, i) => i % 1500),
    sigma: new Float32Array(batch),
    rows: Int32Array.from({ length: rows }, (_, i) => i),
  };
}

/** Milliseconds of each of `count` calls, one after the other. */
async function timesOf(call: () => Promise<unknown>, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await call();
    times.push(performance.now() - begin);
  }
  return times;
}

function emptyTimes(calls: Record<string, unknown>): Record<string, number[]> {
  return Object.fromEntries(Object.keys(calls).map((name) => [name, []]));
}

function percentile(times: readonly number[], part: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(part * times.length)];
}

function percentiles(times: readonly number[]): [string, string] {
  return [percentile(times, 0.5).toFixed(3), percentile(times, 0.99).toFixed(3)];
}

function print(title: string, ...columns: string[]): void {
  process.stdout.write(`${title}, ${rounds} rounds\n`);
  printRow("", ...columns);
}

function printRow(name: string, ...cells: string[]): void {
  process.stdout.write(`${name.padEnd(50)}${cells.map((cell) => cell.padStart(12)).join("")}\n`);
}
