/**
 * Loads a strategy of the user's own from a JavaScript module, named as `./mine.js#name`. The
 * module is code and runs with the rights of this process.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isRecord } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { expandHome } from "../foundation/home.ts";
import { quoted } from "../foundation/messages.ts";
import {
  definitionOf,
  makerOf,
  type AnyStrategyMaker,
  type DefinedStrategy,
} from "../sampler/definition.ts";
import type { AnyOptions } from "../sampler/optionTable.ts";

/** A strategy that was loaded, and the file that it came from. */
export interface LoadedStrategy {
  readonly make: AnyStrategyMaker;
  /** An absolute path. */
  readonly path: string;
}

/** Tells whether the name of a strategy names a module: `./mine.js`, `../lib/mine.mjs#name`. */
export function isStrategyModule(name: string): boolean {
  return MODULE.test(name);
}

/** A path, whose directories may have a `#` in them, and the name of an export. */
const MODULE = /^(.*?\.[cm]?[jt]s)(?:#([^#/\\]*))?$/;

/**
 * Imports the module and takes one of its exports, which `defineStrategy` must have returned.
 * @param name a path, then `#` and the name of an export; without `#`, the default export.
 * @param base directory that a relative path starts from.
 * @throws OptionError that says what is missing: the file, the export, or a strategy in it.
 */
export async function loadStrategy(name: string, base: string): Promise<LoadedStrategy> {
  const [, file = name, exported = "default"] = MODULE.exec(name) ?? [];
  const path = resolve(base, expandHome(file));
  const refusal = (message: string, remedy: string): OptionError =>
    new OptionError("strategy", name, { message, remedy });
  if (!existsSync(path)) {
    throw refusal(
      `There is nothing at ${path}, which ${quoted(name)} names`,
      "Check the path, or name one that is built in.",
    );
  }
  const found = await importModule(path, refusal);
  if (!Object.hasOwn(found, exported)) {
    const names = Object.keys(found).join(", ");
    throw refusal(
      `${path} has no export named ${quoted(exported)}`,
      names === "" ? "Export what defineStrategy returns." : `Name one of its exports: ${names}.`,
    );
  }
  const make = found[exported];
  const strategy = makerIn(make);
  if (strategy !== undefined) return { make: strategy, path };
  throw refusal(
    `The export ${exported} of ${path} was not made by defineStrategy`,
    "Export what defineStrategy returns: export const name = defineStrategy({ ... }).",
  );
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

/** Takes a maker, or a strategy that one made: its options are defaults then. */
function makerIn(value: unknown): AnyStrategyMaker | undefined {
  const definition = definitionOf(value);
  if (definition === undefined) return undefined;
  const maker = makerOf(definition);
  if (!isRecord(value)) return maker;
  const own = Object.fromEntries(Object.entries(value).filter(([key]) => key !== "kind"));
  const make = (options: AnyOptions = {}): DefinedStrategy => maker.with({ ...own, ...options });
  return Object.assign(make, { with: make, definition });
}
