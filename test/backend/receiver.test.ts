import { describe, expect, it } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { PollingReceiver, type ReceivingSocket } from "../../src/backend/receiver.ts";

/** A socket that holds messages and counts how often it is looked at. */
class FakeSocket implements ReceivingSocket {
  closed = false;
  /** Deno crashes when a socket is closed whose events are awaited. */
  get events(): never {
    throw new Error("events are left alone");
  }
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

  [Symbol.asyncIterator](): AsyncIterator<Buffer[], undefined> {
    throw new Error("Deno's awaited receive stalls: it is polled");
  }
}

function open() {
  const socket = new FakeSocket();
  const state = { expecting: false };
  const receiver = new PollingReceiver(socket, () => state.expecting);
  const got: string[] = [];
  const end = (async () => {
    for await (const frames of receiver.messages) got.push(String(frames[0]));
  })();
  return { socket, state, receiver, got, end };
}

describe("PollingReceiver, for Deno", () => {
  it("never lets the addon wait", () => {
    const { socket } = open();
    expect(socket.receiveTimeout).toBe(0);
  });

  it("looks again while somebody waits, first at once and then at leisure", async () => {
    const { socket, state, receiver, got } = open();
    state.expecting = true;
    receiver.wake();
    await sleep(20);
    socket.queue.push([Buffer.from("a")]);
    while (got.length < 1) await sleep(1);
    socket.queue.push([Buffer.from("b")], [Buffer.from("c")]);
    while (got.length < 3) await sleep(1);
    expect(got).toEqual(["a", "b", "c"]);
    // Spinning is many looks a millisecond; it ends, however busy the machine is.
    let before: number;
    do {
      before = socket.looks;
      await sleep(60);
    } while (socket.looks - before > 60);
    socket.closed = true;
  });

  it("rests without looking while nobody waits", async () => {
    const { socket, state, receiver, got } = open();
    await sleep(20);
    expect(socket.looks).toBe(1);
    socket.queue.push([Buffer.from("late")]);
    state.expecting = true;
    receiver.wake();
    while (got.length < 1) await sleep(1);
    state.expecting = false;
    await sleep(20);
    const before = socket.looks;
    await sleep(20);
    expect(socket.looks).toBe(before);
  });

  it("ends when the socket is closed, also from its rest", async () => {
    const { socket, receiver, end } = open();
    await sleep(5);
    socket.closed = true;
    receiver.wake();
    await end;
  });
});
