/** Scores an answer that was sampled. What each scorer compares: docs/tasks.md. */
import { judgeCountdown } from "./countdown.ts";
import type { ReadChoice, ReadItem } from "./item.ts";
import { lastNumber } from "./numbers.ts";
import { areEqual } from "./rational.ts";

export interface Verdict {
  /** 1 for a right answer, 0 for a wrong one. */
  readonly score: number;
  /** The part of the answer that was compared; absent where none was found. */
  readonly extracted?: string;
  /** Why a Countdown answer is wrong. */
  readonly problem?: string;
}

/** An item whose answer is sampled. */
export type SampledItem = Exclude<ReadItem, ReadChoice>;

/** Cuts an answer before the first of the texts that end it. */
export function cutAtStop(answer: string, stop: readonly string[]): string {
  const ends = stop.map((text) => answer.indexOf(text)).filter((at) => at >= 0);
  return answer.slice(0, Math.min(answer.length, ...ends));
}

/** @param answer without the prompt, cut where it ends. */
export function scoreAnswer(answer: string, item: SampledItem): Verdict {
  switch (item.scorer) {
    case "exact": {
      const extracted = answer.trim().normalize("NFC");
      return { score: scoreOf(item.expected.includes(extracted)), extracted };
    }
    case "contains": {
      const whole = answer.normalize("NFC");
      const extracted = item.expected.find((text) => whole.includes(text));
      return { score: scoreOf(extracted !== undefined), ...(extracted && { extracted }) };
    }
    case "number": {
      const found = lastNumber(answer);
      if (found === undefined) return { score: 0 };
      const isRight = item.expected.some((number) => areEqual(number, found.value));
      return { score: scoreOf(isRight), extracted: found.text };
    }
    case "countdown": {
      const { expression, problem } = judgeCountdown(answer, item);
      return {
        score: scoreOf(problem === undefined),
        ...(expression !== undefined && { extracted: expression }),
        ...(problem !== undefined && { problem }),
      };
    }
  }
}

function scoreOf(isRight: boolean): number {
  return isRight ? 1 : 0;
}
