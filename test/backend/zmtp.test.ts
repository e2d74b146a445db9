/** The bytes of ZMTP 3.0 against its specification; against libzmq itself it is tested wherever a `FakeBackend` answers. */
import { describe, expect, it } from "@jest/globals";
import { ProtocolError } from "../../src/backend/errors.ts";
import {
  encodeMessage,
  GREETING,
  READY,
  ZmtpReader,
  type Received,
} from "../../src/backend/zmtp.ts";

const MAX = 1000;

/** What libzmq 4.3.5 sends as a ROUTER without security. */
const ROUTER_GREETING = bytesOf(
  "ff00000000000000017f" + "0301" + "4e554c4c".padEnd(40, "0") + "".padEnd(64, "0"),
);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

function readAll(chunks: readonly Uint8Array[]): Received[] {
  const reader = new ZmtpReader(MAX);
  return chunks.flatMap((chunk) => [...reader.read(chunk)]);
}

/** Frames as arrays of numbers. */
function messagesIn(chunks: readonly Uint8Array[]): number[][][] {
  return readAll(chunks).flatMap((received) =>
    received.type === "message" ? [received.frames.map((frame) => [...frame])] : [],
  );
}

describe("what is sent", () => {
  it("begins with the signature, version 3.0, the mechanism NULL, and no role", () => {
    expect(Buffer.from(GREETING).toString("hex")).toBe(
      "ff00000000000000017f" + "0300" + "4e554c4c".padEnd(40, "0") + "".padEnd(64, "0"),
    );
  });

  it("goes on with READY, which says that this is a DEALER", () => {
    const socketType = "0b" + Buffer.from("Socket-Type").toString("hex");
    const dealer = "00000006" + Buffer.from("DEALER").toString("hex");
    const body = "05" + Buffer.from("READY").toString("hex") + socketType + dealer;
    const size = (body.length / 2).toString(16);
    expect(Buffer.from(READY).toString("hex")).toBe(`04${size}${body}`);
  });

  it("has frames with a length in one byte, or in eight from 256 on; all but the last say that more follow", () => {
    const parts = encodeMessage([Uint8Array.of(7), new Uint8Array(256), new Uint8Array(255)]);
    const [first, , second, , third] = parts.map((part) => Buffer.from(part).toString("hex"));
    expect([first, second, third]).toEqual(["0101", "030000000000000100", "00ff"]);
  });

  it("is the frames' own memory, of any type and at any offset", () => {
    const tokens = Int32Array.of(1, 2, 3).subarray(1);
    const [, body] = encodeMessage([tokens]);
    expect(body.buffer).toBe(tokens.buffer);
    expect([body.byteOffset, body.byteLength]).toEqual([4, 8]);
  });
});

describe("what is read", () => {
  const frames = [Uint8Array.of(), Uint8Array.of(1, 2), new Uint8Array(300).fill(5)];
  const stream = joined([
    ROUTER_GREETING,
    READY,
    ...encodeMessage(frames),
    ...encodeMessage([Uint8Array.of(9)]),
  ]);
  const expected = [frames.map((frame) => [...frame]), [[9]]];

  it("is the same however the bytes are cut", () => {
    for (const size of [1, 2, 3, 7, 64, 65, 100, 1000]) {
      const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.slice(i * size, (i + 1) * size),
      );
      expect(messagesIn(chunks)).toEqual(expected);
    }
  });

  it("has commands between messages, which are told apart", () => {
    expect(readAll([stream])[0]).toEqual({ type: "command", name: "READY" });
  });

  it("gives each frame memory of its own, aligned for any number", () => {
    const [, first, second] = readAll([stream]);
    if (first.type !== "message" || second.type !== "message") throw new Error("no messages");
    const buffers = [...first.frames, ...second.frames].map(({ buffer }) => buffer);
    expect(new Set(buffers).size).toBe(4);
    expect([...first.frames, ...second.frames].map(({ byteOffset }) => byteOffset)).toEqual([
      0, 0, 0, 0,
    ]);
  });
});

describe("a peer is refused", () => {
  const refusal = (bytes: Uint8Array): unknown => {
    try {
      return readAll([bytes]);
    } catch (error) {
      return error;
    }
  };

  it("that is no ZeroMQ socket", () => {
    const error = refusal(Uint8Array.from(Buffer.from("HTTP/1.1 200 OK\r\n".padEnd(64, "."))));
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ message: "The peer does not speak ZMTP" });
  });

  it("that wants keys, or speaks an old version", () => {
    const curve = ROUTER_GREETING.slice();
    curve.set(Buffer.from("CURVE"), 12);
    expect(refusal(curve)).toMatchObject({ message: expect.stringContaining('"CURVE"') });
    const old = ROUTER_GREETING.slice();
    old[10] = 1;
    expect(refusal(old)).toMatchObject({ message: expect.stringContaining("ZMTP 1") });
  });

  it("that announces a frame larger than is allowed, before memory is taken for it", () => {
    const huge = joined([ROUTER_GREETING, bytesOf("02ffffffffffffffff")]);
    expect(refusal(huge)).toMatchObject({
      message: "The peer sends a frame of 18446744073709551615 bytes, at most 1000 are allowed",
    });
    const frame = joined([ROUTER_GREETING, ...encodeMessage([new Uint8Array(MAX)])]);
    expect(messagesIn([frame])[0][0]).toHaveLength(MAX);
  });
});
