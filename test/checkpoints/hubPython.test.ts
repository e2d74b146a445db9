// @part backend
/**
 * The hub's cache, shared with Python's huggingface_hub in both directions, and the command line on
 * a model that is sampled from. Servers on this machine stand in for the hub.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { downloadCheckpoint, findPython } from "../../src/index.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { startProgram } from "../cli/support/program.ts";
import { HubServer, type Stored } from "./support/hubServer.ts";

const NAME = "some-owner/tiny-bert";
const maker = join(packageRoot, "py_backend", "tests", "make_huggingface.py");
const python = findPython().path;

let directory = "";
let hub: HubServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "remdm-hub-"));
  await execa(python, [maker, directory, "bert"]);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});
const cache = () => join(directory, "cache");
beforeEach(async () => {
  const source = join(directory, "bert");
  const files = readdirSync(source).map((name): [string, Stored] => {
    const bytes = readFileSync(join(source, name));
    return [name, { bytes, isLarge: name.endsWith(".safetensors") }];
  });
  hub = await HubServer.start(NAME, Object.fromEntries(files));
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(cache(), { recursive: true, force: true });
});

const environment = () => ({
  HF_ENDPOINT: hub.url,
  HF_HUB_CACHE: cache(),
  HF_HOME: join(directory, "home"),
  HF_HUB_DISABLE_XET: "1",
  HF_HUB_DISABLE_TELEMETRY: "1",
});

async function inPython(code: string): Promise<string> {
  const program = `import huggingface_hub as hub\nname = "${NAME}"\n${code}`;
  const { stdout } = await execa(python, ["-c", program], { env: environment() });
  return stdout;
}

function download() {
  return downloadCheckpoint(NAME, { dir: cache(), endpoint: hub.url, token: false });
}

const fetched = () =>
  hub.asked.filter(({ method, path }) => method === "GET" && !path.startsWith("/api/"));

describe("the cache of the hub", () => {
  it("that we filled is Python's: nothing is fetched again", async () => {
    const { path, commit } = await download();
    hub.asked.length = 0;
    await expect(
      inPython("print(hub.snapshot_download(name, local_files_only=True))"),
    ).resolves.toBe(path);
    const scan = `info = hub.scan_cache_dir()
[repo] = info.repos
[revision] = repo.revisions
print(len(info.warnings), repo.repo_id, revision.commit_hash, *revision.refs)`;
    await expect(inPython(scan)).resolves.toBe(`0 ${NAME} ${commit} main`);
    expect(hub.asked).toEqual([]);
    await expect(inPython("print(hub.snapshot_download(name))")).resolves.toBe(path);
    expect(fetched()).toEqual([]);
  });

  it("that Python filled is ours: nothing is fetched again", async () => {
    const path = await inPython("print(hub.snapshot_download(name))");
    hub.asked.length = 0;
    await expect(download()).resolves.toMatchObject({ path, downloaded: false });
    expect(fetched()).toEqual([]);
  });

  it("that Python filled in part is filled up", async () => {
    await inPython('hub.hf_hub_download(name, "model.safetensors")');
    hub.asked.length = 0;
    await expect(download()).resolves.toMatchObject({ downloaded: true });
    expect(hub.paths.filter((path) => path.includes("model.safetensors"))).toEqual([]);
    expect(existsSync(join(cache(), "models--some-owner--tiny-bert", "remdm.lock"))).toBe(false);
  });
});

describe("remdm checkpoints download OWNER/NAME", () => {
  const run = (...args: string[]) => startProgram(args, { cwd: directory, env: environment() }).end;

  it("prints the directory and the commit; --checkpoint OWNER/NAME samples from it", async () => {
    const missing = await run("sample", "--checkpoint", NAME, "--steps", "2");
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toContain(`npx remdm checkpoints download ${NAME}`);
    const { code, stdout, stderr } = await run("checkpoints", "download", NAME);
    const path = join(cache(), "models--some-owner--tiny-bert", "snapshots", hub.commit);
    expect([code, stdout]).toEqual([0, `${path}\n`]);
    expect(stderr).toContain(`revision main, commit ${hub.commit}`);
    const listed = await run("checkpoints", "--json");
    expect(JSON.parse(listed.stdout)).toMatchObject({ hub: [{ name: NAME, path }] });
    expect((await run("checkpoints")).stdout).toContain(`\n  ${NAME}, ${path}\n`);
    const again = await run("checkpoints", "download", NAME, "--revision", hub.commit, "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({
      path,
      commit: hub.commit,
      downloaded: false,
    });
    const sampled = await run("sample", "--checkpoint", NAME, "--steps", "2", "--seed", "1");
    expect(sampled.stderr).not.toContain("error");
    expect(sampled.code).toBe(0);
  });
});
