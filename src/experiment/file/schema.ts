/** Checks the shape of an experiment file against `schemas/experiment.json`, before its meaning. */
import { readFileSync } from "node:fs";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { packagePath } from "../../foundation/packageRoot.ts";
import { quoted } from "../../foundation/messages.ts";
import { ExperimentError } from "../errors.ts";
import { pathText, type Path, type Source } from "./source.ts";
import type { ExperimentFile } from "./types.ts";

let validator: ValidateFunction<ExperimentFile> | undefined;

/**
 * Checks that a value has the shape of an experiment file.
 * @throws ExperimentError experiment_invalid that says where, what was found and what is allowed.
 */
export function checkShape(value: unknown, source: Source): ExperimentFile {
  validator ??= compile();
  if (validator(value)) return value;
  const error = tellingError(validator.errors ?? []);
  const { path, found, allowed } = complaint(error, value, validator.errors ?? []);
  const name = path.length === 0 ? "the experiment" : pathText(path);
  throw new ExperimentError(
    "experiment_invalid",
    `${source.where(path)} ${found}`,
    `${allowed.replace("%", name)}; docs/experiments.md lists what a file may say.`,
  );
}

function compile(): ValidateFunction<ExperimentFile> {
  const text = readFileSync(packagePath("schemas", "experiment.json"), "utf8");
  // verbose: errors carry the part of the schema that they come from.
  const ajv = new Ajv({ strict: false, allErrors: true, verbose: true });
  return ajv.compile<ExperimentFile>(JSON.parse(text) as object);
}

/** Keywords of the schema, the most telling first: a misspelt key says more than a wrong type. */
const RANKS = ["additionalProperties", "required", "enum", "const", "minItems", "type"];

/** Chooses, from the errors of all alternatives, the one deepest in the file. */
function tellingError(errors: readonly ErrorObject[]): ErrorObject {
  const depth = ({ instancePath }: ErrorObject): number => instancePath.split("/").length;
  const rank = ({ keyword }: ErrorObject): number =>
    RANKS.includes(keyword) ? RANKS.indexOf(keyword) : RANKS.length;
  const [first] = [...errors].sort((a, b) => depth(b) - depth(a) || rank(a) - rank(b));
  return first;
}

interface Complaint {
  readonly path: Path;
  /** Goes on after the place. */
  readonly found: string;
  /** A sentence; % stands for the place. */
  readonly allowed: string;
}

function complaint(error: ErrorObject, value: unknown, all: readonly ErrorObject[]): Complaint {
  const path = pathOf(error.instancePath, value);
  const { keyword } = error;
  const params: Readonly<Record<string, unknown>> = error.params;
  if (keyword === "additionalProperties") {
    const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
    return {
      path: [...path, String(params.additionalProperty)],
      found: "is not a known key",
      allowed: `Leave it out, use one of ${known.sort().join(", ")}, or let a key that is only a note or an anchor begin with x-`,
    };
  }
  if (keyword === "required") {
    const missing = String(params.missingProperty);
    return { path, found: `lacks ${missing}`, allowed: `Give % its ${missing}` };
  }
  const found = `is ${shown(valueAt(value, path))}`;
  const same = all.filter(({ instancePath }) => instancePath === error.instancePath);
  const phrases = new Set(same.flatMap(phrasesOf));
  const list = [...phrases].join(" or ") || (error.message ?? "something else");
  return { path, found: `${found}, which is not allowed`, allowed: `Set % to ${list}` };
}

function phrasesOf(error: ErrorObject): string[] {
  const params: Readonly<Record<string, unknown>> = error.params;
  switch (error.keyword) {
    case "type":
      return [params.type]
        .flat()
        .map(
          (type) =>
            `${type === "array" || type === "object" ? "an" : "a"} ${type === "array" ? "array" : String(type)}`,
        );
    case "enum":
      return (params.allowedValues as unknown[]).map((one) => JSON.stringify(one));
    case "const":
      return [JSON.stringify(params.allowedValue)];
    case "minItems":
      return ["a list with something in it"];
    default:
      return [];
  }
}

/** Reads a JSON pointer; an index of a list becomes a number. */
function pathOf(pointer: string, value: unknown): Path {
  const path: (string | number)[] = [];
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(valueAt(value, path)) ? Number(key) : key);
  }
  return path;
}

function valueAt(value: unknown, path: Path): unknown {
  let at: unknown = value;
  for (const key of path) {
    at = typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined;
  }
  return at;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null (as YAML reads `~` and an empty value)";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a map of keys";
  return typeof value === "string" ? quoted(value) : JSON.stringify(value);
}
