/** No copy is made of a tensor in TypeScript: the socket is given the caller's memory, and the caller what the socket gave. */
import { afterEach, describe, expect, it, jest } from "@jest/globals";
import * as zeromq from "zeromq";
import type { TensorSpec } from "../../src/backend/wire/protocol.ts";
import { FakeBackend, MODEL } from "./support/fakeBackend.ts";

const sent: zeromq.MessageLike[][] = [];
const received: Buffer[][] = [];

/** Tells what goes through it. */
class WatchedDealer extends zeromq.Dealer {
  override async send(message: zeromq.MessageLike | zeromq.MessageLike[]): Promise<void> {
    sent.push([message].flat());
    await super.send(message);
  }

  override async receive(): Promise<Buffer[]> {
    const frames = await super.receive();
    received.push(frames);
    return frames;
  }
}

jest.unstable_mockModule("zeromq", () => ({ ...zeromq, Dealer: WatchedDealer }));
const { Transport } = await import("../../src/backend/connection/transport.ts");
const { ZmqDenoiser } = await import("../../src/backend/zmqDenoiser.ts");

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
  sent.length = 0;
  received.length = 0;
});

/** A denoiser of a backend that answers every forward alike. */
async function denoiserOf(
  type: "rows" | "topRows",
  tensors: readonly TensorSpec[],
  frames: readonly (Int32Array | Float32Array | Float64Array)[],
  vocabSize: number,
) {
  const backend = await FakeBackend.start((message, self) => {
    self.send(message, { type, id: message.header.id, tensors }, ...frames);
  });
  const transport = new Transport(backend.endpoint);
  opened.push(
    () => transport.close(),
    () => backend.stop(),
  );
  return new ZmqDenoiser(transport, { ...MODEL, vocabSize }, { top: true });
}

const REQUEST = {
  batch: 1,
  length: 4,
  tokens: Int32Array.of(2, 1, 2, 0),
  sigma: Float32Array.of(0.5),
  rows: Int32Array.of(0, 2),
};

describe("a tensor's memory", () => {
  it("is the caller's when it is sent", async () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const denoiser = await denoiserOf("rows", [{ dtype: "float32", shape: [2, 3] }], [values], 3);
    await denoiser.forward(REQUEST);
    const [[, ...frames]] = sent;
    expect(frames).toHaveLength(3);
    expect(frames[0]).toBe(REQUEST.tokens);
    expect(frames[1]).toBe(REQUEST.sigma);
    expect(frames[2]).toBe(REQUEST.rows);
  });

  it.each([3, 50_258])("is ZeroMQ's when rows of %i columns arrive", async (width) => {
    const whole = Float32Array.from({ length: 2 * width }, (_, i) => i);
    const spec = { dtype: "float32", shape: [2, width] } as const;
    const values = await (await denoiserOf("rows", [spec], [whole], width)).forward(REQUEST);
    expect(values).toEqual(whole);
    const [[, frame]] = received;
    expect(values.buffer).toBe(frame.buffer);
    expect([values.byteOffset, values.byteLength]).toEqual([frame.byteOffset, frame.byteLength]);
  });

  it("is ZeroMQ's when the top of rows arrives", async () => {
    const tensors = [
      { dtype: "int32", shape: [2] },
      { dtype: "int32", shape: [3] },
      { dtype: "float32", shape: [3] },
      { dtype: "float64", shape: [2] },
      { dtype: "float64", shape: [2] },
    ] as const;
    const frames = [
      Int32Array.of(1, 2),
      Int32Array.of(0, 1, 3),
      Float32Array.of(1, 2, 3),
      new Float64Array(2),
      new Float64Array(2),
    ];
    const denoiser = await denoiserOf("topRows", tensors, frames, 9);
    const rows = (await denoiser.top?.(REQUEST, { mass: 0.9 })) ?? [];
    expect(rows).toHaveLength(2);
    const [[, , ids, logits]] = received;
    for (const row of rows) {
      expect(row.ids.buffer).toBe(ids.buffer);
      expect(row.logits.buffer).toBe(logits.buffer);
    }
  });
});
