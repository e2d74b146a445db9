/** Whose socket a program connects to. */
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { checkOwner } from "../../src/backend/backend.ts";

let scratch = "";
let path = "";
let owner = 0;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-owner-"));
  path = join(scratch, "socket");
  writeFileSync(path, "");
  if (process.getuid?.() === 0) chownSync(path, 4321, 4321); // nobody is refused what root owns
  owner = statSync(path).uid;
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

it("a socket of another user is refused", () => {
  expect(() => checkOwner(path, owner + 1)).toThrow(
    expect.objectContaining({
      code: "endpoint_invalid",
      message: `The socket ${path} belongs to another user (uid ${owner})`,
    }),
  );
});

it("a socket of one's own is not, nor one that is not there", () => {
  expect(() => checkOwner(path, owner)).not.toThrow();
  expect(() => checkOwner(join(scratch, "none"), owner)).not.toThrow();
});
