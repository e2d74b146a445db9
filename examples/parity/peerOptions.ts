/** The command line of the comparison with published samplers. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { PEER_NAMES } from "./peers/inOurWords.ts";
import { UsageError } from "./usage.ts";

export interface Checkout {
  /** One of `PEER_NAMES`. */
  readonly peer: string;
  /** Absolute path. */
  readonly folder: string;
}

export interface PeerOptions {
  /** Empty: the committed recordings are compared. */
  readonly checkouts: readonly Checkout[];
  readonly help: boolean;
}

export const HELP = `Runs published samplers and remdm's strategies on one tiny network with the same noise, and compares every token.

usage: node examples/dist/parity/peers.js --checkout NAME=DIR [--checkout NAME=DIR ...]
       node examples/dist/parity/peers.js --recorded

  --checkout NAME=DIR  a checkout of a published sampler (repeatable): ${PEER_NAMES.join(", ")};
                       examples/parity/peers/README.md has repositories and revisions
  --recorded           compare with what was recorded of them, in test/golden/peers; needs no Python
  --help

environment:
  REMDM_REFERENCE_PYTHON  the Python that the published samplers run in; default: the one that remdm uses
`;

/** @throws UsageError. */
export function parsePeerOptions(args: readonly string[]): PeerOptions {
  const { checkout, recorded, help } = parsed(args);
  if (!help && recorded === checkout.length > 0) {
    throw misused("Name checkouts, or say --recorded: one of the two");
  }
  return { checkouts: checkout.map(checkoutOf), help };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        checkout: { type: "string", multiple: true, default: [] },
        recorded: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw misused(error instanceof Error ? error.message : String(error));
  }
}

function checkoutOf(text: string): Checkout {
  const at = text.indexOf("=");
  const peer = text.slice(0, Math.max(0, at)).replaceAll("_", "-");
  if (!PEER_NAMES.includes(peer)) {
    throw misused(
      `--checkout takes NAME=DIR, NAME one of ${PEER_NAMES.join(", ")}; not ${JSON.stringify(text)}`,
    );
  }
  const folder = resolve(text.slice(at + 1));
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return { peer, folder };
  throw misused(`${folder} is not a folder`);
}

function misused(message: string): UsageError {
  return new UsageError(message, "--help shows the options.");
}
