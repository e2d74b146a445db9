/** Reads values that a person types, and says what is wrong with them. */
import { randomInt } from "node:crypto";
import { InvalidArgumentError } from "commander";
import { DEVICES, isDevice, type Device } from "../backend/device.ts";
import { BUNDLED_NAMES, PUBLISHED_NAMES } from "../checkpoints/published.ts";
import { expandHome } from "../foundation/home.ts";

/** Bad usage: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}

/** What `--checkpoint` takes, for the help of every command. */
export const CHECKPOINT_HELP = `${BUNDLED_NAMES.join(", ")} (bundled); ${PUBLISHED_NAMES.join(", ")} (published, to be downloaded first); OWNER/NAME or OWNER/NAME@REVISION of the Hugging Face hub (likewise); a .ckpt or .safetensors file; or a directory`;

/**
 * For commander: a path or a name. `~/` is the home directory, also after `=`, where a shell leaves
 * it as it is.
 */
export function readPath(text: string): string {
  if (text !== "" && !text.includes("\0")) return expandHome(text);
  throw new InvalidArgumentError("It must be a path.");
}

/** For commander: a finite number. Its range is the library's to check. */
export function readNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number.");
}

/** For commander: a whole number. Its range is the library's to check. */
export function readInteger(text: string): number {
  const value = Number(text);
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number.");
}

/** For commander: how far to look ahead. */
export function readWindow(text: string): number | "auto" {
  if (text === "auto" || /^\d+$/.test(text)) return text === "auto" ? text : readInteger(text);
  throw new InvalidArgumentError("It must be a whole number, or auto.");
}

/**
 * For commander: seeds go beyond what a number holds exactly; a random one is short enough to be
 * typed again.
 */
export function readSeed(text: string): bigint {
  if (text === "random") return BigInt(randomInt(2 ** 32));
  if (/^\d+$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError("It must be a whole number from 0 to 2^64 - 1, or random.");
}

/** For commander: where a backend listens. */
export function readEndpoint(text: string): string {
  if (/^ipc:\/\/./.test(text)) return text;
  throw new InvalidArgumentError("It must be an ipc:// address.");
}

/** For commander: where the network runs. */
export function readDevice(text: string): Device {
  if (isDevice(text)) return text;
  throw new InvalidArgumentError(`It must be ${DEVICES}.`);
}
