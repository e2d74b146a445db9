import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { decodeReply, encodeRequest, type RequestHeader } from "../../../src/backend/wire/codec.ts";
import { MAX_REQUEST_FRAME_BYTES } from "../../../src/backend/wire/tensors.ts";
import { BackendError, ProtocolError } from "../../../src/backend/errors.ts";
import { MODEL, pack, pong, ready } from "../support/fakeBackend.ts";

const plain = new Packr({ useRecords: false, int64AsType: "number" });

function bytesOf(frame: ArrayBufferView): number[] {
  return [...new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength)];
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

describe("encodeRequest", () => {
  it("writes the header as msgpack that a plain reader reads, and each tensor as little-endian bytes", () => {
    const frames = encodeRequest({ type: "forward", id: 7, output: "logits" }, [
      { dtype: "int32", shape: [1, 2], data: Int32Array.of(1, -2) },
      { dtype: "float32", shape: [1], data: Float32Array.of(1.5) },
      { dtype: "int32", shape: [0], data: new Int32Array(0) },
    ]);
    expect(plain.unpack(frames[0] as Uint8Array)).toEqual({
      type: "forward",
      id: 7,
      output: "logits",
      tensors: [
        { dtype: "int32", shape: [1, 2] },
        { dtype: "float32", shape: [1] },
        { dtype: "int32", shape: [0] },
      ],
    });
    expect(frames.slice(1).map(bytesOf)).toEqual([
      [1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff],
      [0, 0, 0xc0, 0x3f],
      [],
    ]);
  });

  it("writes a plain map: no records, no extensions", () => {
    const [header] = encodeRequest({ type: "ping", id: 1 }, []);
    expect(bytesOf(header)).toEqual([
      ...[0xde, 0, 2, 0xa4, ...Buffer.from("type"), 0xa4, ...Buffer.from("ping")],
      ...[0xa2, ...Buffer.from("id"), 0x01],
    ]);
  });

  it("writes the name of a cache, and its release", () => {
    const [forward] = encodeRequest({ type: "forward", id: 7, output: "logprobs", cache: 3 }, []);
    expect(plain.unpack(forward as Uint8Array)).toMatchObject({ output: "logprobs", cache: 3 });
    const release = { type: "release", id: 8, cache: 2 ** 31 - 1 } as const;
    const frames = encodeRequest(release, []);
    expect(frames.map((frame): unknown => plain.unpack(frame as Uint8Array))).toEqual([release]);
  });

  it("writes the mass of a nucleus in full precision", () => {
    const topMass = 0.1 + 0.2;
    const [forward] = encodeRequest({ type: "forward", id: 7, output: "logits", topMass }, []);
    expect(plain.unpack(forward as Uint8Array)).toMatchObject({ topMass });
  });

  it.each([0, 1, -1, NaN, Infinity, "0.5", null])("refuses %p as a mass", (topMass) => {
    const header = { type: "forward", id: 1, output: "logits", topMass };
    expect(() => encodeRequest(header as RequestHeader, [])).toThrow(ProtocolError);
  });

  it.each([-1, 0.5, 2 ** 31, NaN, "1", null])("refuses %p as a cache", (cache) => {
    const forward = { type: "forward", id: 1, output: "logits", cache };
    for (const header of [forward, { type: "release", id: 1, cache }]) {
      expect(() => encodeRequest(header as RequestHeader, [])).toThrow(ProtocolError);
    }
  });

  it.each([
    ["undefined, which msgpackr would write as an extension", { type: "ping", id: undefined }],
    ["a negative id", { type: "ping", id: -1 }],
    ["a broken id", { type: "ping", id: 0.5 }],
    ["an unknown type", { type: "stop", id: 1 }],
    ["an unknown output", { type: "forward", id: 1, output: "scores" }],
  ])("refuses %s", (_, header) => {
    expect(() => encodeRequest(header as RequestHeader, [])).toThrow(ProtocolError);
  });

  it("refuses a tensor that the backend would hang up on, and says to use a smaller batch", () => {
    const data = new Int32Array(MAX_REQUEST_FRAME_BYTES / 4 + 1);
    const encode = () =>
      encodeRequest({ type: "forward", id: 1, output: "logits" }, [
        { dtype: "int32", shape: [data.length], data },
      ]);
    expect(thrownBy(encode)).toMatchObject({
      code: "backend_rejected",
      remedy: expect.stringContaining("batchSize"),
    });
  });
});

function readyWith(change: Record<string, unknown>): Record<string, unknown> {
  return { ...ready(4), model: { ...MODEL, ...change } };
}

describe("decodeReply", () => {
  const rows = (shape: number[], dtype = "float32") =>
    pack({ type: "rows", id: 3, tensors: [{ dtype, shape }] });

  it("reads the card of every kind of model", () => {
    for (const change of [
      { kind: "sedd" },
      { kind: "d3pm", subsMasking: true },
      { kind: "ar", architecture: "ar" },
      { format: "huggingface", architecture: "huggingface" },
    ]) {
      const header = readyWith(change);
      expect(decodeReply([pack(header)]).header).toEqual(header);
    }
  });

  it("reads every kind of reply", () => {
    const error = { type: "error", id: null, code: "internal", message: "m", remedy: "r" };
    for (const header of [ready(0), pong(2 ** 40), { type: "released", id: 9 }, error]) {
      expect(decodeReply([pack(header)])).toEqual({ header, tensors: [] });
    }
  });

  it("gives a view of an aligned frame, without a copy", () => {
    const frame = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
    const [tensor] = decodeReply([rows([2, 3]), frame]).tensors;
    expect(tensor).toEqual({
      dtype: "float32",
      shape: [2, 3],
      data: Float32Array.of(1, 2, 3, 4, 5, 6),
    });
    expect(tensor.data.buffer).toBe(frame.buffer);
  });

  it("copies an unaligned frame", () => {
    const whole = new Uint8Array(9);
    whole.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    const [tensor] = decodeReply([rows([1, 2]), whole.subarray(1)]).tensors;
    expect(tensor.data).toEqual(Float32Array.of(1.5, -2));
  });

  it("reads float64, in a reply of top rows as well", () => {
    const [tensor] = decodeReply([
      pack({ type: "topRows", id: 3, tensors: [{ dtype: "float64", shape: [2] }] }),
      new Uint8Array(Float64Array.of(Math.PI, -0).buffer),
    ]).tensors;
    expect(tensor).toEqual({ dtype: "float64", shape: [2], data: Float64Array.of(Math.PI, -0) });
  });

  it("reads bytes, wherever they lie", () => {
    const tensors = [{ dtype: "uint8", shape: [3] }];
    const header = pack({
      type: "rendered",
      id: 3,
      tensors: [...tensors, { dtype: "int32", shape: [0] }],
    });
    const text = new TextEncoder().encode("_Zoë").subarray(1, 4);
    const { tensors: found } = decodeReply([header, text, new Uint8Array()]);
    expect(found[0]).toEqual({ dtype: "uint8", shape: [3], data: text });
  });

  it("reads int32 and the bits of bfloat16", () => {
    const int32 = decodeReply([rows([1], "int32"), Uint8Array.of(0xff, 0xff, 0xff, 0xff)]);
    expect(int32.tensors[0].data).toEqual(Int32Array.of(-1));
    const bfloat16 = decodeReply([rows([2], "bfloat16"), Uint8Array.of(0x80, 0x3f, 0, 0)]);
    expect(bfloat16.tensors[0].data).toEqual(Uint16Array.of(0x3f80, 0));
  });

  it("reads 64-bit integers as numbers", () => {
    const id = 2 ** 32 + 1;
    const header = Buffer.concat([
      Buffer.from([0x84, 0xa4]),
      Buffer.from("type\xa4pong\xa2id", "latin1"),
      Buffer.from([0xcf, 0, 0, 0, 1, 0, 0, 0, 1]),
      Buffer.from("\xa4busy\xc2\xa6queued\x00", "latin1"),
    ]);
    expect(decodeReply([header]).header).toEqual({ ...pong(id) });
  });

  it.each<[string, Uint8Array[], number | undefined]>([
    ["no frames", [], undefined],
    ["an empty header", [new Uint8Array(0)], undefined],
    ["a header that is no msgpack", [Uint8Array.of(0xc1)], undefined],
    ["a truncated header", [pack(pong(1)).subarray(0, 9)], undefined],
    ["bytes after the header", [Buffer.concat([pack(pong(1)), Uint8Array.of(1)])], undefined],
    ["a header of many megabytes", [new Uint8Array(1 << 24)], undefined],
    ["a list", [pack([1])], undefined],
    ["nil", [pack(null)], undefined],
    ["an unknown type", [pack({ type: "hello", id: 4 })], 4],
    ["a missing property", [pack({ type: "pong", id: 4, busy: true })], 4],
    ["one property too many", [pack({ ...pong(4), more: 1 })], 4],
    ["a wrong type of property", [pack({ ...pong(4), busy: 1 })], 4],
    [
      "an unknown error code",
      [pack({ type: "error", id: 4, code: "x", message: "", remedy: "" })],
      4,
    ],
    ["a negative id", [pack(pong(-1))], -1],
    ["a frame that the header does not describe", [pack(pong(4)), new Uint8Array(4)], 4],
    ["a frame too few", [rows([1])], 3],
    ["a frame too many", [rows([1]), new Uint8Array(4), new Uint8Array(4)], 3],
    ["a frame that is too short", [rows([2, 3]), new Uint8Array(20)], 3],
    ["a shape that overflows", [rows([2 ** 52, 2 ** 52, 0.5 + 0.5]), new Uint8Array(0)], 3],
    ["a negative shape", [rows([-1, -1]), new Uint8Array(4)], 3],
    ["a card of an unknown kind", [pack(readyWith({ kind: "gan" }))], 4],
    ["a card of an unknown architecture", [pack(readyWith({ architecture: "unet" }))], 4],
    ["a card that does not say all", [pack(readyWith({ subsMasking: undefined }))], 4],
    ["a release with more than its id", [pack({ type: "released", id: 4, cache: 1 })], 4],
    ["an unknown dtype", [rows([1], "float16"), new Uint8Array(2)], 3],
  ])("refuses %s as a protocol mismatch", (_, frames, requestId) => {
    const error = thrownBy(() => decodeReply(frames));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ code: "protocol_mismatch", requestId });
  });

  it("throws nothing but ProtocolError, whatever the bytes", () => {
    const valid = pack(ready(1));
    const mutated = fc
      .tuple(fc.nat(valid.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }))
      .map(([at, bytes]) => {
        const copy = Uint8Array.from(valid);
        copy.set(bytes.subarray(0, copy.length - at), at);
        return copy;
      });
    const header = fc.oneof(mutated, fc.uint8Array({ maxLength: 64 }));
    fc.assert(
      fc.property(fc.array(header, { maxLength: 3 }), (frames) => {
        try {
          decodeReply(frames);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  it("names what is wrong", () => {
    const error = thrownBy(() => decodeReply([pack({ ...pong(4), queued: "many" })]));
    expect(error).toBeInstanceOf(BackendError);
    expect((error as Error).message).toBe("A reply is invalid: pong/queued must be integer");
  });
});
