/** A judge that reads the references once, not once a cell. */
import { createHash } from "node:crypto";
import type { Features, JudgeCallOptions, Likelihood } from "../../evaluation/judge/textJudge.ts";
import type { JudgeShape, LoadedJudge } from "./services.ts";

/** Enough for the references of a model or two, and for the samples at hand. */
const KEPT = 4;

/** Remembers what was computed for the latest lists of texts. */
class Memory<T> {
  readonly #kept = new Map<string, T>();

  async of(texts: readonly string[], compute: () => Promise<T>): Promise<T> {
    const key = keyOf(texts);
    const value = this.#kept.get(key) ?? (await compute());
    this.#kept.delete(key); // moves to the end
    this.#kept.set(key, value);
    if (this.#kept.size > KEPT) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    return value;
  }
}

/** Wraps a judge; texts that it has just judged cost nothing again. */
export class RememberingJudge implements LoadedJudge {
  readonly #judge: LoadedJudge;
  readonly #likelihoods = new Memory<readonly Likelihood[]>();
  readonly #features = new Memory<Features>();

  constructor(judge: LoadedJudge) {
    this.#judge = judge;
  }

  get name(): string {
    return this.#judge.name;
  }

  get mauveLeastTexts(): number {
    return this.#judge.mauveLeastTexts ?? 1;
  }

  get model(): JudgeShape {
    return this.#judge.model;
  }

  likelihoods(
    texts: readonly string[],
    options?: JudgeCallOptions,
  ): Promise<readonly Likelihood[]> {
    return this.#likelihoods.of(texts, () => this.#judge.likelihoods(texts, options));
  }

  features(texts: readonly string[], options?: JudgeCallOptions): Promise<Features> {
    return this.#features.of(texts, () => this.#judge.features(texts, options));
  }

  mauve(...args: Parameters<LoadedJudge["mauve"]>): Promise<readonly number[]> {
    return this.#judge.mauve(...args);
  }

  close(): Promise<void> {
    return this.#judge.close();
  }
}

function keyOf(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text.length}:${text}`);
  return hash.digest("hex");
}
