/** Checks headers against `schemas/*.json`, the same files that the Python side reads. */
import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";
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
 * Reads and compiles the schema at the first message, so that importing the package reads nothing.
 */
function lazily<Header>(name: "request" | "reply"): Check<Header> {
  let validators: Map<unknown, ValidateFunction<Header>> | undefined;
  return (header) => {
    validators ??= compileByType<Header>(name);
    const type = typeof header === "object" && header !== null && "type" in header && header.type;
    const validate = validators.get(type);
    if (validate === undefined) {
      const known = [...validators.keys()].join(", ");
      throw new ProtocolError(`A ${name} has no type among ${known}`, readableId(header));
    }
    if (validate(header)) return header;
    const error = validate.errors?.[0];
    const where = `${String(type)}${error?.instancePath ?? ""}`;
    throw new ProtocolError(
      `A ${name} is invalid: ${where} ${error?.message ?? "is not allowed"}`,
      readableId(header),
    );
  };
}

/**
 * Compiles one validator for each member of the union: this is faster than `anyOf`, and its message
 * names one thing.
 */
function compileByType<Header>(name: string): Map<unknown, ValidateFunction<Header>> {
  const path = packagePath("schemas", `${name}.json`);
  // Generated from `protocol.ts`: it has this form.
  const schema = JSON.parse(readFileSync(path, "utf8")) as UnionSchema;
  const ajv = new Ajv({ strict: false });
  return new Map(
    schema.anyOf.map(({ $ref }) => {
      const definition = schema.definitions[$ref.replace("#/definitions/", "")];
      const validate = ajv.compile<Header>({ $ref, definitions: schema.definitions });
      return [definition.properties?.type?.const, validate];
    }),
  );
}
