/** What a stream of events says the sequences looked like. */
import type { SamplerEvent, SamplerOutcome } from "../../../src/sampler/index.ts";

export async function collect(
  stream: AsyncGenerator<SamplerEvent, SamplerOutcome, void>,
): Promise<{ events: SamplerEvent[]; outcome: SamplerOutcome }> {
  const events: SamplerEvent[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { events, outcome: next.value };
    events.push(next.value);
  }
}

/** The tokens of every sample before `step`, from the events alone; all that is known before them is `start`. */
export function replay(
  events: readonly SamplerEvent[],
  start: readonly number[],
  maskId: number,
  step = Infinity,
): Map<number, number[]> {
  const states = new Map<number, number[]>();
  for (const event of events) {
    if (event.type === "progress" || event.type === "weighted") continue;
    const state = states.get(event.sample) ?? [...start];
    states.set(event.sample, state);
    if (event.type === "finished" || event.step >= step) continue;
    event.positions.forEach((position, i) => {
      state[position] = event.type === "revealed" ? event.tokens[i] : maskId;
    });
  }
  return states;
}
