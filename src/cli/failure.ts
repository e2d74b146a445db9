/**
 * Turns errors into what the command line shows and into exit codes: 1 for a failure, 2 for bad
 * usage.
 */
import { CommanderError } from "commander";
import { isRecord } from "../foundation/checks.ts";
import { OptionError, RemdmError } from "../foundation/errors.ts";
import { limitRemedy, shortened } from "../foundation/messages.ts";
import { inFlags, UNNAMED, type Naming } from "./naming.ts";
import { UsageError } from "./usage.ts";

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

export interface Failure {
  readonly code: number;
  /** Empty when everything has been said. */
  readonly text: string;
}

/** @param naming what the command calls the library's options. */
export function failureOf(error: unknown, naming: Naming = UNNAMED): Failure {
  if (error instanceof CommanderError) {
    // Help and version end this way too; commander has written what there is to say.
    return { code: error.exitCode === 0 ? 0 : EXIT_USAGE, text: "" };
  }
  if (error instanceof UsageError) {
    return { code: EXIT_USAGE, text: shown(error.message, error.remedy, error) };
  }
  if (RemdmError.isInstance(error)) {
    const option = error instanceof OptionError ? error.option : undefined;
    const [message, remedy] = [error.message, error.remedy].map((text) =>
      inFlags(text, naming, option),
    );
    const code = isUsage(error) ? EXIT_USAGE : EXIT_FAILURE;
    return { code, text: shown(message, remedy, error) };
  }
  const message = error instanceof Error ? error.message : String(error);
  const remedy =
    limitRemedy(error) ??
    "This should not happen: run it again with REMDM_DEBUG=1 and report what it prints.";
  return { code: EXIT_FAILURE, text: shown(message, remedy, error) };
}

/**
 * Makes the error of a file, or of standard output, that takes no more.
 * @param what failed, without the reason.
 * @param kept where the disk is full: a sentence on what there is all the same.
 */
export function outputError(what: string, cause: unknown, kept?: string): RemdmError {
  const why = isRecord(cause) ? String(cause.message) : String(cause);
  return new RemdmError(`${what}: ${why}`, {
    code: "output_failed",
    remedy:
      isRecord(cause) && cause.code === "ENOSPC"
        ? `Free some space. ${kept ?? ""}`.trimEnd()
        : "Name a file in a directory that exists and that you may write to.",
    cause,
  });
}

/** An experiment file says options; whether it can be read is no matter of usage. */
function isUsage(error: RemdmError): boolean {
  if (error instanceof OptionError) return true;
  const isFileError = isRecord(error.cause) && typeof error.cause.syscall === "string";
  return error.code === "experiment_invalid" && !isFileError;
}

function shown(message: string, remedy: string, error: unknown): string {
  const text = `error: ${shortened(message.trimEnd())}\n  ${remedy}\n`;
  return process.env.REMDM_DEBUG ? `${text}\n${details(error)}\n` : text;
}

/** Writes the stack of an error, and the stacks of what caused it. */
function details(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${details(error.cause)}`;
}
