/** The rules of the ask-first strategies, each as its paper has it, with mistakes to plant. */
import type { Moment, Outcome, Place, Rule } from "./orderChain.ts";

/** Deliberate errors, to show that the tests would find them. */
export type OrderMistake =
  | "the least sure come first"
  | "the drawn token counts instead of the likeliest"
  | "the temperature of the draw changes the confidence"
  | "the order has no noise"
  | "noise does not fall with time"
  | "a remask takes the place of a reveal"
  | "the chance of a remask is not shared out by confidence"
  | "remasking does not wait for its window"
  | "the surest does not go where nothing passes"
  | "the bound is on n instead of n + 1"
  | "the largest entropy counts too"
  | "a revealed token is scored by the token that would be drawn"
  | "the weight of revealed positions is left out"
  | "the confidence of a kept token is asked for anew"
  | "the loop remasks the surest"
  | "a token is replaced however unsure its successor is";

export interface OrderOptions {
  readonly by: "confidence" | "margin" | "entropy" | "random";
  readonly of?: "likeliest" | "drawn";
  readonly scale?: "log" | "probability";
  readonly orderTemperature?: number;
  readonly anneal?: boolean;
  readonly pace?: "even" | "times";
  readonly counts?: readonly number[];
  readonly cap?: number;
  readonly rescale?: number;
  readonly confidence?: boolean;
  readonly window?:
    | { readonly kind: "switch"; readonly tSwitch: number }
    | {
        readonly kind: "loop";
        readonly tOn: number;
        readonly tOff: number;
        readonly alphaOn: number;
      };
}

export type Mistake = OrderMistake | undefined;

/** The likeliest token, or the drawn one. */
const confidenceOf = ({ p, q, drawn }: Place, of: string | undefined, mistake: Mistake): number => {
  if (mistake === "the temperature of the draw changes the confidence") {
    return of === "drawn" ? q[drawn] : Math.max(...q);
  }
  const counts = of === "drawn" || mistake === "the drawn token counts instead of the likeliest";
  return counts ? p[drawn] : Math.max(...p);
};

const entropyOf = ({ p }: Place): number =>
  p.reduce((sum, one) => sum - (one > 0 ? one * Math.log(one) : 0), 0);

const marginOf = ({ p }: Place): number => {
  const [first, second] = [...p].sort((a, b) => b - a);
  return first - second;
};

/** The highest score first, of equals the lowest position. */
const sorted = (places: readonly Place[], score: (place: Place) => number): Place[] =>
  [...places].sort((a, b) => score(b) - score(a) || a.at - b.at);

const at = (places: readonly Place[]): number[] => places.map((place) => place.at);
const masksOf = (places: readonly Place[]) => places.filter(({ masked }) => masked);

/** Orders of revealing: a number of positions a step, and ReMDM's remasking beside it. */
export function orderRule(options: OrderOptions, mistake?: Mistake): Rule {
  const { by, of, scale = "log", orderTemperature = 0, anneal = false } = options;
  const score = (place: Place): number => {
    if (by === "entropy") return -entropyOf(place);
    if (by === "margin") return marginOf(place);
    const c = confidenceOf(place, of, mistake);
    return scale === "log" ? Math.log(c) : c;
  };
  const orders = (
    moment: Moment,
    masked: readonly Place[],
    count: number,
  ): [number[], number][] => {
    const falls = anneal && mistake !== "noise does not fall with time";
    const noise = mistake === "the order has no noise" ? 0 : orderTemperature;
    const temperature = noise * (falls ? moment.s : 1);
    if (by === "random") return withoutReplacement(masked, count, () => 1);
    if (temperature > 0) {
      return withoutReplacement(masked, count, (one) => Math.exp(score(one) / temperature));
    }
    const sign = mistake === "the least sure come first" ? -1 : 1;
    return [[at(sorted(masked, (one) => sign * score(one)).slice(0, count)), 1]];
  };
  return {
    remember: ({ q, drawn }) => q[drawn],
    select: (moment, places) => {
      const masked = masksOf(places);
      return remasks(options, moment, places, mistake).flatMap(([remask, chance]) => {
        const made = mistake === "a remask takes the place of a reveal" ? 0 : remask.length;
        const count = countOf(options, moment, masked.length, made);
        return orders(moment, masked, Math.min(masked.length, count)).map(
          ([reveal, q]): Outcome => ({ chance: chance * q, reveal, remask }),
        );
      });
    },
  };
}

/** Draws positions one after another by their weights (Plackett and Luce). */
function withoutReplacement(
  places: readonly Place[],
  count: number,
  weight: (place: Place) => number,
): [number[], number][] {
  if (count === 0) return [[[], 1]];
  const total = places.reduce((sum, place) => sum + weight(place), 0);
  return places.flatMap((first) => {
    const rest = places.filter((place) => place !== first);
    return withoutReplacement(rest, count - 1, weight).map(([others, q]): [number[], number] => {
      return [[first.at, ...others], (q * weight(first)) / total];
    });
  });
}

/** Shares of masks before and after a step, and whether it remasks (ReMDM, section 4.2). */
function sharesOf({ window }: OrderOptions, { t, s }: Moment) {
  if (window === undefined) return { before: t, after: s, acts: true };
  if (window.kind === "switch") return { before: t, after: s, acts: t <= window.tSwitch };
  const { tOn, tOff, alphaOn } = window;
  if (t > tOn) {
    const share = (time: number) => 1 - ((1 - time) * alphaOn) / (1 - tOn);
    return { before: share(t), after: share(s), acts: false };
  }
  if (t > tOff) return { before: 1 - alphaOn, after: 1 - alphaOn, acts: true };
  const share = (time: number) => (time * (1 - alphaOn)) / tOff;
  return { before: share(t), after: share(s), acts: false };
}

/** Every set of positions that may be remasked, with its chance. */
function remasks(
  options: OrderOptions,
  moment: Moment,
  places: readonly Place[],
  mistake: Mistake,
): [number[], number][] {
  const { cap = 0, rescale = 1, confidence = false } = options;
  const { before, after, acts } = sharesOf(options, moment);
  const waits = mistake === "remasking does not wait for its window";
  const largest = before === 1 ? 1 : Math.min(1, after / (1 - before));
  const sigma = acts || waits ? rescale * Math.min(cap, largest) : 0;
  const revealed = places.filter(({ masked }) => !masked);
  const isShared =
    confidence && mistake !== "the chance of a remask is not shared out by confidence";
  const total = revealed.reduce((sum, { memory }) => sum + Math.exp(-memory), 0);
  return revealed
    .reduce<[number[], number][]>(
      (sets, place) => {
        const r = isShared ? (sigma * Math.exp(-place.memory)) / total : sigma;
        return sets.flatMap(([set, q]): [number[], number][] => [
          [[...set, place.at], q * r],
          [set, q * (1 - r)],
        ]);
      },
      [[[], 1]],
    )
    .filter(([, q]) => q > 0);
}

function countOf(options: OrderOptions, moment: Moment, masks: number, remasked: number): number {
  const { pace = "even", counts, cap = 0 } = options;
  const { index, steps, t, s, free } = moment;
  if ((cap === 0 || counts !== undefined) && index === steps - 1) return masks;
  if (counts !== undefined) return counts[index] + remasked;
  if (cap > 0) {
    const target = Math.round(free * sharesOf(options, moment).after);
    return Math.max(0, masks + remasked - target);
  }
  if (pace === "times") return Math.floor(masks * (1 - s / t));
  return Math.ceil(masks / (steps - index));
}

/** Fast-dLLM: all that are sure enough, and the surest. */
export function thresholdRule(tau: number, of?: string, mistake?: Mistake): Rule {
  const score = (place: Place) => confidenceOf(place, of, mistake);
  return {
    untimed: true,
    select: (_, places) => {
      const order = sorted(masksOf(places), score);
      const least = mistake === "the surest does not go where nothing passes" ? -1 : 0;
      const passes = order.filter((place, i) => i <= least || score(place) >= tau);
      // A rule that reveals nothing would never end: it takes the last one instead.
      const last = order.slice(-1);
      return [{ chance: 1, reveal: at(passes.length === 0 ? last : passes) }];
    },
  };
}

/** Fast-dLLM: the largest n with (n + 1)(1 - c_n) <= f; the code stops at the first that fails. */
export function factorRule(
  factor: number,
  { of, code = true }: { readonly of?: string; readonly code?: boolean },
  mistake?: Mistake,
): Rule {
  return {
    untimed: true,
    select: (_, places) => {
      const order = sorted(masksOf(places), (place) => confidenceOf(place, of, mistake));
      const more = mistake === "the bound is on n instead of n + 1" ? 0 : 1;
      const fits = (n: number) => {
        return n === 1 || (n + more) * (1 - confidenceOf(order[n - 1], of, mistake)) <= factor;
      };
      const sizes = order.map((_, i) => i + 1);
      const fitting = sizes.filter(fits);
      const failing = sizes.find((n) => !fits(n)) ?? Infinity;
      const prefix = failing >= order.length ? order.length : failing - 1;
      const count = code ? prefix : Math.max(...fitting);
      return [{ chance: 1, reveal: at(order.slice(0, count)) }];
    },
  };
}

/** EB-Sampler: the largest k with sum_{i <= k} H_i - max_{i <= k} H_i <= gamma. */
export function entropyBoundedRule(gamma: number, by: string, mistake?: Mistake): Rule {
  return {
    untimed: true,
    select: (_, places) => {
      const order = sorted(masksOf(places), (place) => {
        if (by === "margin") return marginOf(place);
        return by === "confidence" ? Math.max(...place.p) : -entropyOf(place);
      });
      const entropies = order.map(entropyOf);
      const isWithin = (k: number) => {
        const first = entropies.slice(0, k);
        const largest = mistake === "the largest entropy counts too" ? 0 : Math.max(...first);
        return first.reduce((sum, h) => sum + h, 0) - largest <= gamma;
      };
      const sizes = order.map((_, i) => i + 1).filter((k) => k === 1 || isWithin(k));
      return [{ chance: 1, reveal: at(order.slice(0, Math.max(0, ...sizes))) }];
    },
  };
}

/** P2: after a step the floor(n s) positions of the lowest score are masked. */
export function p2Rule(
  eta: number,
  { of, paper = false }: { readonly of?: string; readonly paper?: boolean },
  mistake?: Mistake,
): Rule {
  const isOfToken =
    paper && mistake !== "a revealed token is scored by the token that would be drawn";
  const weight = mistake === "the weight of revealed positions is left out" ? 1 : eta;
  const score = (place: Place): number => {
    if (place.masked) return Math.log(confidenceOf(place, of, mistake));
    if (weight === 0) return 0;
    const own = isOfToken ? place.p[place.token] : confidenceOf(place, of, mistake);
    return weight * Math.log(own);
  };
  return {
    select: ({ s, free }, places) => {
      const low = [...places]
        .sort((a, b) => score(a) - score(b))
        .slice(0, Math.floor(free * s + 1e-9));
      const high = places.filter((place) => !low.includes(place));
      return [
        { chance: 1, reveal: at(masksOf(high)), remask: at(low.filter(({ masked }) => !masked)) },
      ];
    },
  };
}

/** RCR: fills in everything, and masks the floor(n s) positions of the lowest confidence again. */
export function rcrRule(of?: string, mistake?: Mistake): Rule {
  const isAnew = mistake === "the confidence of a kept token is asked for anew";
  return {
    remember: (place) => confidenceOf(place, of, mistake),
    select: ({ s, free }, places) => {
      const running = (place: Place) =>
        place.masked || isAnew ? confidenceOf(place, of, mistake) : place.memory;
      const order = sorted(places, running);
      const kept = order.slice(0, free - Math.floor(free * s + 1e-9));
      const low = order.slice(kept.length);
      return [
        { chance: 1, reveal: at(masksOf(kept)), remask: at(low.filter(({ masked }) => !masked)) },
      ];
    },
  };
}

/**
 * ReMDM on LLaDA: of 2 n steps the first 7/8 n reveal, the next n remask `r` tokens of the lowest
 * confidence and reveal `r`, and the rest reveals what is left.
 */
export function remdmPublishedRule(r: number, mistake?: Mistake): Rule {
  const phase = ({ index, steps }: Moment) => {
    const n = steps / 2;
    const begin = Math.floor((7 * n) / 8);
    return {
      isLoop: index >= begin && index < begin + n,
      left: index < begin ? n - index : steps - index,
    };
  };
  return {
    remember: ({ p, drawn }) => p[drawn],
    first: (moment, places) => {
      if (!phase(moment).isLoop) return [];
      const sign = mistake === "the loop remasks the surest" ? -1 : 1;
      return places
        .filter(({ masked }) => !masked)
        .sort((a, b) => sign * (a.memory - b.memory))
        .slice(0, r)
        .map((place) => place.at);
    },
    select: (moment, places) => {
      const { isLoop, left } = phase(moment);
      const masked = masksOf(places);
      const order = sorted(masked, ({ p, drawn }) => p[drawn]);
      const count = isLoop ? r : Math.ceil(masked.length / left);
      return [{ chance: 1, reveal: at(order.slice(0, count)) }];
    },
  };
}

/** LLaDA 2.1: masks above tau go, one at least; tokens are replaced by others above tauEdit. */
export function editingRule(
  { tau, tauEdit, least, after }: Readonly<Record<"tau" | "tauEdit" | "least" | "after", number>>,
  mistake?: Mistake,
): Rule {
  const bound = mistake === "a token is replaced however unsure its successor is" ? 0 : tauEdit;
  return {
    untimed: true,
    after,
    select: (_, places) => {
      const order = sorted(masksOf(places), ({ p, drawn }) => p[drawn]);
      const high = order.filter(({ p, drawn }) => p[drawn] > tau);
      const edits = places.filter(({ masked, token, drawn, p }) => {
        return !masked && drawn !== token && p[drawn] > bound;
      });
      const reveal = high.length >= least ? high : order.slice(0, least);
      return [{ chance: 1, reveal: at(reveal), redraw: at(edits) }];
    },
  };
}
