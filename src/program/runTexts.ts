/** `RunTexts` makes the texts of a run: piece by piece as they form, and whole in the end. */
import { tokenEntropy } from "../evaluation/measures/entropy.ts";
import { blankText } from "../sampler/loops/blankText.ts";
import { checkInteger } from "../foundation/checks.ts";
import type { DenoiserModel, TokenId } from "../sampler/denoiser.ts";
import type {
  FinishedEvent,
  ProgressEvent,
  RemaskedEvent,
  RevealedEvent,
  SamplerEvent,
  SamplerOutcome,
  WeighedParticle,
  WeightedEvent,
} from "../sampler/events.ts";
import type { PreparedRun } from "../sampler/prepare.ts";
import { TextPieces } from "../tokenizer/pieces.ts";
import { hiddenTokens } from "../tokenizer/specialTokens.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { gapTexts, wholeText, type GappedText } from "./gapTexts.ts";

/** One position and its share of the text. */
export interface TextPiece {
  /** In [0, L); with `stride`, in the whole text. */
  readonly position: number;
  /**
   * The text that stands there from now on: its token's text, or `▒` for a mask, after a blank
   * where the tokenizer separates tokens by blanks.
   */
  readonly text: string;
}

export interface TextChange {
  /**
   * The pieces of text that an event changes, ordered by position. All pieces of a sample, joined,
   * are its text as it stands. A character whose bytes lie in several tokens is the piece of the
   * last of these tokens, and is told when it is complete; the other tokens have empty pieces, so a
   * neighbour's piece may change as well. Tokens that the end of a text cuts off have empty pieces
   * too. A `weighted` event shows the heaviest particle, of equals the first.
   */
  readonly pieces: readonly TextPiece[];
}

export interface FinishedText {
  /** The whole text, as in the result. */
  readonly text: string;
  /** In a run that fills gaps: the text of each gap. */
  readonly gaps?: readonly string[];
  /** In a run that answers messages: the answer, as in the result. */
  readonly answer?: string;
}

/**
 * The events of a run: the sampler's events with text. They are plain records:
 * `JSON.stringify(event)` holds all of it.
 */
export type RunEvent =
  | (RevealedEvent & TextChange)
  | (RemaskedEvent & TextChange)
  | (WeightedEvent & TextChange)
  | (FinishedEvent & TextChange & FinishedText)
  | ProgressEvent;

/** The text and the entropy that are read from a sample's tokens at the end. */
export interface Reading {
  readonly texts: readonly string[];
  readonly entropies: readonly number[];
}

export interface RunTextsOptions {
  readonly model: DenoiserModel;
  /** The run without the prompt, whose tokens are known when the run begins. */
  readonly run: PreparedRun;
  /** Whether special tokens are part of the text. */
  readonly specialTokens: boolean;
  /** In a run that fills gaps: where they are, and the text around them. */
  readonly gapped?: GappedText | undefined;
}

export class RunTexts {
  readonly #tokenizer: Tokenizer;
  readonly #run: PreparedRun;
  readonly #model: DenoiserModel;
  readonly #hidden: ReadonlySet<TokenId>;
  readonly #splitter: TextPieces;
  readonly #gapped: GappedText | undefined;
  #blank: Int32Array;
  /** Where answers begin, and the tokens that end them; undefined where there are none. */
  #answers: { readonly from: number; readonly endIds: readonly TokenId[] } | undefined;
  /** The pieces that every sample begins with, without the prompt. */
  readonly #unprompted: readonly string[];
  /** The tokens of every sample that has begun, as they stand. */
  readonly #tokens = new Map<number, ArrayLike<TokenId>>();
  /** The pieces that were told of the samples under way. */
  readonly #told = new Map<number, readonly string[]>();

  constructor(tokenizer: Tokenizer, { model, run, specialTokens, gapped }: RunTextsOptions) {
    this.#tokenizer = tokenizer;
    this.#run = run;
    this.#model = model;
    this.#hidden = specialTokens ? new Set() : hiddenTokens(tokenizer);
    this.#splitter = new TextPieces(tokenizer, { maskId: model.maskId, hidden: this.#hidden });
    this.#gapped = gapped;
    this.#blank = blankText(run, model);
    this.#unprompted = this.pieces();
  }

  /**
   * @param run the run with the prompt's tokens, which the first event of each sample tells.
   * @param endIds the tokens that end an answer, in a run that answers messages.
   */
  begin(run: PreparedRun, endIds?: readonly TokenId[]): void {
    this.#blank = blankText(run, this.#model);
    if (endIds !== undefined) this.#answers = { from: run.given, endIds };
  }

  /**
   * Returns [L] the pieces of a sample as it stands, or the pieces that every sample begins with.
   * @throws OptionError for a sample that the run does not have.
   */
  pieces(sample?: number): readonly string[] {
    const { firstSample, samples } = this.#run;
    if (sample !== undefined) {
      checkInteger("sample", sample, firstSample, firstSample + samples - 1);
    }
    const tokens = sample === undefined ? undefined : this.#tokens.get(sample);
    const pieces = this.#piecesOf(tokens ?? this.#blank);
    return [...pieces, ...new Array<string>(this.#blank.length - pieces.length).fill("")];
  }

  /**
   * A finished sample's pieces always make its text: where the decoder looks at neighbours, they
   * are one piece.
   */
  #piecesOf(tokens: ArrayLike<TokenId>): readonly string[] {
    const pieces = this.#splitter.of(tokens);
    if (tokens instanceof Int32Array) return pieces; // under way
    const text = this.#textOf(Array.from(tokens));
    return pieces.join("") === text ? pieces : pieces.map((_, i) => (i === 0 ? text : ""));
  }

  /** Keeps what an event changes. */
  note(event: SamplerEvent): void {
    if (event.type === "progress") return;
    if (event.type === "finished") {
      this.#tokens.set(event.sample, event.tokens);
      return;
    }
    if (event.type === "weighted") {
      this.#tokens.set(event.sample, Int32Array.from(heaviest(event).tokens));
      return;
    }
    const known = this.#tokens.get(event.sample);
    const tokens = known instanceof Int32Array ? known : this.#blank.slice();
    this.#tokens.set(event.sample, tokens);
    event.positions.forEach((position, i) => {
      tokens[position] = event.type === "revealed" ? event.tokens[i] : this.#model.maskId;
    });
  }

  /** Keeps what an event changes, and adds the text to the event. */
  tell(event: SamplerEvent): RunEvent {
    if (event.type === "progress") return event;
    const before = this.#told.get(event.sample) ?? this.#unprompted;
    this.note(event);
    const now = this.pieces(event.sample);
    const all = now.map((text, position): TextPiece => ({ position, text }));
    const pieces = all.filter(({ position, text }) => text !== before[position]);
    if (event.type === "finished") {
      this.#told.delete(event.sample);
      const { tokens } = event;
      const filled = this.#gapped && { gaps: this.gapsOf(tokens) };
      const answered = this.#answers && { answer: this.answerOf(tokens) };
      return { ...event, pieces, text: this.#textOf(tokens), ...filled, ...answered };
    }
    this.#told.set(event.sample, now);
    return { ...event, pieces };
  }

  read({ tokens }: SamplerOutcome): Reading {
    return {
      texts: tokens.map((ids) => this.#textOf(ids)),
      entropies: tokens.map(tokenEntropy),
    };
  }

  /** Returns the text of each gap of a finished sample. */
  gapsOf(tokens: readonly TokenId[]): readonly string[] {
    return this.#gapped ? gapTexts(tokens, this.#gapped, (ids) => this.#decode(ids)) : [];
  }

  /** Returns the answer in a finished sample, without special tokens. */
  answerOf(tokens: readonly TokenId[]): string {
    if (this.#answers === undefined) return "";
    const { from, endIds } = this.#answers;
    const answer = tokens.slice(from);
    const end = answer.findIndex((id) => endIds.includes(id));
    const hidden = hiddenTokens(this.#tokenizer);
    const said = end < 0 ? answer : answer.slice(0, end);
    return this.#tokenizer.decode(said.filter((id) => !hidden.has(id)));
  }

  /** Returns the text of a finished sample. */
  #textOf(ids: readonly TokenId[]): string {
    return this.#gapped ? wholeText(this.#gapped, this.gapsOf(ids)) : this.#decode(ids);
  }

  #decode(ids: readonly TokenId[]): string {
    return this.#tokenizer.decode(ids.filter((id) => !this.#hidden.has(id)));
  }
}

/** The particle that stands for its sample while it is under way. */
function heaviest({ particles }: WeightedEvent): WeighedParticle {
  return particles.reduce((most, one) => (one.weight > most.weight ? one : most));
}
