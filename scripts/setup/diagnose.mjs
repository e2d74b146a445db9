/**
 * What a failed npm or pip run means. Their output runs to hundreds of lines; a person needs the one
 * cause and what to do about it.
 */
import { SetupProblem } from "./problem.mjs";

const DETAIL_LINES = 12;
const DETAIL_WIDTH = 240;
const NOISE = /^(Ignoring \S+: markers|Looking in (indexes|links)|npm error A complete log)/;

/** The first that matches wins: a full disk or a lost network also causes errors further down. */
const CAUSES = [
  {
    pattern: /ENOSPC|No space left on device|Errno 28\b|disk quota|EDQUOT/i,
    message: "the disk is full",
    remedy:
      "Free about 2.5 GB on the disk of this folder and of the temporary folder (TMPDIR), then run this again.",
  },
  {
    pattern: /externally-managed-environment/,
    message: "this Python belongs to the operating system and refuses packages",
    remedy:
      "Unset REMDM_PYTHON (the set-up then makes an environment of its own), or point it at a virtual environment.",
  },
  {
    pattern:
      /CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_HAS_EXPIRED/,
    message: "the package registry's certificate is not trusted here",
    remedy:
      "Behind a company proxy, set NODE_EXTRA_CA_CERTS and PIP_CERT to its certificate file, then run this again.",
  },
  {
    pattern:
      /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Failed to establish a new connection|Temporary failure in name resolution|Connection (?:refused|reset|broken|aborted)|Network is unreachable/,
    message: "the package registry cannot be reached",
    remedy:
      "Check the network (behind a proxy set HTTPS_PROXY), then run this again: what is done is kept.",
  },
  {
    pattern: /EACCES|EPERM|EROFS|Permission denied|Read-only file system|Errno 13\b|Errno 30\b/,
    message: "a file or folder cannot be written",
    remedy: "Check who owns the folder that the lines above name, and its permissions.",
  },
  {
    pattern: /require-hashes/,
    message: "pip is set to require hashes, which the lists of pinned packages do not have",
    remedy: "Set PIP_REQUIRE_HASHES=0 for this run.",
  },
  {
    pattern: /The user requested \(constraint\)/,
    message: "a constraint in pip's settings does not allow a pinned package",
    remedy:
      "Set PIP_CONSTRAINT=/dev/null for this run, or allow the version that the lines above name.",
  },
  {
    pattern: /No matching distribution found for|Could not find a version that satisfies/,
    message:
      "a pinned package has no build for this Python and machine, or pip's index lacks it or was not reached",
    remedy:
      "Use Python 3.10 to 3.14 (64 bit) on Linux or macOS: set REMDM_PYTHON, or put it first in PATH. See that pip's index (PIP_INDEX_URL and pip.conf name one of your own) can be reached and has the package.",
  },
  {
    pattern: /package\.json and package-lock\.json.*in sync|from lock file/s,
    message: "package-lock.json does not fit package.json or the registry",
    remedy: "Restore both with git; after a change of dependencies run `npm install` once.",
  },
  {
    pattern: /No module named '?(?:pip|ensurepip|venv)\b|ensurepip is not available/,
    message: "this Python lacks pip or venv",
    remedy:
      "Install them (Debian, Ubuntu: `sudo apt-get install python3-venv python3-pip`), then run this again.",
  },
];

/**
 * @param {string} what the action that failed: "Installing the Node packages"
 * @param {string} output all that the program printed
 * @param {string} exit how it ended: "exit code 1"
 * @returns {SetupProblem}
 */
export function diagnose(what, output, exit) {
  const cause = CAUSES.find(({ pattern }) => pattern.test(output));
  const details = lastLines(output);
  if (cause === undefined) {
    return new SetupProblem(
      `${what} failed (${exit}).`,
      "The lines above are the program's last words; when they are solved, run this again.",
      details,
    );
  }
  return new SetupProblem(`${what} failed: ${cause.message}.`, cause.remedy, details);
}

/**
 * A file that cannot be written and the like, said as any other failure; null for what is a bug.
 * @param {unknown} error
 * @returns {SetupProblem | null}
 */
export function problemOf(error) {
  if (error instanceof SetupProblem) return error;
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
  return typeof code === "string" && /^E[A-Z]+$/.test(code)
    ? diagnose("The set-up", message, code)
    : null;
}

/** @param {string} output */
function lastLines(output) {
  const lines = output.split(/\r?\n/).filter((line) => line.trim() !== "" && !NOISE.test(line));
  return lines
    .slice(-DETAIL_LINES)
    .map((line) => (line.length > DETAIL_WIDTH ? `${line.slice(0, DETAIL_WIDTH)}...` : line))
    .join("\n");
}
