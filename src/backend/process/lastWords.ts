/** Says why a backend's process is gone, from how it ended and what it wrote last. */
import { BackendError, reportedError } from "../errors.ts";

export interface ProcessEnd {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** The error of a process that could not be started. */
  readonly cause?: unknown;
}

/** What to do when the process ends in the middle of its work. */
export interface EndRemedies {
  /** For a process that ended by SIGKILL, which we did not send. */
  readonly killed: string;
  readonly ended: string;
}

const SERVING: EndRemedies = {
  killed:
    "If nobody killed it, the system ran out of memory: use a smaller batchSize, then launch again.",
  ended: "Launch again; runs can be repeated with the same seed.",
};

const SHOWN_LINES = 12;
/**
 * Matches the backend's report of a fatal error, as `py_backend/remdm_backend/log.py` writes it.
 */
const FATAL = /^remdm-backend: error (\{.*\})$/;

/**
 * Makes the error for a process that ended.
 * @param command path of the Python that ran it.
 * @param lines the last lines of stderr.
 * @param ready whether the backend had answered the handshake, or shown otherwise that it was at
 * work; if not, it failed to start.
 * @param remedies for a process that was ready. Default: the remedies for a backend that serves.
 */
export function endedError(
  command: string,
  end: ProcessEnd,
  lines: readonly string[],
  ready: boolean,
  remedies: EndRemedies = SERVING,
): BackendError {
  const fallback = ready ? "backend_exited" : "backend_start_failed";
  const report = fatalReport(lines.at(-1));
  if (report !== undefined) return reportedError(report, fallback);
  const how =
    end.cause === undefined
      ? `ended ${ready ? "" : "while starting "}(${manner(end)})`
      : "cannot be started";
  const remedy = ready ? remedyFor(end, remedies) : startRemedyFor(command, lines);
  const message = `The backend (${command}) ${how}${lastWords(lines)}`;
  return new BackendError(fallback, message, remedy, end.cause);
}

/** Makes the error for a backend that did not get ready in time. */
export function slowStartError(
  timeoutMs: number,
  lines: readonly string[],
  cause: unknown,
): BackendError {
  return new BackendError(
    "backend_timeout",
    `The backend did not start within ${timeoutMs / 1000} s${lastWords(lines)}`,
    "Allow more time with startTimeoutMs; a large checkpoint on a slow disk needs minutes.",
    cause,
  );
}

function lastWords(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `. Its last words:\n${lines.slice(-SHOWN_LINES).join("\n")}`;
}

function manner({ exitCode, signal }: ProcessEnd): string {
  return signal === undefined ? `exit code ${exitCode ?? "unknown"}` : `killed by ${signal}`;
}

function remedyFor({ signal }: ProcessEnd, { killed, ended }: EndRemedies): string {
  return signal === "SIGKILL" ? killed : ended;
}

/** Names the Python, because the caller may have chosen another one than these commands would. */
function startRemedyFor(python: string, lines: readonly string[]): string {
  return lines.some((line) => line.includes("No module named"))
    ? `Run \`REMDM_PYTHON="${python}" npx remdm setup\`: it installs what that Python lacks.`
    : `Run \`REMDM_PYTHON="${python}" npx remdm doctor\` to see what is missing.`;
}

function fatalReport(
  line: string | undefined,
): { code: string; message: string; remedy: string } | undefined {
  const json = FATAL.exec(line ?? "")?.[1];
  if (json === undefined) return undefined;
  const record = parsed(json);
  if (typeof record !== "object" || record === null) return undefined;
  if (!("code" in record && "message" in record && "remedy" in record)) return undefined;
  const { code, message, remedy } = record;
  return typeof code === "string" && typeof message === "string" && typeof remedy === "string"
    ? { code, message, remedy }
    : undefined;
}

/**
 * Parses a report; returns undefined for a line that only looks like one, which is then shown as it
 * is.
 */
function parsed(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return value;
  } catch {
    return undefined;
  }
}
