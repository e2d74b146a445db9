/** A user's .npmrc: what leaves packages out, or installs none, must not reach the set-up's `npm ci`. With the real npm. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { nodePackages } from "../../scripts/setup/node-packages.mjs";
import { findPlaces } from "../../scripts/setup/places.mjs";

let scratch = "";
let root = "";
const before = { ...process.env };
const step = () => nodePackages(findPlaces(process.env, root));

function npm(...args: string[]): void {
  execFileSync("npm", args, { cwd: root, stdio: "ignore" });
}

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-npm-"));
  root = join(scratch, "checkout");
  // A package for development, from a folder, so that no network is asked.
  mkdirSync(join(root, "tiny"), { recursive: true });
  const tiny = { name: "tiny", version: "1.0.0", bin: { tiny: "tiny.js" } };
  writeFileSync(join(root, "tiny", "package.json"), JSON.stringify(tiny));
  writeFileSync(join(root, "tiny", "tiny.js"), "");
  npm("pack", "./tiny");
  const project = { name: "p", version: "1.0.0", devDependencies: { tiny: "file:tiny-1.0.0.tgz" } };
  writeFileSync(join(root, "package.json"), JSON.stringify(project));
  npm("install", "--package-lock-only", "--offline");
});
afterAll(() => {
  process.env = before;
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(() => {
  // What npm hands on to what it runs would stand in for the files.
  const plain = Object.entries(before).filter(([name]) => !name.startsWith("npm_config_"));
  process.env = { ...Object.fromEntries(plain), HOME: join(scratch, "home") };
  rmSync(join(root, "node_modules"), { recursive: true, force: true });
});

function configure(...lines: string[]): void {
  mkdirSync(join(scratch, "home"), { recursive: true });
  writeFileSync(join(scratch, "home", ".npmrc"), lines.join("\n"));
}

describe("all of the lock file's packages arrive in the folder", () => {
  it.each([
    ["leaves development out", ["omit=dev", "omit=optional", "bin-links=false"]],
    ["is set for production", ["production=true", "only=production"]],
    ["installs for the whole machine", ["location=global", "prefix=/tmp/remdm-not-there"]],
    ["installs nothing", ["dry-run=true", "package-lock-only=true", "offline=true"]],
    ["arranges folders otherwise", ["install-strategy=linked", "legacy-peer-deps=true"]],
  ])("when .npmrc %s", async (_, lines) => {
    configure(...lines);
    expect(await step().isDone()).toBe(false);
    await step().perform();
    expect(await step().isDone()).toBe(true);
    expect(existsSync(join(root, "node_modules", ".bin", "tiny"))).toBe(true);
    expect(existsSync("/tmp/remdm-not-there")).toBe(false);
  });
});

it("a package whose folder was removed is missed, though npm's record still has it", async () => {
  configure("");
  await step().perform();
  rmSync(join(root, "node_modules", "tiny"), { recursive: true });
  expect(await step().isDone()).toBe(false);
  await step().perform();
  expect(await step().isDone()).toBe(true);
});
