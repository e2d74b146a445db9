/**
 * Makes HTTP requests that a person waits for: silence ends them, redirects are looked at before
 * they are followed, and a failure that may pass is an `Interrupted`.
 */
import { isRecord } from "../foundation/checks.ts";
import { DownloadError, Interrupted } from "./errors.ts";

/** How many redirects we follow in a row before we stop. */
const MOST_REDIRECTS = 10;

/** How long to wait for a server, and who may end the wait. */
export interface Patience {
  /** How long a connection may give nothing before it is given up, in milliseconds. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs an exchange with a server, and gives it up when the server says nothing for a while.
 * @param exchange gets the signal for its requests, and calls `heard` whenever something came.
 * @throws Interrupted for silence and for a lost connection; what `exchange` throws.
 */
export async function listen<T>(
  { stallMs, signal }: Patience,
  exchange: (signal: AbortSignal, heard: () => void) => Promise<T>,
): Promise<T> {
  const silence = new AbortController();
  const timer = setTimeout(() => {
    silence.abort(new Error("stalled"));
  }, stallMs);
  try {
    return await exchange(AbortSignal.any([signal, silence.signal]), () => timer.refresh());
  } catch (error) {
    if (signal.aborted || error instanceof DownloadError || error instanceof Interrupted) {
      throw error;
    }
    if (silence.signal.aborted) {
      throw new Interrupted(`nothing came for ${stallMs / 1000} s`, { cause: error });
    }
    // Fetch's own failures are TypeErrors. Their name tells, because a test or a sandbox may have a
    // realm of its own.
    if (!isRecord(error) || error.name !== "TypeError") throw error;
    throw new Interrupted(`the connection broke (${reasonOf(error)})`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

export interface FollowOptions {
  /** Returns the headers for an address; a redirect may lead to one that must not see them all. */
  readonly headersFor: (url: URL) => Readonly<Record<string, string>>;
  /** Whether a redirect may be followed. */
  readonly isTrusted: (to: URL, from: URL) => boolean;
  /** Makes the error for a server that answers in a way that is not followed. */
  readonly refused: (what: string) => DownloadError;
  readonly signal: AbortSignal;
}

/** Follows redirects; returns the answer at their end, and the address that gave it. */
export async function follow(
  url: URL,
  { headersFor, isTrusted, refused, signal }: FollowOptions,
): Promise<{ readonly response: Response; readonly from: URL }> {
  let from = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const response = await send(from, headersFor(from), signal);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      return { response, from };
    }
    await response.body?.cancel();
    if (!URL.canParse(location, from.href))
      throw refused("leads to something that is not an address");
    const to = new URL(location, from);
    if (!isTrusted(to, from)) {
      throw refused(`leads to ${to.protocol}//${to.host}, which is not trusted`);
    }
    from = to;
  }
  throw refused(`leads on more than ${MOST_REDIRECTS} times`);
}

async function send(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Response> {
  try {
    // If the answer were compressed on the way, lengths and positions would count other bytes.
    return await fetch(url, {
      headers: { "accept-encoding": "identity", ...headers },
      redirect: "manual", // where it leads is looked at before it is asked
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new Interrupted(`${url.host} cannot be reached (${reasonOf(cause)})`, { cause });
  }
}

/** Throws for an answer after which another try is worth it. @throws Interrupted. */
export function checkPassing({ status, headers }: Response): void {
  if (status !== 429 && status !== 408 && status < 500) return;
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = seconds >= 0 ? seconds * 1000 : undefined;
  throw new Interrupted(`the server answers ${status}`, { retryAfterMs });
}

/** Yields the bytes of an answer, whose type fetch leaves open. */
export async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  for await (const chunk of response.body ?? []) yield chunk as Uint8Array;
}

/**
 * Reads the text of an answer.
 * @param most how many characters are read; what follows is dropped.
 */
export async function readText(response: Response, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of bodyOf(response)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > most) break;
  }
  return text.slice(0, most);
}

/** Says why a fetch failed; undici itself only says "fetch failed". */
function reasonOf(error: unknown): string {
  if (!isRecord(error)) return String(error);
  const { cause, message } = error;
  const deeper = isRecord(cause) ? cause.message : undefined;
  return typeof deeper === "string" && deeper !== "" ? deeper : String(message);
}
