/** Names what a network runs on, as options and files write it. */
export type Device = "auto" | "cpu" | "cuda" | `cuda:${number}` | "mps";

/**
 * Lists the devices for messages. `auto` is a CUDA GPU where there is one, else an Apple GPU, else
 * the CPU.
 */
export const DEVICES = "auto, cpu, cuda, cuda:N or mps";

export function isDevice(value: unknown): value is Device {
  return typeof value === "string" && /^(auto|cpu|cuda|cuda:\d{1,3}|mps)$/.test(value);
}
