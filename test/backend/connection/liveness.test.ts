import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Liveness } from "../../../src/backend/connection/liveness.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function watch() {
  const ask = jest.fn<() => void>();
  const giveUp = jest.fn<(silentMs: number) => void>();
  return { ask, giveUp, liveness: new Liveness({ intervalMs: 10, limitMs: 30 }, ask, giveUp) };
}

describe("Liveness", () => {
  it("asks every interval, and gives up when the limit has passed in silence", () => {
    const { ask, giveUp, liveness } = watch();
    liveness.start();
    jest.advanceTimersByTime(39);
    expect(ask).toHaveBeenCalledTimes(3);
    expect(giveUp).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(giveUp).toHaveBeenCalledWith(40);
    liveness.stop();
  });

  it("begins anew at each sign of life", () => {
    const { giveUp, liveness } = watch();
    liveness.start();
    for (let i = 0; i < 10; i++) {
      jest.advanceTimersByTime(25);
      liveness.heard();
    }
    expect(giveUp).not.toHaveBeenCalled();
    liveness.stop();
  });

  it("does not count the time in which the event loop stood still", () => {
    const { giveUp, liveness } = watch();
    liveness.start();
    jest.setSystemTime(Date.now() + 3_600_000);
    jest.advanceTimersByTime(30);
    expect(giveUp).not.toHaveBeenCalled();
    liveness.stop();
  });

  it("holds no timer when stopped, and starts once however often it is told", () => {
    const { ask, liveness } = watch();
    liveness.start();
    liveness.start();
    jest.advanceTimersByTime(10);
    expect(ask).toHaveBeenCalledTimes(1);
    liveness.stop();
    expect(jest.getTimerCount()).toBe(0);
  });
});
