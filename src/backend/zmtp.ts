/**
 * ZMTP 3.0, the protocol of ZeroMQ (https://rfc.zeromq.org/spec/23), as a DEALER without security (NULL)
 * speaks it to one peer. Bytes become messages and messages bytes; there is no I/O here.
 */
import { ProtocolError } from "./errors.ts";

/** What the peer sends after its greeting. */
export type Received =
  | { readonly type: "command"; readonly name: string }
  | { readonly type: "message"; readonly frames: Uint8Array[] };

const MORE = 1;
const LONG = 2;
const COMMAND = 4;
const GREETING_BYTES = 64;
const MECHANISM = "NULL";

/** Each side's first bytes: signature, version 3.0, mechanism, and zeros. */
export const GREETING: Uint8Array = (() => {
  const bytes = new Uint8Array(GREETING_BYTES);
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0]);
  bytes.set(ascii(MECHANISM), 12);
  return bytes;
})();

/** The command that ends the handshake; messages follow it. */
export const READY: Uint8Array = (() => {
  const body = [...short("READY"), ...property("Socket-Type", "DEALER")];
  return Uint8Array.of(COMMAND, body.length, ...body);
})();

/**
 * @param frames at least one.
 * @returns what is to be written, in order: heads of ours, and views of the frames' own memory.
 */
export function encodeMessage(frames: readonly ArrayBufferView[]): Uint8Array[] {
  return frames.flatMap(({ buffer, byteOffset, byteLength }, i) => [
    frameHead(byteLength, i < frames.length - 1 ? MORE : 0),
    new Uint8Array(buffer, byteOffset, byteLength),
  ]);
}

function frameHead(size: number, flags: number): Uint8Array {
  if (size < 256) return Uint8Array.of(flags, size);
  const head = new DataView(new ArrayBuffer(9));
  head.setUint8(0, flags | LONG);
  head.setBigUint64(1, BigInt(size));
  return new Uint8Array(head.buffer);
}

/** Reads one connection from its first byte. */
export class ZmtpReader {
  readonly #maxFrameBytes: number;
  /** What is being read, into memory of its own. */
  #part: "greeting" | "flags" | "size" | "body" = "greeting";
  #bytes = new Uint8Array(GREETING_BYTES);
  #filled = 0;
  #flags = 0;
  #frames: Uint8Array[] = [];

  /** @param maxFrameBytes a peer that announces a larger frame is refused. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * @param chunk the next bytes, however they were cut. They are copied: each frame has a buffer of its own.
   * @returns the commands and messages that are complete by now.
   * @throws ProtocolError when the peer does not speak ZMTP 3 without security.
   */
  *read(chunk: Uint8Array): Generator<Received, void> {
    let rest = chunk;
    for (;;) {
      const piece = rest.subarray(0, this.#bytes.length - this.#filled);
      this.#bytes.set(piece, this.#filled);
      this.#filled += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#filled < this.#bytes.length) return;
      const received = this.#finish(this.#bytes);
      if (received !== undefined) yield received;
    }
  }

  /** The part is complete: looks at it, and says which follows. */
  #finish(bytes: Uint8Array): Received | undefined {
    switch (this.#part) {
      case "greeting":
        checkGreeting(bytes);
        this.#expect("flags", 1);
        return undefined;
      case "flags":
        [this.#flags] = bytes;
        this.#expect("size", this.#flags & LONG ? 8 : 1);
        return undefined;
      case "size":
        this.#expect("body", this.#checkedSize(bytes));
        return undefined;
      case "body":
        this.#expect("flags", 1);
        return this.#finishFrame(bytes);
    }
  }

  #expect(part: "flags" | "size" | "body", bytes: number): void {
    this.#part = part;
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
    this.#filled = 0;
  }

  #checkedSize(bytes: Uint8Array): number {
    const { buffer, byteOffset } = bytes;
    const size = bytes.length === 1 ? bytes[0] : new DataView(buffer, byteOffset).getBigUint64(0);
    if (size <= this.#maxFrameBytes) return Number(size);
    throw new ProtocolError(
      `The peer sends a frame of ${size} bytes, at most ${this.#maxFrameBytes} are allowed`,
    );
  }

  #finishFrame(body: Uint8Array): Received | undefined {
    if (this.#flags & COMMAND) {
      const name = body.subarray(1, 1 + body[0]);
      return { type: "command", name: String.fromCharCode(...name) };
    }
    this.#frames.push(body);
    if (this.#flags & MORE) return undefined;
    const frames = this.#frames;
    this.#frames = [];
    return { type: "message", frames };
  }
}

function checkGreeting(bytes: Uint8Array): void {
  const isZmtp = bytes[0] === 0xff && (bytes[9] & 1) === 1;
  const [major] = bytes.subarray(10);
  const mechanism = String.fromCharCode(...bytes.subarray(12, 32)).replace(/\0+$/, "");
  if (isZmtp && major >= 3 && mechanism === MECHANISM) return;
  throw new ProtocolError(
    isZmtp
      ? `The peer speaks ZMTP ${major} with the mechanism ${JSON.stringify(mechanism)}, not 3 with ${MECHANISM}`
      : "The peer does not speak ZMTP",
  );
}

/** A name or value with its length in one byte. */
function short(text: string): number[] {
  return [text.length, ...ascii(text)];
}

/** A property of a command; its value has its length in four bytes. */
function property(name: string, value: string): number[] {
  return [...short(name), 0, 0, 0, ...short(value)];
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}
