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

  it("looks again while somebody waits, first at once and then at leisure", async () => {
    const { socket, receive } = open(500);
    let before: number;
    // Spinning is many looks a millisecond; it ends, however busy the machine is.
    do {
      before = socket.looks;
      expect(await receive()).toBeUndefined();
    } while (socket.looks - before > 20);
    expect(socket.looks).toBeGreaterThan(500);
  });

  it("never spins where it is told so", async () => {
    const { socket, receive } = open(0);
    await receive();
    expect(socket.looks).toBeLessThan(20);
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
