/**
 * Names a denoiser's caches. Two runs of a program must have different names, or they push each
 * other out.
 */
let last = 0;

export function nextCache(): number {
  last = (last + 1) % 2 ** 31;
  return last;
}
