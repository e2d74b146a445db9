/** Names for a denoiser's caches: no two runs of a program may have the same, or they push each other out. */
let last = 0;

export function nextCache(): number {
  last = (last + 1) % 2 ** 31;
  return last;
}
