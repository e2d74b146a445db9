/** Loads a strategy of the user's own from a JavaScript module, named as `./mine.js#name`. */
import { isRecord } from "../foundation/checks.ts";
import {
  definitionOf,
  makerOf,
  type AnyStrategyMaker,
  type DefinedStrategy,
} from "../sampler/definition.ts";
import type { AnyOptions } from "../sampler/optionTable.ts";
import { loadExport } from "./loadExport.ts";

/** A strategy that was loaded, and the file that it came from. */
export interface LoadedStrategy {
  readonly make: AnyStrategyMaker;
  /** An absolute path. */
  readonly path: string;
}

/**
 * Imports the module and takes one of its exports, which `defineStrategy` must have returned.
 * @param name a path, then `#` and the name of an export; without `#`, the default export.
 * @param base directory that a relative path starts from.
 * @throws OptionError that says what is missing: the file, the export, or a strategy in it.
 */
export async function loadStrategy(name: string, base: string): Promise<LoadedStrategy> {
  const { value, path, refused } = await loadExport(name, base, {
    option: "strategy",
    otherwise: ", or name one that is built in",
    exports: "Export what defineStrategy returns.",
  });
  const make = makerIn(value);
  if (make !== undefined) return { make, path };
  throw refused(
    "was not made by defineStrategy",
    "Export what defineStrategy returns: export const name = defineStrategy({ ... }).",
  );
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
