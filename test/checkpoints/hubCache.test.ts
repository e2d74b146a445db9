/** The hub's cache: where it is, and file systems without links. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CachedRepository, hubCache, isWhole } from "../../src/checkpoints/hub/cache.ts";
import { commitOf } from "./support/hubServer.ts";

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-hub-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ETAG = commitOf("a blob");
const COMMIT = commitOf("a commit");

async function place(code: string) {
  const repository = new CachedRepository(scratch, `a/${code}`, () =>
    Promise.reject(Object.assign(new Error("no links"), { code })),
  );
  await repository.make(COMMIT);
  writeFileSync(repository.blob(ETAG), "{}");
  return { repository, placed: repository.place(ETAG, COMMIT, "config.json") };
}

describe("a file system without links", () => {
  it("gets a copy in the snapshot", async () => {
    const { repository, placed } = await place("EPERM");
    await placed;
    const file = join(repository.snapshot(COMMIT), "config.json");
    expect(lstatSync(file).isFile()).toBe(true);
    expect(readFileSync(file, "utf8")).toBe("{}");
    expect(readdirSync(repository.path).sort()).toEqual(["blobs", "snapshots"]);
  });

  it("that is full is an error, and leaves nothing half", async () => {
    const { repository, placed } = await place("ENOSPC");
    await expect(placed).rejects.toMatchObject({
      code: "output_failed",
      remedy: expect.stringContaining("Free some space"),
    });
    expect(readdirSync(repository.snapshot(COMMIT))).toEqual([]);
  });
});

it.each([
  [{ HF_HUB_CACHE: "/a", HF_HOME: "/b", XDG_CACHE_HOME: "/c", HOME: "/d" }, "/a"],
  [{ HUGGINGFACE_HUB_CACHE: "/a", HF_HOME: "/b" }, "/a"],
  [{ HF_HUB_CACHE: "", HF_HOME: "/b", XDG_CACHE_HOME: "/c" }, "/b/hub"],
  [{ XDG_CACHE_HOME: "/c", HOME: "/d" }, "/c/huggingface/hub"],
  [{ HOME: "/d" }, "/d/.cache/huggingface/hub"],
])("with %j it is %s, as for Python", (env, path) => {
  expect(hubCache(env)).toBe(path);
});

it.each([
  ["a config alone", ["config.json"], false],
  ["weights alone", ["model.safetensors"], false],
  ["both", ["config.json", "model.safetensors"], true],
  ["a card of ours", ["card.json", "model.safetensors"], true],
  ["an index that is none", ["config.json", "model.safetensors.index.json"], false],
])("a snapshot with %s", (name, files, whole) => {
  const snapshot = join(scratch, name);
  mkdirSync(snapshot);
  for (const file of files) writeFileSync(join(snapshot, file), "{}");
  expect(isWhole(snapshot)).toBe(whole);
});

it.each([
  ["a commit", COMMIT, COMMIT],
  ["a commit and a line's end", `${COMMIT}\n`, COMMIT],
  ["a path", "../../../etc", undefined],
])("a revision that stands for %s", (name, text, commit) => {
  const repository = new CachedRepository(scratch, `b/${name.replaceAll(" ", "-")}`);
  mkdirSync(join(repository.path, "refs"), { recursive: true });
  writeFileSync(join(repository.path, "refs", "main"), text);
  expect(repository.commitOf("main")).toBe(commit);
  expect(repository.commitOf("other")).toBeUndefined();
});

it("a cache that cannot be read is an error that names the file", () => {
  const repository = new CachedRepository(scratch, "c/d");
  const refs = join(repository.path, "refs");
  mkdirSync(repository.path);
  symlinkSync("refs", refs); // it leads to itself
  expect(() => repository.commitOf("main")).toThrow(
    expect.objectContaining({
      code: "output_failed",
      message: expect.stringContaining(`${join(refs, "main")} cannot be read: `),
      remedy: expect.stringContaining("HF_HUB_CACHE"),
    }),
  );
});
