/** Why a connection, or a call over it, came to nothing. */
import { BackendError } from "./errors.ts";
import { MAX_SOCKET_PATH_BYTES } from "./socketDirectory.ts";

const RETRY = "Launch or connect again; runs can be repeated with the same seed.";

export function unusableError(endpoint: string): BackendError {
  return new BackendError(
    "endpoint_invalid",
    `The path in ${endpoint} has more than the ${MAX_SOCKET_PATH_BYTES} bytes of a socket's address`,
    "Use the endpoint that `remdm serve` prints.",
  );
}

export function hungUpError(endpoint: string): BackendError {
  return new BackendError("backend_exited", `The backend at ${endpoint} hung up`, RETRY);
}

export function brokenError(cause: unknown): BackendError {
  const message = `The connection to the backend failed: ${String(cause)}`;
  return new BackendError("backend_exited", message, RETRY, cause);
}

/** Every pending and later call of a connection that was closed on purpose. */
export function closedError(): BackendError {
  return new BackendError(
    "backend_closed",
    "The backend was closed",
    "Launch or connect again, and close only when the runs are done.",
  );
}

export function silentError(silentMs: number): BackendError {
  return new BackendError(
    "backend_timeout",
    `The backend gave no sign of life for ${Math.round(silentMs / 1000)} s`,
    "Close it, look at its log, and launch again.",
  );
}

export function timeoutError(timeoutMs: number): BackendError {
  return new BackendError(
    "backend_timeout",
    `The backend did not answer within ${timeoutMs / 1000} s`,
    "Allow more time, or look at its log for what keeps it busy.",
  );
}
