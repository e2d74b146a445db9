/**
 * What an ask-first step costs on the wire, through the real transport: the answer about the masked
 * positions is [N, k] numbers of four bytes, and whole rows come for what is revealed alone.
 */
import { afterEach, describe, expect, it } from "@jest/globals";
import { Transport } from "../../src/backend/connection/transport.ts";
import { ZmqDenoiser } from "../../src/backend/zmqDenoiser.ts";
import { sample, type SamplerOptions, type StatisticName } from "../../src/sampler/index.ts";
import { statisticsOf } from "../../examples/parity/peers/rowStatistics.ts";
import { FakeBackend, MODEL, type Received } from "./support/fakeBackend.ts";

const V = 1000;
const LENGTH = 12;
const model = { ...MODEL, vocabSize: V, maskId: V - 1, length: LENGTH };

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

interface Answer {
  readonly output: unknown;
  /** N, the rows asked for, and the bytes of the tensor that answers. */
  readonly rows: number;
  readonly bytes: number;
}

/** Samples one text through a socket and keeps what was answered, call by call. */
async function answersOf(options: Omit<SamplerOptions, "length">): Promise<Answer[]> {
  const answers: Answer[] = [];
  const backend = await FakeBackend.start((message, self) => {
    const { header } = message;
    if (header.type !== "forward") return;
    const positions = int32(message.frames[2]);
    const rows = rowsAt(positions);
    const isOfStatistics = header.output === "statistics";
    const names = header.statistics as readonly StatisticName[];
    const given = message.frames.at(3);
    const values = isOfStatistics
      ? statisticsOf(names, rows, model, given === undefined ? undefined : int32(given))
      : rows;
    const width = isOfStatistics ? names.length : V;
    answers.push({ output: header.output, rows: positions.length, bytes: values.byteLength });
    reply(self, message, [positions.length, width], values);
  });
  const transport = new Transport(backend.endpoint);
  opened.push(
    () => transport.close(),
    () => backend.stop(),
  );
  await sample(new ZmqDenoiser(transport, model, { top: false }), {
    ...options,
    length: LENGTH,
    window: 1,
  });
  return answers;
}

function reply(backend: FakeBackend, message: Received, shape: number[], values: Float32Array) {
  const tensors = [{ dtype: "float32", shape }];
  backend.send(message, { type: "rows", id: message.header.id, tensors }, values);
}

function int32(frame: Buffer): Int32Array {
  return new Int32Array(Uint8Array.from(frame).buffer);
}

/** [N, V] logits: the further to the right, the surer. */
function rowsAt(positions: Int32Array): Float32Array {
  const rows = new Float32Array(positions.length * V);
  positions.forEach((position, n) => {
    rows[n * V + 7] = 1 + position;
  });
  return rows;
}

describe("an ask-first step is answered with k numbers a masked position", () => {
  it.each<[number, Extract<SamplerOptions["strategy"], { readonly kind: string }>]>([
    [1, { kind: "confidence" }],
    [2, { kind: "margin" }],
    [1, { kind: "entropy" }],
    [3, { kind: "entropy-bounded", by: "margin" }],
  ])("%d: %j", async (k, strategy) => {
    const isTimed = strategy.kind !== "entropy-bounded";
    const answers = await answersOf({ strategy, temperature: 0, ...(isTimed && { steps: 4 }) });
    const told = answers.filter(({ output }) => output === "statistics");
    const drawn = answers.filter(({ output }) => output !== "statistics");
    expect(told.length).toBeGreaterThan(1);
    expect(told[0].rows).toBe(LENGTH);
    for (const { rows, bytes } of told) expect(bytes).toBe(4 * k * rows);
    // Every position is revealed once, and its row comes then.
    expect(drawn.reduce((sum, { rows }) => sum + rows, 0)).toBe(LENGTH);
    for (const { rows, bytes } of drawn) expect(bytes).toBe(4 * V * rows);
    if (isTimed) expect(told.map(({ rows }) => rows)).toEqual([12, 9, 6, 3]);
  });

  it("p2 as the paper says is told two numbers of every free position", async () => {
    const strategy = { kind: "p2" } as const;
    const answers = await answersOf({ strategy, steps: 3, quirks: "paper", temperature: 0 });
    const told = answers.filter(({ output }) => output === "statistics");
    expect(told.map(({ rows }) => rows)).toEqual([12, 12, 12]);
    for (const { rows, bytes } of told) expect(bytes).toBe(4 * 2 * rows);
  });

  it("random is told nothing: only rows that are revealed come", async () => {
    const answers = await answersOf({ strategy: { kind: "random" }, steps: 4, temperature: 0 });
    expect(answers.map(({ output, bytes }) => [output, bytes])).toEqual(
      Array.from({ length: 4 }, () => ["logits", 4 * V * 3]),
    );
  });

  it("what reads the drawn token needs the rows of all masks", async () => {
    const strategy = { kind: "confidence", of: "drawn" } as const;
    const answers = await answersOf({ strategy, steps: 4 });
    expect(answers.map(({ bytes }) => bytes / (4 * V))).toEqual([12, 9, 6, 3]);
  });
});
