/**
 * A device that is simulated: it answers a call of B sequences after c0 + c1 B ms, one call after the other, and uses
 * no core meanwhile.
 */
import { setTimeout } from "node:timers/promises";
import type { Denoiser } from "remdm/sampler";

/** How long a call of B sequences takes: fixed + sequence * B ms. */
export interface DeviceCost {
  readonly fixed: number;
  readonly sequence: number;
}

/** A device with what it did so far. */
export interface SimulatedDevice extends Denoiser {
  /** Time during which it computed, in ms. */
  readonly busy: number;
}

function offersTop(denoiser: Denoiser): denoiser is Denoiser & Required<Pick<Denoiser, "top">> {
  return denoiser.top !== undefined;
}

/** @param network computes the answers, in no time as far as the device is concerned. */
export function simulatedDevice(
  network: Denoiser,
  { fixed, sequence }: DeviceCost,
): SimulatedDevice {
  let busy = 0;
  let free = 0;
  const compute = async <Answer>(batch: number, answer: () => Promise<Answer>): Promise<Answer> => {
    const cost = fixed + sequence * batch;
    busy += cost;
    free = Math.max(free, performance.now()) + cost;
    const end = free;
    const answered = await answer(); // in the device's time, although it is a core that computes it here
    await setTimeout(Math.max(0, end - performance.now()));
    return answered;
  };
  return {
    model: network.model,
    forward: (request) => compute(request.batch, () => network.forward(request)),
    ...(offersTop(network) && {
      top: (request, cut) => compute(request.batch, () => network.top(request, cut)),
    }),
    get busy() {
      return busy;
    },
  };
}
