/** Reads the variables of a chat template that `--template-option` gives. */
import { jsonOrNothing } from "../../../foundation/json.ts";
import { UsageError } from "../../usage.ts";

/**
 * Reads `name=value` each. A value is JSON where it can be read as JSON, and else a text: `false`
 * is false, `"false"` and `no` are texts.
 * @throws UsageError for a pair without a name or a value.
 */
export function readTemplateOptions(pairs: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    pairs.map((pair): [string, unknown] => {
      const [name, ...rest] = pair.split("=");
      if (name === "" || rest.length === 0) {
        throw new UsageError(
          `--template-option ${pair} is no pair`,
          "Write NAME=VALUE, such as enable_thinking=false.",
        );
      }
      const value = rest.join("=");
      return [name, jsonOrNothing(value) ?? (value === "null" ? null : value)];
    }),
  );
}
