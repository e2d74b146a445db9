/** What the denoiser makes of frames: which numbers they are, and what it refuses. */
import { afterEach, describe, expect, it } from "@jest/globals";
import type { TensorSpec } from "../../src/backend/wire/protocol.ts";
import { Transport } from "../../src/backend/connection/transport.ts";
import { ZmqDenoiser } from "../../src/backend/zmqDenoiser.ts";
import { FakeBackend, MODEL } from "./support/fakeBackend.ts";

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

interface Reply {
  readonly type: "rows" | "topRows";
  readonly tensors: readonly TensorSpec[];
  readonly frames: readonly ArrayBufferView[];
}

/** A denoiser of a backend that answers every forward alike. */
async function denoiserOf({ type, tensors, frames }: Reply, vocabSize: number = MODEL.vocabSize) {
  const backend = await FakeBackend.start((message, self) => {
    self.send(message, { type, id: message.header.id, tensors }, ...frames.map(bytesOf));
  });
  const transport = new Transport(backend.endpoint);
  opened.push(
    () => transport.close(),
    () => backend.stop(),
  );
  return new ZmqDenoiser(transport, { ...MODEL, vocabSize }, { top: true });
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)); // a copy: sent later
}

function question(rows: number) {
  return {
    batch: 1,
    length: 4,
    tokens: Int32Array.of(2, 1, 2, 0),
    sigma: Float32Array.of(0.5),
    rows: Int32Array.from({ length: rows }, (_, n) => n),
  };
}

describe("rows in bfloat16", () => {
  it("are bit for bit what float32 would have carried, whatever the bits", async () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
    const denoiser = await denoiserOf(
      { type: "rows", tensors: [{ dtype: "bfloat16", shape: [1, 2 ** 16] }], frames: [all] },
      2 ** 16,
    );
    const values = await denoiser.forward(question(1));
    expect(values).toBeInstanceOf(Float32Array);
    const carried = Uint32Array.from(all, (bits) => bits << 16);
    expect(new Uint32Array(values.buffer)).toEqual(carried);
  });

  it("are refused where float32 is promised", async () => {
    const frames = [Uint16Array.of(1, 2)];
    const tensors = [{ dtype: "bfloat16", shape: [1, 2] }] as const;
    const denoiser = await denoiserOf({ type: "rows", tensors, frames }, 2);
    const asked = { ...question(1), statistics: ["max", "second"] } as const;
    for (const call of [denoiser.statistics(asked), denoiser.logProbs(question(1))]) {
      await expect(call).rejects.toMatchObject({ code: "protocol_mismatch" });
    }
  });
});

const top = (
  counts: number[],
  ids: number[],
  logits: number[],
  rest: number[],
  shapes: readonly (readonly number[])[] = [
    [counts.length],
    [ids.length],
    [logits.length],
    [rest.length],
    [counts.length],
  ],
): Reply => ({
  type: "topRows",
  tensors: (["int32", "int32", "float32", "float64", "float64"] as const).map((dtype, i) => ({
    dtype,
    shape: shapes[i],
  })),
  frames: [
    Int32Array.from(counts),
    Int32Array.from(ids),
    Float32Array.from(logits),
    Float64Array.from(rest),
    Float64Array.from({ length: shapes[4][0] }, (_, row) => row + 3),
  ],
});

describe("the top of rows", () => {
  it("is taken apart into rows, some of them empty", async () => {
    const denoiser = await denoiserOf(
      top([2, 0, 1], [0, 5, 3], [1.5, -2, 0.25], [0.5, 0, 1e-300]),
      9,
    );
    expect(await denoiser.top?.(question(3), { mass: 0.9 })).toEqual([
      { ids: Int32Array.of(0, 5), logits: Float32Array.of(1.5, -2), rest: 0.5, logMass: 3 },
      { ids: new Int32Array(0), logits: new Float32Array(0), rest: 0, logMass: 4 },
      { ids: Int32Array.of(3), logits: Float32Array.of(0.25), rest: 1e-300, logMass: 5 },
    ]);
  });

  it("may be in bfloat16", async () => {
    const { tensors, frames } = top([1], [0], [0], [0.5]);
    const denoiser = await denoiserOf({
      type: "topRows",
      tensors: tensors.map((spec, i) => (i === 2 ? { ...spec, dtype: "bfloat16" } : spec)),
      frames: frames.map((frame, i) => (i === 2 ? Uint16Array.of(0x3f80) : frame)),
    });
    expect(await denoiser.top?.(question(1), { mass: 0.9 })).toEqual([
      { ids: Int32Array.of(0), logits: Float32Array.of(1), rest: 0.5, logMass: 3 },
    ]);
  });

  it("is offered only where that was asked for", () => {
    const transport = new Transport("ipc:///tmp/remdm-nobody");
    opened.push(() => transport.close());
    expect(new ZmqDenoiser(transport, MODEL).top).toBeUndefined();
  });

  it.each<[string, Reply]>([
    ["counts that are more than came", top([2, 2], [0, 1, 0], [1, 2, 3], [0, 0])],
    ["counts that are less", top([1, 1], [0, 1, 0], [1, 2, 3], [0, 0])],
    ["a negative count", top([-1, 4], [0, 1, 0], [1, 2, 3], [0, 0])],
    ["another number of rows", top([3], [0, 1, 3], [1, 2, 3], [0])],
    ["a logit too few", top([1, 1], [0, 1], [1], [0, 0])],
    ["a rest too few", top([1, 1], [0, 1], [1, 2], [0])],
    ["ids that do not ascend", top([2, 1], [1, 0, 1], [1, 2, 3], [0, 0])],
    ["an id twice", top([2, 1], [1, 1, 1], [1, 2, 3], [0, 0])],
    ["an id beyond the vocabulary", top([1, 1], [0, 4], [1, 2], [0, 0])],
    ["a negative id", top([1, 1], [-1, 0], [1, 2], [0, 0])],
    ["the mask", top([1, 1], [0, 2], [1, 2], [0, 0])],
    ["a negative rest", top([1, 1], [0, 1], [1, 2], [0, -1])],
    ["a rest that is no number", top([1, 1], [0, 1], [1, 2], [0, NaN])],
    ["an endless rest", top([1, 1], [0, 1], [1, 2], [Infinity, 0])],
    ["another rank", top([1, 1], [0, 1], [1, 2], [0, 0], [[2], [2, 1], [2], [2], [2]])],
    ["a log mass too few", top([1, 1], [0, 1], [1, 2], [0, 0], [[2], [2], [2], [2], [1]])],
    ["whole rows", { ...top([1, 1], [0, 1], [1, 2], [0, 0]), type: "rows" }],
    [
      "three tensors",
      { ...top([1], [0], [1], [0]), ...firstThree(top([1, 1], [0, 1], [1, 2], [])) },
    ],
    ["integers for logits", withDtype(top([1, 1], [0, 1], [1, 2], [0, 0]), 2, "int32")],
    ["integers for log masses", withDtype(top([1, 1], [0, 1], [1, 2], [0, 0]), 4, "int32")],
    ["numbers for ids", withDtype(top([1, 1], [0, 1], [1, 2], [0, 0]), 1, "float32")],
  ])("is refused with %s", async (_, reply) => {
    const denoiser = await denoiserOf(reply, 4);
    await expect(denoiser.top?.(question(2), { mass: 0.9 })).rejects.toMatchObject({
      code: "protocol_mismatch",
    });
  });
});

function firstThree({ tensors, frames }: Reply) {
  return { tensors: tensors.slice(0, 3), frames: frames.slice(0, 3) };
}

function withDtype(reply: Reply, at: number, dtype: TensorSpec["dtype"]): Reply {
  const tensors = reply.tensors.map((spec, i) => (i === at ? { ...spec, dtype } : spec));
  return { ...reply, tensors };
}
