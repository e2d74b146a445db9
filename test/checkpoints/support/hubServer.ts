/**
 * Two servers that stand in for the Hugging Face hub: one has the API and small files, and leads to
 * the other one, the "CDN", for large files. They fail as a test wants them to.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Fault } from "./driveServer.ts";

export interface AskedOfHub {
  readonly server: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface Stored {
  readonly bytes: Buffer;
  /** Whether the hub stores it with LFS. */
  readonly isLarge: boolean;
}

/** Makes 40 hexadecimal digits of a text. */
export const commitOf = (text: string): string => createHash("sha1").update(text).digest("hex");

export function etagOf({ bytes, isLarge }: Stored): string {
  if (isLarge) return createHash("sha256").update(bytes).digest("hex");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

export const small = (text: string): Stored => ({ bytes: Buffer.from(text), isLarge: false });
export const large = (bytes: Buffer): Stored => ({ bytes, isLarge: true });

export class HubServer implements AsyncDisposable {
  readonly asked: AskedOfHub[] = [];
  /** Answers for requests whose path holds the key, one for each; then all is well. */
  readonly faults = new Map<string, Fault[]>();
  /** What the API says instead of the truth. */
  described: ((truth: { siblings: object[]; sha: string }) => unknown) | undefined;
  /** Where the hub leads to for a large file; undefined: to the CDN. */
  location: string | undefined;
  commit = commitOf("first");
  readonly #name: string;
  readonly #hub: Server;
  readonly #cdn: Server;
  files: Partial<Record<string, Stored>>;

  private constructor(name: string, files: Record<string, Stored>) {
    this.#name = name;
    this.files = files;
    this.#hub = createServer((request, response) => {
      this.#answer("hub", request, response);
    });
    this.#cdn = createServer((request, response) => {
      this.#answer("cdn", request, response);
    });
  }

  static async start(name: string, files: Record<string, Stored>): Promise<HubServer> {
    const hub = new HubServer(name, files);
    for (const server of [hub.#hub, hub.#cdn]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return hub;
  }

  get url(): string {
    return originOf(this.#hub);
  }

  /** The paths that were asked for, those of the CDN with a mark. */
  get paths(): string[] {
    return this.asked.map(({ server, path }) => (server === "cdn" ? `cdn:${path}` : path));
  }

  fail(path: string, ...faults: Fault[]): void {
    this.faults.set(path, faults);
  }

  /** Gives so many bytes of a file and cuts the connection. */
  readonly cut =
    (name: string, bytes: number): Fault =>
    (request, response) => {
      give(request, response, this.stored(name), bytes);
      return true;
    };

  stored(name: string): Stored {
    const stored = this.files[name];
    if (stored === undefined) throw new Error(`no file ${name}`);
    return stored;
  }

  #answer(server: "hub" | "cdn", request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path } = new URL(request.url ?? "", this.url);
    const { range, authorization } = request.headers;
    this.asked.push({ server, method: request.method ?? "", path, range, authorization });
    for (const [key, faults] of this.faults) {
      if (!`${server}:${path}`.includes(key)) continue;
      if (faults.shift()?.(request, response) === true) return;
    }
    if (server === "cdn") {
      give(request, response, this.stored(decodeURIComponent(path.slice(1))));
    } else if (path.startsWith("/api/")) {
      this.#describe(path, response);
    } else {
      this.#resolve(path, request, response);
    }
  }

  #describe(path: string, response: ServerResponse): void {
    const entries = Object.keys(this.files).map((name) => [name, this.stored(name)] as const);
    const json = (value: unknown): void => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    // What Python's huggingface_hub asks, for its own downloads.
    if (path.includes("/tree/")) {
      json(
        entries.map(([name, stored]) => ({
          type: "file",
          path: name,
          size: stored.bytes.length,
          oid: commitOf(name),
          ...(stored.isLarge
            ? { lfs: { oid: etagOf(stored), size: stored.bytes.length, pointerSize: 134 } }
            : { oid: etagOf(stored) }),
        })),
      );
      return;
    }
    const siblings = entries.map(([rfilename, stored]) => ({
      rfilename,
      size: stored.bytes.length,
      blobId: stored.isLarge ? commitOf(rfilename) : etagOf(stored),
      ...(stored.isLarge && {
        lfs: { sha256: etagOf(stored), size: stored.bytes.length, pointerSize: 134 },
      }),
    }));
    const truth = { id: this.#name, modelId: this.#name, sha: this.commit, siblings };
    json(this.described?.(truth) ?? truth);
  }

  #resolve(path: string, request: IncomingMessage, response: ServerResponse): void {
    const prefix = `/${this.#name}/resolve/`;
    const [revision, ...rest] = path.startsWith(prefix) ? path.slice(prefix.length).split("/") : [];
    const name = decodeURIComponent(rest.join("/"));
    const isHere = revision === this.commit || revision === "main";
    const stored = isHere ? this.files[name] : undefined;
    if (stored === undefined) {
      response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
      return;
    }
    response.setHeader("x-repo-commit", this.commit);
    if (!stored.isLarge) {
      give(request, response, stored);
      return;
    }
    response
      .writeHead(302, {
        "x-linked-etag": `"${etagOf(stored)}"`,
        "x-linked-size": stored.bytes.length,
        location: this.location ?? `${originOf(this.#cdn)}/${encodeURIComponent(name)}`,
      })
      .end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** @param only how many bytes are sent before the connection is cut. */
function give(
  request: IncomingMessage,
  response: ServerResponse,
  stored: Stored,
  only = Infinity,
): void {
  const { bytes } = stored;
  const etag = `"${etagOf(stored)}"`;
  const { range, "if-range": ifRange } = request.headers;
  const holds = ifRange === undefined || ifRange === etag;
  const from = holds ? Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0) : 0;
  response.writeHead(from > 0 ? 206 : 200, {
    "content-length": bytes.length - from,
    etag,
    ...(from > 0 && { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  response.write(bytes.subarray(from, Math.min(bytes.length, from + only)), () => {
    if (from + only >= bytes.length) response.end();
    // What was sent arrives, and no more: fetch drops what it has not handed on when the connection ends.
    else setTimeout(() => response.socket?.end(), 100);
  });
}
