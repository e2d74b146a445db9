/** Prepares a run whose samples answer messages. */
import type { ChatMessage, RenderedChat } from "../backend/renderChat.ts";
import { checkBoolean } from "../foundation/checks.ts";
import { OptionError } from "../foundation/errors.ts";
import { counted } from "../foundation/messages.ts";
import { longestText } from "../sampler/blocks.ts";
import type { RowPool } from "../sampler/draw/workers/rowPool.ts";
import type { Denoiser, DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import { withPinned, type PreparedRun } from "../sampler/prepare.ts";
import { runEvents } from "../sampler/run.ts";
import { unknownError } from "../tokenizer/errors.ts";
import type { Tokenizer, UnknownPiece } from "../tokenizer/tokenizer.ts";
import { readChat, type ChatOptions, type PreparedChat } from "./chatOptions.ts";
import { prepareNamed } from "./prompt.ts";
import { SampleRun, type ChatResult, type SampleResult } from "./run.ts";
import { RunTexts } from "./runTexts.ts";
import { withNamedTokens } from "./tokenNames.ts";

/** Makes the text of a chat up to the place where the answer begins. */
export type Render = (
  messages: readonly ChatMessage[],
  variables: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<RenderedChat>;

/** What a chat needs of a model. */
interface Chatting {
  readonly denoiser: Denoiser;
  readonly tokenizer: Tokenizer;
  readonly rowPool?: RowPool;
}

/**
 * Prepares the run. Its messages are rendered and encoded when it begins; until then it has the
 * length of its answer.
 * @throws OptionError for everything that does not depend on the tokens of a text.
 */
export function prepareChat(
  { denoiser, tokenizer, rowPool }: Chatting,
  options: ChatOptions,
  render: Render,
): SampleRun<ChatResult> {
  const { model } = denoiser;
  const { specialTokens: special = true, ...rest } = options;
  const specialTokens = checkBoolean("specialTokens", special);
  const chat = readChat(rest, model);
  const { sampling, answerLength, until } = chat;
  const { run, names } = prepareNamed({ ...sampling, length: answerLength }, model);
  const texts = new RunTexts(tokenizer, { model, run, specialTokens });
  let begun = run;
  const start = async function* (signal: AbortSignal) {
    const { text, endIds } = await render(chat.messages, chat.variables, signal);
    const prompt = await encodeChat(text, tokenizer, model);
    const prompted = withChat(chat, prompt, model);
    const ends = await endTokens(endIds, tokenizer, model);
    const named = await withNamedTokens(prompted, names, tokenizer, model);
    begun = { ...named, endIds: until === "end" ? ends : [] };
    texts.begin(begun, ends);
    return yield* runEvents(denoiser, { ...begun, signal }, undefined, rowPool);
  };
  const complete = (result: SampleResult): ChatResult => {
    return { ...result, answers: result.tokens.map((tokens) => texts.answerOf(tokens)) };
  };
  return new SampleRun({ run, names, start, texts, complete, begun: () => begun });
}

/**
 * Encodes a rendered chat. The template has written the special tokens, so none is added.
 * @throws OptionError for a chat that writes the mask; TokenizerError `tokenizer_unknown`.
 */
async function encodeChat(
  text: string,
  tokenizer: Tokenizer,
  { maskId }: DenoiserModel,
): Promise<readonly TokenId[]> {
  const unknown: UnknownPiece[] = [];
  const tokens = Array.from(
    await tokenizer.encode(text, { onUnknown: (piece) => unknown.push(piece) }),
  );
  if (unknown.length > 0) throw unknownError(tokenizer.name, unknown[0]);
  if (!tokens.includes(maskId)) return tokens;
  throw new OptionError("messages", text, {
    message: "The messages write the model's mask, which stands for what is to be generated",
    remedy: "Leave the mask out of the messages.",
  });
}

/** Pins the tokens of a chat before the answer. @throws OptionError where there is no room. */
function withChat(
  { sampling, answerLength }: PreparedChat,
  prompt: readonly TokenId[],
  model: DenoiserModel,
): PreparedRun {
  const length = prompt.length + answerLength;
  const most = longestText(model);
  if (length > most) {
    const room = most - prompt.length;
    const shorter = room < 1 ? "" : `, or set \`answerLength\` to ${room} or less`;
    throw new OptionError("messages", prompt.length, {
      message: `The messages have ${counted(prompt.length, "token")} and the answer ${answerLength}, ${length} in all; the model takes at most ${most}`,
      remedy: `Shorten the messages or leave early ones out${shorter}.`,
    });
  }
  const { run } = prepareNamed({ ...sampling, length }, model);
  return withPinned(run, new Map(prompt.entries()), model);
}

/** Tokens that end a turn by the conventions of published templates. */
const TURN_ENDS = ["<|eot_id|>", "<|im_end|>", "<end_of_turn>"];

/** Returns the tokens that end an answer: by the model's configs, its tokenizer, or convention. */
async function endTokens(
  endIds: readonly TokenId[],
  tokenizer: Tokenizer,
  { vocabSize, maskId, eosId }: DenoiserModel,
): Promise<readonly TokenId[]> {
  const found = new Set(endIds.filter((id) => id < vocabSize && id !== maskId));
  if (eosId !== undefined) found.add(eosId);
  for (const text of TURN_ENDS) {
    const [id, ...others] = await tokenizer.encode(text);
    if (others.length === 0 && tokenizer.specialIds?.has(id) === true) found.add(id);
  }
  return [...found];
}
