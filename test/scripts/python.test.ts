import { describe, expect, it } from "@jest/globals";
import { choose } from "../../scripts/setup/python.mjs";

type Found = Parameters<typeof choose>[0][number];

function python(version: [number, number, number], more: Partial<Found> = {}): Found {
  return {
    command: "python3",
    state: "works",
    version,
    bits: 64,
    makesVenvs: true,
    hasPip: true,
    executable: "/usr/bin/python3",
    complaint: "",
    ...more,
  };
}
const absent = python([0, 0, 0], { state: "absent" });

describe("which Python is taken", () => {
  it("the first that suits, whatever stands before it", () => {
    const good = python([3, 12, 1]);
    const broken = python([0, 0, 0], { state: "broken" });
    expect(choose([broken, python([3, 9, 2]), good, python([3, 11, 0])])).toBe(good);
  });

  it("one that is newer than the packages only when there is no other", () => {
    const tooNew = python([3, 99, 0]);
    const good = python([3, 13, 0]);
    expect(choose([tooNew, good])).toBe(good);
    expect(choose([tooNew])).toBe(tooNew);
  });
});

describe("why none is taken", () => {
  it.each<[string, Found[], string, string]>([
    ["none at all", [absent], "No Python was found", "apt-get install python3 python3-venv"],
    ["too old", [absent, python([3, 8, 18])], "found only Python 3.8.18", "3.10"],
    [
      "a shim that does not run",
      [python([0, 0, 0], { state: "broken", complaint: "pyenv: python3: command not found" })],
      "does not run: pyenv: python3: command not found",
      "pyenv global",
    ],
    [
      "Debian without venv",
      [python([3, 11, 2], { makesVenvs: false })],
      "cannot make virtual environments",
      "apt-get install python3.11-venv",
    ],
    ["32 bit", [python([3, 11, 2], { bits: 32 })], "32-bit", "Install Python"],
  ])("%s", (_, seen, message, remedy) => {
    let problem: unknown;
    try {
      choose(seen, "linux");
    } catch (error) {
      problem = error;
    }
    expect(problem).toMatchObject({
      message: expect.stringContaining(message),
      remedy: expect.stringContaining(remedy),
    });
  });

  it("advises as the system is", () => {
    expect(() => choose([absent], "darwin")).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("brew") }),
    );
  });
});
