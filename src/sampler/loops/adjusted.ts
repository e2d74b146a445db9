/**
 * Puts banned tokens and guidance into the requests of a run. The denoiser changes the rows; what
 * it drew from them is checked here.
 */
import { RemdmError } from "../../foundation/errors.ts";
import type { Adjustments } from "../adjustments.ts";
import type { ForwardRequest, TokenId } from "../denoiser.ts";

interface AdjustedRun extends Pick<Adjustments, "banned" | "guidance"> {
  readonly pinned: ReadonlyMap<number, TokenId>;
}

/**
 * Adds to a request what the run wants of every row. The unconditional forward sees masks at the
 * pinned positions that are still in the window; tokens that a window kept are not hidden.
 * @param windows [B] the window of each sequence; `offset` is its first position in the text.
 */
export function adjusted(
  request: ForwardRequest,
  { banned, guidance, pinned }: AdjustedRun,
  windows: readonly { readonly offset: number }[],
): ForwardRequest {
  if (banned.size === 0 && guidance === 0) return request;
  const { length } = request;
  const given = [...pinned.keys()].sort((a, b) => a - b);
  const masked = windows.flatMap(({ offset }, b) =>
    given
      .filter((position) => position >= offset && position < offset + length)
      .map((position) => b * length + position - offset),
  );
  return {
    ...request,
    ...(banned.size > 0 && { banned: Int32Array.from(banned) }),
    ...(guidance > 0 && { guidance: { scale: guidance, masked: Int32Array.from(masked) } }),
  };
}

/** @throws RemdmError `denoiser_invalid` for a drawn token that the request had banned. */
export function checkNotBanned(token: TokenId, { banned }: Pick<Adjustments, "banned">): void {
  if (!banned.has(token)) return;
  throw new RemdmError(`The denoiser gave token ${token} a chance, which is banned`, {
    code: "denoiser_invalid",
    remedy: "Let it answer with -Infinity in the columns that `banned` of the request names.",
  });
}
