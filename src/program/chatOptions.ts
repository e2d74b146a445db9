/** Checks the options of a chat, and fills in how long its answer is and in which blocks. */
import type { ChatMessage } from "../backend/renderChat.ts";
import {
  checkAbsent,
  checkChoice,
  checkInteger,
  checkKeys,
  isRecord,
} from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import type { DenoiserModel } from "../sampler/denoiser.ts";
import type { FinishReason } from "../sampler/events.ts";
import { followsPublished } from "../sampler/loopPlan.ts";
import { findStrategy, takesSteps } from "../sampler/strategies/find.ts";
import type { SampleOptions } from "./sampleOptions.ts";

/** The options that the messages decide, and those of texts that are longer than the model. */
const SET_BY_MESSAGES = [
  "prompt",
  "pinned",
  "start",
  "length",
  "stride",
  "strides",
] as const satisfies readonly (keyof SampleOptions)[];

export interface ChatOptions extends Omit<SampleOptions, (typeof SET_BY_MESSAGES)[number]> {
  /**
   * The turns of the chat so far, one at least, in place of a prompt: the checkpoint's chat
   * template writes them, and the samples are answers. Special tokens that a content writes become
   * tokens, as in transformers; a mask is refused.
   */
  readonly messages: readonly ChatMessage[];
  /**
   * Most tokens of an answer, in [1, model.length); an answer that ends earlier is shorter. Default
   * 128, and at most half of the model's length.
   */
  readonly answerLength?: number;
  /**
   * Variables that the chat template is given beside the messages, plain JSON: `{ enable_thinking:
   * false }`. Which there are, the template says. Default: none.
   */
  readonly templateOptions?: Readonly<Record<string, unknown>>;
}

/** A chat whose options are checked. */
export interface PreparedChat {
  readonly messages: readonly ChatMessage[];
  readonly variables: Readonly<Record<string, unknown>>;
  readonly answerLength: number;
  readonly until: FinishReason;
  /** The options of the sampler, without its length. */
  readonly sampling: Omit<SampleOptions, "specialTokens" | (typeof SET_BY_MESSAGES)[number]>;
}

/** Tokens of an answer, where the caller says nothing: LLaDA's `gen_length`. */
const ANSWER_LENGTH = 128;
/** Tokens of a block of an answer: LLaDA's `block_length`. */
const BLOCK_LENGTH = 32;
/** Variables of a template that the library sets. */
const RESERVED = ["messages", "add_generation_prompt"];
/** How deep `templateOptions` may be nested. */
const MOST_DEPTH = 32;

/**
 * Reads the options of a chat.
 * @throws OptionError that names the message by its place, or the option.
 */
export function readChat(
  options: Omit<ChatOptions, "specialTokens">,
  model: DenoiserModel,
): PreparedChat {
  checkAbsent({ ...options }, SET_BY_MESSAGES, (name) => ({
    allowed: "undefined with messages",
    remedy: name === "length" ? "Say `answerLength`." : `Leave ${name} out.`,
  }));
  const { messages, answerLength, templateOptions, until, ...rest } = options;
  if (model.kind === "ar") {
    throw new OptionError("messages", messages, {
      message: "An ar model answers no messages: chats are for masked models",
      remedy: "Take a masked model, or give a prompt.",
    });
  }
  const length = readAnswerLength(answerLength, model);
  return {
    messages: readMessages(messages),
    variables: readVariables(templateOptions),
    answerLength: length,
    until: checkChoice("until", until, ["end", "length"]),
    sampling: { ...rest, ...partsOf(rest, length, model) },
  };
}

function readAnswerLength(answerLength: unknown, { length }: DenoiserModel): number {
  const usual = Math.max(1, Math.min(ANSWER_LENGTH, Math.floor(length / 2)));
  return checkInteger(
    "answerLength",
    answerLength === undefined ? usual : answerLength,
    1,
    length - 1,
  );
}

/** Fills in the blocks and steps of an answer, where the caller does not say: a step a token. */
function partsOf(
  { strategy, executor, steps, blockLength }: Partial<SampleOptions>,
  answerLength: number,
  { kind = "mdlm", blockLength: own }: DenoiserModel,
): Pick<SampleOptions, "steps" | "blockLength"> {
  if (own !== undefined) return {}; // the sampler has the model's own blocks
  const { definition } = findStrategy(strategy, kind);
  const isDense = kind === "d3pm" || executor === "dense";
  const hasBlocks = definition.windows !== false && (!isDense || followsPublished(definition));
  if (blockLength !== undefined) return {}; // it stays as it is
  if (hasBlocks) return { blockLength: Math.min(BLOCK_LENGTH, answerLength) };
  return steps === undefined && takesSteps(strategy) ? { steps: answerLength } : {};
}

/** Checks messages of any origin. @throws OptionError. */
export function readMessages(messages: unknown): readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new OptionError("messages", messages, "an array of one message or more");
  }
  // Not `map`, which skips the holes of an array.
  return Array.from(messages, (message: unknown, i): ChatMessage => {
    const name = `messages[${i}]`;
    if (!isRecord(message)) {
      throw new OptionError(name, message, "an object with a role and a content");
    }
    checkKeys(`${name}.`, "a message", message, ["role", "content"]);
    const { role, content } = message;
    if (typeof role !== "string" || role === "") {
      throw new OptionError(`${name}.role`, role, "a text that is not empty, such as user");
    }
    if (typeof content !== "string") throw new OptionError(`${name}.content`, content, "a text");
    return { role, content };
  });
}

function readVariables(options: unknown): Readonly<Record<string, unknown>> {
  if (options === undefined) return {};
  if (!isRecord(options)) throw new OptionError("templateOptions", options, "an object");
  for (const [name, value] of Object.entries(options)) {
    const option = `templateOptions.${name}`;
    if (RESERVED.includes(name)) {
      throw new OptionError(option, value, "undefined: the library sets it");
    }
    if (isJson(value, MOST_DEPTH)) continue;
    throw new OptionError(
      option,
      value,
      "plain JSON: texts, finite numbers, true, false, null, arrays and objects",
    );
  }
  return options;
}

function isJson(value: unknown, depth: number): boolean {
  if (depth === 0) return false;
  if (typeof value === "number") return Number.isFinite(value);
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (Array.isArray(value)) return value.every((one) => isJson(one, depth - 1));
  if (!isRecord(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  return isPlain && Object.values(value).every((one) => isJson(one, depth - 1));
}
