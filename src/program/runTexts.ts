/** The texts of a run: as they form, piece by piece, and in the end. */
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
} from "../sampler/events.ts";
import type { ResolvedOptions } from "../sampler/options.ts";
import { TextPieces } from "../tokenizer/pieces.ts";
import { hiddenTokens } from "../tokenizer/specialTokens.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** What a position has to do with the text. */
export interface TextPiece {
  /** In [0, L), with `stride` in the whole text. */
  readonly position: number;
  /** What stands there from now on: the text of its token in the text, or `▒` for a mask, after a blank where the tokenizer parts tokens so. */
  readonly text: string;
}

export interface TextChange {
  /**
   * The pieces of text that an event changes, in order of their positions. Set them, and all pieces of a sample joined are its
   * text as it stands. A character whose bytes lie in several tokens is the piece of the last of them, told when it is complete;
   * the others have an empty one, so a neighbour's piece may change as well. What the end of a text cuts off is empty then.
   */
  readonly pieces: readonly TextPiece[];
}

export interface FinishedText {
  /** The whole text, as in the result. */
  readonly text: string;
}

/** What a run tells: the sampler's events, with text. Plain records: `JSON.stringify(event)` holds all of it. */
export type RunEvent =
  | (RevealedEvent & TextChange)
  | (RemaskedEvent & TextChange)
  | (FinishedEvent & TextChange & FinishedText)
  | ProgressEvent;

/** What is read from tokens at the end. */
export interface Reading {
  readonly texts: readonly string[];
  readonly entropies: readonly number[];
}

export interface RunTextsOptions {
  readonly model: DenoiserModel;
  /** Without the prompt, whose tokens are known when the run begins. */
  readonly options: ResolvedOptions;
  /** Whether special tokens are part of the text. */
  readonly specialTokens: boolean;
}

export class RunTexts {
  readonly #tokenizer: Tokenizer;
  readonly #options: ResolvedOptions;
  readonly #model: DenoiserModel;
  readonly #hidden: ReadonlySet<TokenId>;
  readonly #splitter: TextPieces;
  #blank: Int32Array;
  /** Pieces of what every sample begins with, without the prompt. */
  readonly #unprompted: readonly string[];
  /** The tokens of every sample that has begun, as they stand. */
  readonly #tokens = new Map<number, ArrayLike<TokenId>>();
  /** What was told of the samples under way. */
  readonly #told = new Map<number, readonly string[]>();

  constructor(tokenizer: Tokenizer, { model, options, specialTokens }: RunTextsOptions) {
    this.#tokenizer = tokenizer;
    this.#options = options;
    this.#model = model;
    this.#hidden = specialTokens ? new Set() : hiddenTokens(tokenizer);
    this.#splitter = new TextPieces(tokenizer, { maskId: model.maskId, hidden: this.#hidden });
    this.#blank = blankText(options, model);
    this.#unprompted = this.pieces();
  }

  /** @param options with the prompt's tokens, which the first event of each sample tells. */
  begin(options: ResolvedOptions): void {
    this.#blank = blankText(options, this.#model);
  }

  /**
   * [L] the pieces of a sample as it stands, or of what every sample begins with.
   * @throws OptionError for a sample that the run has not.
   */
  pieces(sample?: number): readonly string[] {
    const { firstSample, samples } = this.#options;
    if (sample !== undefined) {
      checkInteger("sample", sample, firstSample, firstSample + samples - 1);
    }
    const tokens = sample === undefined ? undefined : this.#tokens.get(sample);
    const pieces = this.#piecesOf(tokens ?? this.#blank);
    return [...pieces, ...new Array<string>(this.#blank.length - pieces.length).fill("")];
  }

  /** Those of a finished sample are its text in any case: where the decoder goes by neighbours, in one piece. */
  #piecesOf(tokens: ArrayLike<TokenId>): readonly string[] {
    const pieces = this.#splitter.of(tokens);
    if (tokens instanceof Int32Array) return pieces; // under way
    const text = this.#textOf(Array.from(tokens));
    return pieces.join("") === text ? pieces : pieces.map((_, i) => (i === 0 ? text : ""));
  }

  /** Keeps what an event says. */
  note(event: SamplerEvent): void {
    if (event.type === "progress") return;
    if (event.type === "finished") {
      this.#tokens.set(event.sample, event.tokens);
      return;
    }
    const known = this.#tokens.get(event.sample);
    const tokens = known instanceof Int32Array ? known : this.#blank.slice();
    this.#tokens.set(event.sample, tokens);
    event.positions.forEach((position, i) => {
      tokens[position] = event.type === "revealed" ? event.tokens[i] : this.#model.maskId;
    });
  }

  /** {@link note}, and adds the text to it. */
  tell(event: SamplerEvent): RunEvent {
    if (event.type === "progress") return event;
    const before = this.#told.get(event.sample) ?? this.#unprompted;
    this.note(event);
    const now = this.pieces(event.sample);
    const all = now.map((text, position): TextPiece => ({ position, text }));
    const pieces = all.filter(({ position, text }) => text !== before[position]);
    if (event.type === "finished") {
      this.#told.delete(event.sample);
      return { ...event, pieces, text: this.#textOf(event.tokens) };
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

  #textOf(ids: readonly TokenId[]): string {
    return this.#tokenizer.decode(ids.filter((id) => !this.#hidden.has(id)));
  }
}
