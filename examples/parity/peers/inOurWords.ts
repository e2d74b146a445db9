/**
 * How a recorded run of a published sampler is said in our words: which strategy, which options and
 * which noise, or why it cannot be said.
 */
import {
  diffusers,
  dream,
  editing,
  entropyBounded,
  fastDllm,
  llada,
  mdpo,
  p2,
  remdmLlada,
} from "./askFirst.ts";
import { firstHitting, psi } from "./drawFirst.ts";
import type { OurRun, Reason } from "./ourRun.ts";
import type { PeerCase } from "./recordings.ts";

type Say = (run: PeerCase) => OurRun | Reason;

const PEERS: ReadonlyMap<string, Say> = new Map([
  ["llada", llada],
  ["fast-dllm", fastDllm],
  ["remdm-llada", remdmLlada],
  ["dream", dream],
  ["mdpo", mdpo],
  ["p2", p2],
  ["entropy-bounded", entropyBounded],
  ["editing", editing],
  ["hf-diffusers", diffusers],
  ["first-hitting", firstHitting],
  ["psi", psi],
]);
export const PEER_NAMES: readonly string[] = Array.from(PEERS.keys());

/** Says a run of a peer in our words. @param peer the name of its file, without `.json`. */
export function inOurWords(peer: string, run: PeerCase): OurRun | Reason {
  const say = PEERS.get(peer);
  if (say === undefined) throw new Error(`${peer} is none of the peers`);
  return say(run);
}
