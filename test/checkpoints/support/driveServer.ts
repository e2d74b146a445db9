/** A server that stands in for Google Drive: it gives one file by ranges, and fails as a test wants it to. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers one request; true: as the test wants, false: as if nothing were wrong. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface Asked {
  readonly query: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

export class DriveServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** One for each of the next requests; then all is well. */
  readonly faults: Fault[] = [];
  file: Buffer;
  etag: string | undefined = '"one"';
  lastModified: string | undefined;
  readonly #server: Server;

  private constructor(file: Buffer) {
    this.file = file;
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(file: Buffer): Promise<DriveServer> {
    const drive = new DriveServer(file);
    await new Promise<void>((resolve) => drive.#server.listen(0, "127.0.0.1", resolve));
    return drive;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/download`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { range, "if-range": ifRange } = request.headers;
    this.asked.push({
      query: new URL(request.url ?? "", this.url).search,
      range,
      ifRange: Array.isArray(ifRange) ? ifRange.join() : ifRange,
    });
    if (this.faults.shift()?.(request, response) !== true) this.give(request, response);
  }

  /** @param only how many bytes are sent before the connection is cut. */
  give(request: IncomingMessage, response: ServerResponse, only = Infinity): void {
    const { file, etag, lastModified } = this;
    const { range, "if-range": ifRange } = request.headers;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const holds = ifRange === undefined || ifRange === etag || ifRange === lastModified;
    const from = range !== undefined && holds ? start : 0;
    if (from > 0 && from >= file.length) {
      response.writeHead(416, { "content-range": `bytes */${file.length}` }).end();
      return;
    }
    response.writeHead(from > 0 ? 206 : 200, {
      "content-type": "application/octet-stream",
      "content-length": file.length - from,
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { "last-modified": lastModified }),
      ...(from > 0 && { "content-range": `bytes ${from}-${file.length - 1}/${file.length}` }),
    });
    const bytes = file.subarray(from, Math.min(file.length, from + only));
    response.write(bytes, () => {
      if (from + only >= file.length) response.end();
      // What was sent arrives, and no more: fetch drops what it has not handed on when the connection ends.
      else setTimeout(() => response.socket?.end(), 100);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function status(code: number, headers: Record<string, string> = {}): Fault {
  return (_, response) => {
    response.writeHead(code, headers).end("no");
    return true;
  };
}

export function page(html: string, code = 200): Fault {
  return (_, response) => {
    response.writeHead(code, { "content-type": "text/html; charset=utf-8" }).end(html);
    return true;
  };
}
