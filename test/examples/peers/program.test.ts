/** The command line and the tables of the comparison with published samplers. */
import { describe, expect, it } from "@jest/globals";
import { parsePeerOptions } from "../../../examples/parity/peerOptions.ts";
import {
  leftOutTable,
  peerHeader,
  peerLines,
  peerSummary,
  type PeerRow,
} from "../../../examples/parity/peerTable.ts";
import { UsageError } from "../../../examples/parity/usage.ts";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

describe("the command line", () => {
  it("takes checkouts, by the name of the recording or of the recorder's module", () => {
    const args = ["fast-dllm", "fast_dllm", "psi"].flatMap((name) => [
      "--checkout",
      `${name}=${packageRoot}`,
    ]);
    expect(parsePeerOptions(args).checkouts).toEqual([
      { peer: "fast-dllm", folder: packageRoot },
      { peer: "fast-dllm", folder: packageRoot },
      { peer: "psi", folder: packageRoot },
    ]);
    expect(parsePeerOptions(["--recorded"])).toEqual({ checkouts: [], help: false });
  });

  it.each([
    [[], "one of the two"],
    [["--recorded", "--checkout", `psi=${packageRoot}`], "one of the two"],
    [["--checkout", "nobody=."], '"nobody=."'],
    [["--checkout", packageRoot], "NAME=DIR"],
    [["--checkout", "psi=nowhere"], "nowhere is not a folder"],
    [["--colour"], "--colour"],
  ])("refuses %j", (args, message) => {
    const attempt = () => parsePeerOptions(args);
    expect(attempt).toThrow(UsageError);
    expect(attempt).toThrow(message);
  });
});

describe("the table", () => {
  const row: PeerRow = {
    peer: "psi",
    revision: "7c9b498f5b717de064d6fad7e2509c866e6cb620",
    strategy: "psi",
    cases: 12,
    tokens: 1720,
    mismatches: 3,
    calls: { theirs: 117, ours: 60 },
    apart: 1.9e-7,
    notes: ["case 3, MDLM.generate_samples {}: state 1, position 2: theirs 3, ours 4"],
  };

  it("has a line a strategy, and one for each case that does not agree", () => {
    const [titles] = peerHeader().split("\n");
    const [line, note] = peerLines(row).split("\n");
    expect(titles.split(/ {2,}/)).toHaveLength(line.split(/ {2,}/).length);
    expect(line.split(/ {2,}/)).toEqual([
      ...["psi", "7c9b498f", "psi", "12", "1,720", "3", "117", "60", "1.9e-7"],
    ]);
    expect(note).toBe(`  ${row.notes[0]}`);
    const { apart, ...without } = row;
    expect(apart).toBeGreaterThan(0);
    expect(peerLines({ ...without, notes: [] })).toMatch(/60 +-$/);
  });

  it("sums up, with what is not comparable", () => {
    const leftOut = [{ peer: "psi", reason: "masks are left", cases: 1 }];
    expect(leftOutTable(leftOut)).toMatch(/\npsi +1 {2}masks are left$/);
    expect(peerSummary([row], leftOut)).toBe(
      "11 of 12 compared cases agree; 3 mismatches in 1,720 tokens; 1 not comparable",
    );
  });
});
