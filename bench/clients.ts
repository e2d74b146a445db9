/**
 * Many samplers, one backend: the sequences a second that eight clients with one sequence a call get, beside one client
 * with eight a call; and how long any of them waits at most, in times of the usual wait.
 *
 *     npm run bench clients -- --rounds 3 --seconds 5 --model demo
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { Remdm, type ForwardRequest } from "remdm";
import { median, table, timed, times } from "./measure.ts";
import { demo, Models, noTokenizer, program } from "./places.ts";

const CLIENTS = 8;
/** Rows asked for of each sequence. */
const ROWS = 2;

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "5" },
    dtype: { type: "string" },
    model: { type: "string", default: "both" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

{
  const lines = [["", "one client of 8", "8 clients of 1", "", "longest wait"]];
  if (values.model !== "published") {
    lines.push(await compare("demo, 2M parameters", demo, 1024, seconds));
  }
  if (values.model !== "demo") {
    using models = new Models();
    const published = await models.make("dit");
    lines.push(await compare("published size", published, 50_257, Math.max(30, seconds)));
  }
  process.stdout.write(`sequences a second, medians of ${rounds} rounds\n`);
  table(lines);
}

async function compare(
  name: string,
  checkpoint: string,
  vocabSize: number,
  window: number,
): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "remdm-bench-"));
  const endpoint = `ipc://${join(directory, "socket")}`;
  const server = execa(
    process.execPath,
    [program, "serve", "--checkpoint", checkpoint, "--endpoint", endpoint],
    {
      reject: false,
      stdout: "ignore",
      stderr: "ignore",
    },
  );
  const clients: Remdm[] = [];
  try {
    while (clients.length < CLIENTS) {
      const tokenizer = { ...noTokenizer, vocabSize };
      clients.push(await Remdm.connect({ endpoint, tokenizer, reachTimeoutMs: 60_000 }));
    }
    const one: number[] = [];
    const many: number[] = [];
    const longest: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const alone = await keepAsking(clients.slice(0, 1), CLIENTS, window);
      const together = await keepAsking(clients, 1, window);
      if (round === 0) continue; // warms up
      one.push(alone.perSecond);
      many.push(together.perSecond);
      longest.push(Math.max(...together.waits) / median(together.waits));
      process.stderr.write(`${name}: round ${round} of ${rounds}\n`);
    }
    const shares = many.map((count, round) => count / one[round]);
    return [
      name,
      median(one).toFixed(2),
      median(many).toFixed(2),
      `${Math.round(100 * median(shares))} %`,
      times(median(longest)),
    ];
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    server.kill();
    await server;
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Sequences a second of all together, and the seconds that each answer took. */
interface Answers {
  readonly perSecond: number;
  readonly waits: readonly number[];
}

/** Every client asks again as soon as it has its answer. */
async function keepAsking(
  clients: readonly Remdm[],
  batch: number,
  window: number,
): Promise<Answers> {
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  const waits: number[] = [];
  const ask = async ({ denoiser }: Remdm) => {
    const { length, maskId } = denoiser.model;
    const request = question(batch, length, maskId);
    while (elapsed() < window) waits.push(await timed(() => denoiser.forward(request)));
  };
  await Promise.all(clients.map(ask));
  return { perSecond: (batch * waits.length) / elapsed(), waits };
}

function question(batch: number, length: number, maskId: number): ForwardRequest {
  const masked = Int32Array.from({ length: batch * length }, (_, i) => (i % 2 === 0 ? maskId : 1));
  const rows = Array.from({ length: batch * ROWS }, (_, i) => Math.floor((i * length) / ROWS));
  return {
    batch,
    length,
    tokens: masked,
    sigma: new Float32Array(batch),
    rows: Int32Array.from(rows),
  };
}
