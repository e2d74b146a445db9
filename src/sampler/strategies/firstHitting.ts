/**
 * The first-hitting sampler (arXiv 2409.02908) has no time grid: it jumps from one event to the
 * next, each at exactly the time at which it happens. A mask is revealed at the rate
 * (1 + rate (1 - t)) / t and a revealed position is remasked at the rate `rate`, for time running
 * down: the limit of ReMDM-cap with eta = rate / T as T grows. With rate 0 it is MDLM with
 * infinitely many steps, and with n masks the next reveal comes at t U^(1/n). Published code:
 * bd3lms, `first_hitting`.
 */
import { defineStrategy, type Moment, type NextEvent } from "../definition.ts";

export const firstHitting = defineStrategy({
  kind: "first-hitting",
  source: "arXiv 2409.02908, first-hitting sampler; published code: bd3lms, first_hitting",
  summary: "mdlm in continuous time: no steps, one position an event; remasks at a constant rate",
  options: {
    rate: {
      type: "number",
      default: 0,
      range: "[0, 1000]",
      help: "remasks of a position in a unit of time while it is revealed; 0 is mdlm",
    },
    tSwitch: {
      type: "number",
      default: 1,
      range: "(0, 1]",
      help: "time from which on remasking acts",
    },
  },
  nextEvent: ({ rate, tSwitch }, now, wait) => {
    if (now.t <= tSwitch) return nextAtRate(rate, now, wait);
    const reveal = nextAtRate(0, now, wait);
    if (reveal !== undefined && reveal.t > tSwitch) return reveal;
    // What is left of the wait at tSwitch goes on at the rates from there on.
    const left = Math.max(0, wait - now.masked * Math.log(now.t / tSwitch));
    return nextAtRate(rate, { ...now, t: tSwitch }, left);
  },
});

/**
 * Returns the next event at a constant rate of remasks. It comes at the time `at` at which the
 * integral of all rates from `at` to t is `wait`: with x = log(t / at), n masks and m revealed,
 *
 *     n (1 + rate) x + (m - n) rate (t - at) = wait
 *
 * Whether it is a remask follows from the rates at that time.
 */
function nextAtRate(
  rate: number,
  { t, masked, revealed }: Moment,
  wait: number,
): NextEvent | undefined {
  if (masked === 0) {
    const gone = wait / (rate * revealed);
    return gone < t ? { t: t - gone, remask: 1 } : undefined;
  }
  if (rate === 0) return { t: t * Math.exp(-wait / masked), remask: 0 };
  const at = t * Math.exp(-logTime(rate, { t, masked, revealed }, wait));
  // The rates times `at`, which may be 0.
  const reveals = masked * (1 + rate * (1 - at));
  const remasks = revealed * rate * at;
  return { t: at, remask: remasks / (reveals + remasks) };
}

/** More than Newton's method takes from 0 to the last bits. */
const MAX_ITERATIONS = 100;

/**
 * Solves the equation of {@link nextAtRate} for x >= 0 with Newton's method. Its left side rises,
 * and is convex or concave in all of x, so the method reaches the root from 0 without a bracket: it
 * overshoots once at most, and comes closer from one side after that.
 */
function logTime(rate: number, { t, masked, revealed }: Moment, wait: number): number {
  let x = 0;
  for (let i = 0; i < MAX_ITERATIONS; i++) {
    const gone = -t * Math.expm1(-x);
    const reached = masked * x + rate * (masked * (x - gone) + revealed * gone);
    const slope = masked + rate * (masked * (1 - t + gone) + revealed * (t - gone));
    const next = Math.max(0, x - (reached - wait) / slope);
    if (Math.abs(next - x) <= Number.EPSILON * x) return next;
    x = next;
  }
  return x;
}
