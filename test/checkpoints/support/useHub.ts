/** A stand-in hub and a cache of its own for each test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "@jest/globals";
import { HubServer, type Stored } from "./hubServer.ts";

/** To be called once, outside all tests. @param files what the model has, a new set each time. */
export function useHub(name: string, files: () => Record<string, Stored>) {
  let cache = "";
  let server: HubServer | undefined;
  beforeEach(async () => {
    cache = mkdtempSync(join(tmpdir(), "remdm-hub-"));
    server = await HubServer.start(name, files());
  });
  afterEach(async () => {
    await server?.[Symbol.asyncDispose]();
    rmSync(cache, { recursive: true, force: true });
  });
  return {
    cache: () => cache,
    root: () => join(cache, `models--${name.replace("/", "--")}`),
    hub: (): HubServer => {
      if (server === undefined) throw new Error("no test is running");
      return server;
    },
  };
}
