/** The comparison with a published run finds mistakes that are planted in ours. */
import { describe, expect, it } from "@jest/globals";
import { compareRun, numbersApart } from "../../../examples/parity/peers/comparison.ts";
import { psi } from "../../../examples/parity/peers/drawFirst.ts";
import { inOurWords } from "../../../examples/parity/peers/inOurWords.ts";
import type { OurRun } from "../../../examples/parity/peers/ourRun.ts";
import type { PeerCase } from "../../../examples/parity/peers/recordings.ts";
import { peerCases } from "../../sampler/support/peers.ts";

/** @returns how many runs of a peer still agree once ours is changed. */
async function agreeing(peer: string, plant: (ours: OurRun) => OurRun): Promise<[number, number]> {
  const runs = peerCases(peer).flatMap((run): [PeerCase, OurRun][] => {
    const ours = inOurWords(peer, run);
    return typeof ours === "string" ? [] : [[run, ours]];
  });
  const agree = await Promise.all(
    runs.map(async ([run, ours]) => {
      const compared = await compareRun(run, plant(ours));
      return JSON.stringify(compared.ours) === JSON.stringify(compared.theirs);
    }),
  );
  return [agree.filter(Boolean).length, runs.length];
}

it("every token of psi is the published one, and in no run without its noise", async () => {
  expect(await agreeing("psi", (ours) => ours)).toEqual([12, 12]);
  const [agree] = await agreeing("psi", ({ noise: _noise, ...ours }) => ours);
  expect(agree).toBe(0);
});

it("psi with another kappa reveals other tokens", async () => {
  const strategy = { kind: "psi", kappa: 0.2 } as const;
  const [agree] = await agreeing("psi", (ours) => ({
    ...ours,
    options: { ...ours.options, strategy },
  }));
  expect(agree).toBeLessThan(6);
});

it("first hitting at other times is not the published one", async () => {
  const [run] = peerCases("first-hitting");
  const events = run.events?.map((event) => ({ ...event, uniform: event.uniform * 0.999 })) ?? [];
  const ours = inOurWords("first-hitting", { ...run, events });
  if (typeof ours === "string") throw new Error(ours);
  const compared = await compareRun(run, ours);
  expect(compared.ours).toEqual(compared.theirs);
  expect(numbersApart(compared)).toBeGreaterThan(1e-5);
});

it("first hitting that reveals other masks is not the published one", async () => {
  const [run] = peerCases("first-hitting");
  const events = run.events?.map((event) => ({ ...event, rank: event.masks - 1 })) ?? [];
  const ours = inOurWords("first-hitting", { ...run, events });
  if (typeof ours === "string") throw new Error(ours);
  const compared = await compareRun(run, ours);
  expect(compared.ours).not.toEqual(compared.theirs);
  expect(numbersApart(compared)).toBeLessThan(1e-6);
});

describe("the chances of psi", () => {
  it("are compared in every drawn call", () => {
    const [run] = peerCases("psi");
    const ours = psi(run);
    if (typeof ours === "string") throw new Error(ours);
    const known = (run.chances ?? []).flatMap(({ reveal, remask }) => [reveal, remask]);
    expect(ours.chances).toHaveLength(known.filter((chance) => chance !== null).length);
    expect(known.length).toBeGreaterThan(0);
  });

  it("differ where the published ones are changed by little", async () => {
    const [run] = peerCases("psi");
    const chances = run.chances?.map((one) => ({ ...one, reveal: (one.reveal ?? 0) + 1e-5 }));
    const changed = { ...run, chances: chances ?? [] };
    const ours = psi(changed);
    if (typeof ours === "string") throw new Error(ours);
    expect(numbersApart(await compareRun(changed, ours))).toBeGreaterThan(5e-6);
  });
});
