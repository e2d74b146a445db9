import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { pollingReceiver, type ReceivingSocket } from "../../../src/backend/connection/receiver.ts";

/** A socket that holds messages and counts how often it is looked at. */
class FakeSocket implements ReceivingSocket {
  closed = false;
  receiveTimeout = -1;
  looks = 0;
  readonly queue: Buffer[][] = [];

  get readable(): boolean {
    this.looks++;
    return this.queue.length > 0;
  }

  async receive(): Promise<Buffer[]> {
    const message = this.queue.shift();
    if (message === undefined) throw new Error("EAGAIN");
    return message;
  }
}

function open(spinTurns: number) {
  const socket = new FakeSocket();
  return { socket, receive: pollingReceiver(socket, spinTurns) };
}

describe("the polling receiver, for Deno and worker threads", () => {
  it("never lets the addon wait", () => {
    expect(open(0).socket.receiveTimeout).toBe(0);
  });

  /** How often the socket is looked at during so many turns of the event loop, while somebody waits. */
  async function looksIn(turns: number, { socket, receive }: ReturnType<typeof open>) {
    const caller = { waits: true };
    const waiting = (async () => {
      while (caller.waits) await receive();
    })();
    const before = socket.looks;
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    caller.waits = false;
    const looks = socket.looks - before;
    await waiting;
    return looks;
  }

  it("looks again while somebody waits, first at every turn and then at leisure", async () => {
    const receiver = open(500);
    const { socket, receive } = receiver;
    expect(await looksIn(400, receiver)).toBeGreaterThan(390);
    while (socket.looks < 500) await receive();
    // A rest takes 3 ms and a turn some microseconds; on a machine that takes 1.5 ms a turn this fails.
    expect(await looksIn(400, receiver)).toBeLessThan(200);
    socket.queue.push([Buffer.from("a")]);
    expect(await receive()).toHaveLength(1);
    expect(await looksIn(400, receiver)).toBeGreaterThan(390);
  });

  it("never spins where it is told so", async () => {
    expect(await looksIn(400, open(0))).toBeLessThan(200);
  });

  it("gives messages in their order", async () => {
    const { socket, receive } = open(500);
    socket.queue.push([Buffer.from("a")], [Buffer.from("b")]);
    const got = [await receive(), await receive()];
    expect(got.map((frames) => String(frames?.[0]))).toEqual(["a", "b"]);
  });

  it("ends its wait when the socket is closed, and looks at it no more", async () => {
    const { socket, receive } = open(0);
    const message = receive();
    socket.closed = true;
    const { looks } = socket;
    expect(await message).toBeUndefined();
    expect(socket.looks).toBe(looks);
  });
});
