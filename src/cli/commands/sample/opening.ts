/**
 * Says what a run samples with, before it begins: in the words of the flags, so that a reader can
 * type them. The options of the strategy come from its option table.
 */
import { counted, quoted } from "../../../foundation/messages.ts";
import type { GuideSettings, RunSettings } from "../../../program/run.ts";
import type { TokenName } from "../../../program/tokenNames.ts";
import { written, type OptionTable, type StrategyOption } from "../../../sampler/optionTable.ts";
import { kebab, wordsOf } from "./strategyOptions.ts";

/** The settings of a run; `steps` is undefined where its strategy takes none. */
export type OpeningSettings = Omit<RunSettings, "steps" | "firstSample" | "batchSize" | "noise"> & {
  readonly steps: number | undefined;
};

/** The most tokens that are listed. */
const MOST_LISTED = 8;

/**
 * Lists the options that decide: every number of the strategy, and what else is not its default.
 * The seed is the one to type to see the run again, also when it was chosen at random.
 * @param table the options of the strategy.
 * @param named what a strategy of the composable family was called.
 */
export function opening(
  settings: OpeningSettings,
  table: OptionTable,
  named: string | undefined,
): string {
  const { strategy, steps, length, samples, temperature, topK, topP, guidance } = settings;
  const { banned, suppressed, stride, strides, blockLength } = settings;
  const { until, executor, quirks, guide, seed } = settings;
  const parts = [
    strategy.kind === "remdm" && named !== undefined ? named : strategy.kind,
    ...optionsSaid(table, strategy),
    ...(steps === undefined ? [] : [counted(steps, "step")]),
    `length ${length}`,
    ...(samples === 1 ? [] : [counted(samples, "sample")]),
    ...(temperature === 1 ? [] : [`temperature ${temperature}`]),
    ...(topK === undefined ? [] : [`top-k ${topK}`]),
    ...(topP === 1 ? [] : [`top-p ${topP}`]),
    ...(guidance === 0 ? [] : [`guidance ${guidance}`]),
    ...tokensSaid("ban", banned),
    ...tokensSaid("suppress", suppressed),
    ...(strides === 0 ? [] : [`stride ${stride}`, `strides ${strides}`]),
    ...(blockLength === undefined ? [] : [`block-length ${blockLength}`]),
    ...(until === "length" ? [] : [`until ${until}`]),
    ...(executor === "events" ? [] : [`executor ${executor}`]),
    ...(quirks === "original" ? [] : [`quirks ${quirks}`]),
    ...(guide === undefined ? [] : [guideSaid(guide)]),
    `seed ${seed}`,
  ];
  return `Sampling: ${parts.join(", ")}`;
}

function optionsSaid(table: OptionTable, values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(table).flatMap(([name, option]) => optionSaid(name, option, values[name]));
}

function optionSaid(name: string, option: StrategyOption, value: unknown): string[] {
  switch (option.type) {
    case "number":
    case "integer":
      return [`${wordsOf(option.setting ?? name)} ${String(value)}`];
    case "flag":
      return value === option.default ? [] : [`${name} ${String(value)}`];
    case "choice":
      return value === (option.default ?? option.choices[0]) ? [] : [`${name} ${String(value)}`];
    case "integers":
    case "variant":
      return value === undefined ? [] : [`${name} ${written(value)}`];
  }
}

function tokensSaid(flag: string, tokens: readonly TokenName[]): string[] {
  if (tokens.length === 0) return [];
  const listed = tokens
    .slice(0, MOST_LISTED)
    .map((token) => (typeof token === "string" ? quoted(token) : String(token)));
  const more = tokens.length > MOST_LISTED ? ` and ${tokens.length - MOST_LISTED} more` : "";
  return [`${flag} ${listed.join(" ")}${more}`];
}

function guideSaid({ method = "smc", ...rest }: GuideSettings): string {
  const said = Object.entries(rest).map(([name, value]) => `${kebab(name).slice(2)} ${value}`);
  return `guide ${method} (${said.join(", ")})`;
}
