/** A judge without a model: what it says follows from the texts in a simple way, and it remembers what it was asked. */
import type {
  Features,
  JudgeCallOptions,
  Likelihood,
  MauveOptions,
  TextJudge,
} from "../../../src/evaluation/judge/textJudge.ts";

export class FakeJudge implements TextJudge, AsyncDisposable {
  readonly name = "fake";
  readonly asked: string[] = [];
  readonly #natsPerToken: (text: string) => number;
  closed = false;

  /** @param natsPerToken a token is a word. */
  constructor(natsPerToken: (text: string) => number = () => 3) {
    this.#natsPerToken = natsPerToken;
  }

  async likelihoods(
    texts: readonly string[],
    options: JudgeCallOptions = {},
  ): Promise<Likelihood[]> {
    this.#ask(`likelihoods of ${texts.length}`, texts.length, options);
    return texts.map((text) => {
      const tokens = text.split(/\s+/).length;
      return { tokens, nats: tokens * this.#natsPerToken(text) };
    });
  }

  async features(texts: readonly string[], options: JudgeCallOptions = {}): Promise<Features> {
    this.#ask(`features of ${texts.length}`, texts.length, options);
    return { rows: texts.length, width: 1, data: Float32Array.from(texts, ({ length }) => length) };
  }

  async mauve(
    p: Features,
    q: Features,
    options: MauveOptions & JudgeCallOptions,
  ): Promise<number[]> {
    const { seeds, scale } = options;
    this.#ask(`mauve of ${p.rows} and ${q.rows}, scale ${String(scale)}`, seeds.length, options);
    return seeds.map((seed) => seed / 10);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
  }

  #ask(what: string, total: number, { onProgress }: JudgeCallOptions): void {
    this.asked.push(what);
    onProgress?.(total, total);
  }
}
