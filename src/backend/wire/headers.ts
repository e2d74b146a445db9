/** Checks headers against `schemas/*.json`, the same files that the Python side reads. */
import { readFileSync } from "node:fs";
import { Ajv, type SchemaObject, type ValidateFunction } from "ajv";
import { ProtocolError } from "../errors.ts";
import { packagePath } from "../../foundation/packageRoot.ts";
import type { Reply, Request } from "./protocol.ts";

/**
 * Narrows the type of an unpacked header; throws ProtocolError when the protocol does not allow it.
 */
type Check<Header> = (header: unknown) => Header;

interface UnionSchema {
  readonly anyOf: readonly { readonly $ref: string }[];
  readonly definitions: Record<string, { properties?: { type?: { const?: string } } }>;
}

export const checkRequest: Check<Request> = lazily("request");
export const checkReply: Check<Reply> = lazily("reply");

/** Returns the id of the request that a message speaks of, valid or not. */
function readableId(header: unknown): number | undefined {
  if (typeof header !== "object" || header === null || !("id" in header)) return undefined;
  return Number.isSafeInteger(header.id) ? Number(header.id) : undefined;
}

/**
 * Reads the schema at the first message, so that importing the package reads nothing. There is one
 * validator for each member of the union: this is faster than `anyOf`, and its message names one
 * thing. Each is compiled when it is first needed, because a start waits for what is compiled.
 */
function lazily<Header>(name: "request" | "reply"): Check<Header> {
  let records: ReadonlyMap<unknown, SchemaObject> | undefined;
  const validators = new Map<unknown, ValidateFunction<Header>>();
  return (header) => {
    records ??= recordsByType(name);
    const type = typeof header === "object" && header !== null && "type" in header && header.type;
    const record = records.get(type);
    if (record === undefined) {
      const known = [...records.keys()].join(", ");
      throw new ProtocolError(`A ${name} has no type among ${known}`, readableId(header));
    }
    const validate = validators.get(type) ?? ajv().compile<Header>(record);
    validators.set(type, validate);
    if (validate(header)) return header;
    const error = validate.errors?.[0];
    const where = `${String(type)}${error?.instancePath ?? ""}`;
    throw new ProtocolError(
      `A ${name} is invalid: ${where} ${error?.message ?? "is not allowed"}`,
      readableId(header),
    );
  };
}

let shared: Ajv | undefined;

/** Makes the compiler of schemas when it is first needed. */
function ajv(): Ajv {
  shared ??= new Ajv({ strict: false });
  return shared;
}

/** Reads the schemas of the members of the union by their type. */
function recordsByType(name: string): ReadonlyMap<unknown, SchemaObject> {
  const path = packagePath("schemas", `${name}.json`);
  // Generated from `protocol.ts`: it has this form.
  const { anyOf, definitions } = JSON.parse(readFileSync(path, "utf8")) as UnionSchema;
  return new Map(
    anyOf.map(({ $ref }) => {
      const definition = definitions[$ref.replace("#/definitions/", "")];
      return [definition.properties?.type?.const, { $ref, definitions }];
    }),
  );
}
