/**
 * Loads an export of a JavaScript module of the user's own, named as `./mine.js#name`. The module
 * is code and runs with the rights of this process.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { OptionError } from "../foundation/errors.ts";
import { expandHome } from "../foundation/home.ts";
import { quoted } from "../foundation/messages.ts";

/** An export that was loaded, and the file that it came from. */
export interface LoadedExport {
  readonly value: unknown;
  /** An absolute path. */
  readonly path: string;
  /** Makes the error for an export that is not what it should be. */
  readonly refused: (why: string, remedy: string) => OptionError;
}

/** What is looked for, for messages. */
export interface Wanted {
  /** The option that names the module. */
  readonly option: string;
  /** Tells what to do where there is no such file. */
  readonly otherwise: string;
  /** Tells what the module is to export. */
  readonly exports: string;
}

/** A path, whose directories may have a `#` in them, and the name of an export. */
const MODULE = /^(.*?\.[cm]?[jt]s)(?:#([^#/\\]*))?$/;

/** Tells whether a text names a module: `./mine.js`, `../lib/mine.mjs#name`. */
export function isModuleName(name: string): boolean {
  return MODULE.test(name);
}

/**
 * Imports the module and takes one of its exports.
 * @param name a path, then `#` and the name of an export; without `#`, the default export.
 * @param base directory that a relative path starts from.
 * @throws OptionError that says what is missing: the file or the export.
 */
export async function loadExport(
  name: string,
  base: string,
  { option, otherwise, exports }: Wanted,
): Promise<LoadedExport> {
  const [, file = name, exported = "default"] = MODULE.exec(name) ?? [];
  const path = resolve(base, expandHome(file));
  const refusal = (message: string, remedy: string): OptionError =>
    new OptionError(option, name, { message, remedy });
  if (!existsSync(path)) {
    const message = `There is nothing at ${path}, which ${quoted(name)} names`;
    throw refusal(message, `Check the path${otherwise}.`);
  }
  const found = await importModule(path, refusal);
  if (!Object.hasOwn(found, exported)) {
    const names = Object.keys(found).join(", ");
    throw refusal(
      `${path} has no export named ${quoted(exported)}`,
      names === "" ? exports : `Name one of its exports: ${names}.`,
    );
  }
  const refused = (why: string, remedy: string): OptionError =>
    refusal(`The export ${exported} of ${path} ${why}`, remedy);
  return { value: found[exported], path, refused };
}

async function importModule(
  path: string,
  refusal: (message: string, remedy: string) => OptionError,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = refusal(
      `${path} cannot be imported: ${why}`,
      "Run it with node by itself to see what is wrong; it may import remdm where that is installed.",
    );
    error.cause = cause;
    throw error;
  }
}
