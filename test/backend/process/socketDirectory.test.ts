import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import {
  makeSocketDirectory,
  MAX_SOCKET_PATH_BYTES,
} from "../../../src/backend/process/socketDirectory.ts";

describe("makeSocketDirectory", () => {
  it("falls back to a shorter place when the path would be too long for a socket", () => {
    const long = `/${"x".repeat(90)}`;
    const directory = makeSocketDirectory([long, "/tmp"]);
    try {
      expect(directory.path).toMatch(/^\/tmp\/remdm-.{6}$/);
      expect(existsSync(directory.path)).toBe(true);
    } finally {
      directory.remove();
    }
    expect(existsSync(directory.path)).toBe(false);
    directory.remove();
  });

  it("counts bytes, not characters, up to exactly what the system takes", () => {
    const parent = mkdtempSync("/tmp/remdm-t-");
    const room = MAX_SOCKET_PATH_BYTES - Buffer.byteLength("/remdm-XXXXXX/backend.sock");
    const exact = `${parent}/${"é".repeat(100)}`.slice(0, room);
    expect(() => makeSocketDirectory([exact])).toThrow("longer than");
    rmSync(parent, { recursive: true });
  });

  it.each([
    ["too long", [`/${"x".repeat(200)}`]],
    ["not there", [join("/nowhere", "at-all")]],
  ])("says what to do when the only place is %s", (_, parents) => {
    expect(() => makeSocketDirectory(parents)).toThrow(
      expect.objectContaining({
        code: "backend_start_failed",
        remedy: expect.stringContaining("TMPDIR"),
      }),
    );
  });
});
