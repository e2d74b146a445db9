/** Downloads of models against servers that stand in for the Hugging Face hub, faults included. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  downloadCheckpoint,
  Remdm,
  type DownloadProgress,
  type HubDownloadOptions,
  type HubName,
} from "../../src/index.ts";
import { downloadedModels } from "../../src/checkpoints/hub/names.ts";
import { locateCheckpoint } from "../../src/checkpoints/resolve.ts";
import { resolveExperiment } from "../../src/experiment/file/read.ts";
import { resolveLaunch } from "../../src/program/launchOptions.ts";
import { status, type Fault } from "./support/driveServer.ts";
import { commitOf, etagOf, large, small, type Stored } from "./support/hubServer.ts";
import { useHub } from "./support/useHub.ts";

const NAME = "some-owner/some.model";
const TOKEN = "hf_secretSECRETsecret";
const WEIGHTS = large(randomBytes(300_000));
const CUT = 100_000;

const plain = (): Record<string, Stored> => ({
  ".gitattributes": small("*.safetensors filter=lfs"),
  "README.md": small("# A model"),
  "config.json": small('{"model_type": "bert"}'),
  "tokenizer.json": small('{"model": {}}'),
  "modeling.py": small("raise SystemExit"),
  "model.safetensors": WEIGHTS,
  "model.fp16.safetensors": large(randomBytes(1000)),
  "pytorch_model.bin": large(randomBytes(1000)),
  "onnx/model.onnx": large(randomBytes(1000)),
  "onnx/config.json": small("{}"),
});
const NEEDED = ["config.json", "model.safetensors", "tokenizer.json"];

/** Weights in two files, whose names the index has. */
function sharded(index?: string): Record<string, Stored> {
  const names = [1, 2].map((n) => `model-0000${n}-of-00002.safetensors`);
  const weightMap = { "a.weight": names[0], "a.bias": names[0], "b.weight": names[1] };
  return {
    "config.json": small("{}"),
    "model.safetensors.index.json": small(index ?? JSON.stringify({ weight_map: weightMap })),
    ...Object.fromEntries(names.map((name) => [name, large(randomBytes(5000))])),
    "model-00003-of-00002.safetensors": large(randomBytes(5000)),
  };
}

const { hub, cache, root } = useHub(NAME, plain);

function download(options: HubDownloadOptions = {}, name: HubName = NAME) {
  const settings = { dir: cache(), endpoint: hub().url, token: false as const };
  return downloadCheckpoint(name, {
    ...settings,
    retryDelayMs: 1,
    stallMs: 20_000,
    ...options,
  });
}

const snapshot = (commit = hub().commit) => join(root(), "snapshots", commit);
const placed = (commit?: string) => readdirSync(snapshot(commit)).sort();
/** The files that were asked for, without the CDN's. */
const resolved = () =>
  hub()
    .paths.filter((path) => path.includes("/resolve/"))
    .map((path) => path.slice(path.lastIndexOf("/") + 1));

describe("a model of the hub", () => {
  it("comes into the cache that Python has: blobs, a snapshot of links, and the revision", async () => {
    const found = await download();
    const files = NEEDED.map((name) => [name, hub().stored(name)] as const);
    expect(found).toEqual({
      name: NAME,
      path: snapshot(),
      revision: "main",
      commit: hub().commit,
      bytes: files.reduce((total, [, { bytes }]) => total + bytes.length, 0),
      downloaded: true,
    });
    expect(readdirSync(root()).sort()).toEqual(["blobs", "refs", "snapshots"]);
    expect(readFileSync(join(root(), "refs", "main"), "latin1")).toBe(hub().commit);
    expect(placed()).toEqual(NEEDED);
    for (const [name, stored] of files) {
      const etag = etagOf(stored);
      expect(readlinkSync(join(snapshot(), name))).toBe(`../../blobs/${etag}`);
      expect(readFileSync(join(root(), "blobs", etag)).equals(stored.bytes)).toBe(true);
    }
    expect(readdirSync(join(root(), "blobs"))).toHaveLength(files.length);
  });

  it("brings the files that are needed, and asks for no others", async () => {
    await download();
    expect(hub().paths).toEqual([
      `/api/models/${NAME}/revision/main`,
      ...["config.json", "tokenizer.json", "model.safetensors"].map(
        (name) => `/${NAME}/resolve/${hub().commit}/${name}`,
      ),
      "cdn:/model.safetensors",
    ]);
  });

  it("has its weights in several files, which the index names", async () => {
    hub().files = sharded();
    await download();
    expect(placed()).toEqual([
      "config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ]);
  });

  it("is fetched once: a second call asks only which commit it is", async () => {
    const first = await download();
    hub().asked.length = 0;
    await expect(download()).resolves.toEqual({ ...first, downloaded: false });
    expect(hub().paths).toEqual([`/api/models/${NAME}/revision/main`]);
    await expect(download({ force: true })).resolves.toEqual(first);
    expect(resolved()).toHaveLength(NEEDED.length);
  });

  it("brings of a new commit what has changed, and keeps the old one", async () => {
    await download();
    const before = hub().commit;
    hub().commit = commitOf("second");
    hub().files["config.json"] = small('{"model_type": "roberta"}');
    hub().asked.length = 0;
    await expect(download()).resolves.toMatchObject({ commit: hub().commit, downloaded: true });
    expect(resolved()).toEqual(["config.json"]);
    expect(placed()).toEqual(NEEDED);
    expect(placed(before)).toEqual(NEEDED);
    expect(readFileSync(join(snapshot(before), "config.json"), "utf8")).toContain('"bert"');
    expect(readFileSync(join(root(), "refs", "main"), "latin1")).toBe(hub().commit);
  });

  it("is pinned by a commit, which needs no name, and by names with slashes", async () => {
    const revision = hub().commit;
    await expect(download({ revision })).resolves.toMatchObject({ commit: revision, revision });
    expect(hub().paths[0]).toBe(`/api/models/${NAME}/revision/${revision}`);
    expect(existsSync(join(root(), "refs"))).toBe(false);
    await expect(download({ revision: "refs/pr/1" })).resolves.toMatchObject({ downloaded: false });
    expect(hub().paths.at(-1)).toBe(`/api/models/${NAME}/revision/refs%2Fpr%2F1`);
    expect(readFileSync(join(root(), "refs", "refs", "pr", "1"), "latin1")).toBe(revision);
  });

  it("tells progress over all files that adds up", async () => {
    const seen: DownloadProgress[] = [];
    hub().fail("cdn:/model.safetensors", hub().cut("model.safetensors", CUT));
    const { bytes } = await download({ onProgress: (progress) => seen.push(progress) });
    for (const stage of ["download", "check"] as const) {
      const done = seen.filter((one) => one.stage === stage).map((one) => one.done);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(done.at(-1)).toBe(bytes);
    }
    expect(seen.at(-1)?.total).toBe(bytes);
  });

  it("has an empty file", async () => {
    hub().files["merges.txt"] = small("");
    await download();
    expect(readFileSync(join(snapshot(), "merges.txt"), "utf8")).toBe("");
    await expect(download()).resolves.toMatchObject({ downloaded: false });
  });
});

describe("a broken download", () => {
  it("goes on from the byte, within one call and in the next", async () => {
    const cut = hub().cut("model.safetensors", CUT);
    hub().fail("cdn:", cut, status(503), cut);
    await expect(download({ tries: 1 })).rejects.toMatchObject({
      code: "download_interrupted",
      remedy: expect.stringContaining(`\`npx remdm checkpoints download ${NAME}\``),
    });
    expect(locateCheckpoint(snapshot()).path).toBe(snapshot());
    expect(existsSync(join(root(), "refs"))).toBe(false);
    const reasons: string[] = [];
    await download({ onRetry: (reason) => reasons.push(reason) });
    expect(readFileSync(join(snapshot(), "model.safetensors")).equals(WEIGHTS.bytes)).toBe(true);
    const ranges = hub()
      .asked.filter(({ server }) => server === "cdn")
      .map(({ range }) => range);
    expect(ranges).toEqual([undefined, `bytes=${CUT}-`, `bytes=${CUT}-`, `bytes=${2 * CUT}-`]);
    expect(reasons).toEqual([
      "the server answers 503",
      expect.stringContaining("connection broke"),
    ]);
    expect(readdirSync(root()).sort()).toEqual(["blobs", "refs", "snapshots"]);
  });

  it("goes on where a server that tells no length ended too soon", async () => {
    hub().fail("cdn:", (_, response) => {
      response.writeHead(200, { etag: `"${etagOf(WEIGHTS)}"` });
      response.end(WEIGHTS.bytes.subarray(0, CUT));
      return true;
    });
    await expect(download()).resolves.toMatchObject({ downloaded: true });
    const ranges = hub().asked.filter(({ server }) => server === "cdn");
    expect(ranges.map(({ range }) => range)).toEqual([undefined, `bytes=${CUT}-`]);
  });

  it.each(["api", "config.json"])("tries %s again after 429 and 5xx", async (path) => {
    hub().fail(path, status(429, { "retry-after": "0" }), status(502));
    await expect(download()).resolves.toMatchObject({ downloaded: true });
  });

  it("gives up on a hub that is never at home", async () => {
    hub().fail("api", ...Array.from({ length: 3 }, () => status(429, { "retry-after": "0" })));
    await expect(download({ tries: 3, revision: "v1" })).rejects.toMatchObject({
      code: "download_interrupted",
      message: expect.stringContaining("the server answers 429"),
      remedy: expect.stringContaining(`download ${NAME} --revision v1`),
    });
    await expect(download({ endpoint: "http://127.0.0.1:9", tries: 1 })).rejects.toMatchObject({
      code: "download_interrupted",
      message: expect.stringContaining("127.0.0.1:9 cannot be reached"),
    });
    expect(existsSync(root())).toBe(false);
  });

  it("is stopped by its signal, and by silence", async () => {
    const stop = new AbortController();
    const silent: Fault = () => true;
    hub().fail("cdn:", () => {
      stop.abort();
      return true;
    });
    await expect(download({ signal: stop.signal })).rejects.toMatchObject({ code: "aborted" });
    hub().fail("api", silent);
    await expect(download({ stallMs: 50, tries: 1 })).rejects.toMatchObject({
      message: expect.stringContaining("nothing came for 0.05 s"),
    });
  });

  it.each(["config.json", "model.safetensors"])(
    "with a wrong hash leaves nothing of %s",
    async (name) => {
      const bytes = Buffer.from(hub().stored(name).bytes);
      bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5);
      hub().fail(name === "config.json" ? name : "cdn:", (_, response) => {
        response.writeHead(200).end(bytes);
        return true;
      });
      await expect(download()).rejects.toMatchObject({
        code: "checkpoint_invalid",
        message: expect.stringContaining(`${name} of ${NAME} did not arrive as the hub has it`),
      });
      expect(existsSync(join(snapshot(), name))).toBe(false);
      const kept = readdirSync(join(root(), "blobs"));
      expect(kept.filter((blob) => blob.includes("part"))).toEqual([]);
      await expect(download()).resolves.toMatchObject({ downloaded: true });
    },
  );

  it("is not filled by a server that sends more than the hub told", async () => {
    hub().fail("cdn:", (_, response) => {
      response.writeHead(200).end(randomBytes(WEIGHTS.bytes.length + 1));
      return true;
    });
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("sends more than"),
    });
  });

  it("of which a link lost its blob is mended", async () => {
    await download();
    rmSync(join(root(), "blobs", etagOf(WEIGHTS)));
    await expect(download()).resolves.toMatchObject({ downloaded: true });
    expect(lstatSync(join(snapshot(), "model.safetensors")).isSymbolicLink()).toBe(true);
  });

  it("is refused while another one is at work", async () => {
    mkdirSync(root(), { recursive: true });
    writeFileSync(
      join(root(), "remdm.lock"),
      JSON.stringify({ pid: 1, host: "elsewhere", started: "" }),
    );
    await expect(download()).rejects.toMatchObject({
      code: "download_busy",
      remedy: expect.stringContaining(join(root(), "remdm.lock")),
    });
  });
});

describe("what the hub says is not trusted", () => {
  it.each([
    "../../evil.safetensors",
    "/evil.safetensors",
    "..\\evil.safetensors",
    "a/b.safetensors",
  ])("an index that names %j", async (name) => {
    hub().files = {
      ...sharded(JSON.stringify({ weight_map: { a: name } })),
      [name]: large(Buffer.from("evil")),
    };
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("does not name .safetensors files beside it"),
    });
    expect(hub().asked.filter(({ server }) => server === "cdn")).toEqual([]);
  });

  it("names of files that lead elsewhere are never asked for", async () => {
    hub().files["../config.json"] = small("evil");
    hub().files["/etc/tokenizer.json"] = small("evil");
    hub().files["..\\vocab.json"] = small("evil");
    await download();
    expect(resolved().sort()).toEqual(NEEDED);
    expect(placed()).toEqual(NEEDED);
  });

  it.each([
    ["a commit", (truth: object) => ({ ...truth, sha: "../../../evil" })],
    ["no list of files", (truth: object) => ({ ...truth, siblings: "config.json" })],
    ["no object", () => "<html>"],
  ])("%s that is none", async (_, described) => {
    hub().described = described;
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("in a way that is not understood"),
    });
    expect(existsSync(root())).toBe(false);
  });

  it.each([
    { blobId: "../../evil" },
    { blobId: undefined },
    { size: -1 },
    { lfs: { sha256: "../../evil", size: 3 } },
  ])("a file with %j", async (lie) => {
    hub().described = (truth) => ({
      ...truth,
      siblings: truth.siblings.map((one) =>
        "rfilename" in one && one.rfilename === "config.json" ? { ...one, ...lie } : one,
      ),
    });
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("config.json of some-owner/some.model is needed"),
    });
    expect(existsSync(root())).toBe(false);
  });

  it.each(["ftp://127.0.0.1/x", "file:///etc/passwd"])("a redirect to %s", async (location) => {
    hub().location = location;
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringContaining("which is not trusted"),
    });
  });

  it("another server does not describe the model", async () => {
    hub().fail("api", status(302, { location: "http://localhost:1/api" }));
    await expect(download()).rejects.toMatchObject({
      message: "The server leads to http://localhost:1, which is not trusted",
    });
  });
});

describe("the token", () => {
  const before = { ...process.env };
  beforeEach(() => {
    for (const name of ["HF_TOKEN", "HF_TOKEN_PATH", "HF_HOME"])
      Reflect.deleteProperty(process.env, name);
  });
  afterEach(() => {
    process.env = { ...before };
  });
  const sent = () =>
    Object.fromEntries(
      (["hub", "cdn"] as const).map((server) => [
        server,
        [
          ...new Set(
            hub()
              .asked.filter((one) => one.server === server)
              .map((one) => one.authorization),
          ),
        ],
      ]),
    );

  it("goes to the hub and not where it leads", async () => {
    await download({ token: TOKEN });
    expect(sent()).toEqual({ hub: [`Bearer ${TOKEN}`], cdn: [undefined] });
  });

  it("comes from HF_TOKEN, else from the file in HF_HOME; false sends none", async () => {
    process.env.HF_HOME = join(cache(), "home");
    mkdirSync(process.env.HF_HOME);
    writeFileSync(join(process.env.HF_HOME, "token"), `${TOKEN}\n`);
    await downloadCheckpoint(NAME, { dir: cache(), endpoint: hub().url });
    expect(sent().hub).toEqual([`Bearer ${TOKEN}`]);
    process.env.HF_TOKEN = "hf_other";
    hub().asked.length = 0;
    await downloadCheckpoint(NAME, { dir: cache(), endpoint: hub().url });
    await download({ token: false });
    expect(sent().hub).toEqual(["Bearer hf_other", undefined]);
  });

  it.each([
    [401, "RepoNotFound", /no model .*or the token may not read it \(401\)/, "Check the name"],
    [403, "GatedRepo", /is given only to accounts that its owners let in/, "Ask for access at"],
    [404, "RepoNotFound", /no model some-owner\/some.model \(404\)/, "Check the name"],
    [404, "RevisionNotFound", /has no revision main/, "branches and tags"],
    [400, "Other", /answers 400/, "Try again later"],
  ])("is not in the error for %i %s", async (code, error, message, remedy) => {
    hub().fail("api", status(code, { "x-error-code": error }));
    const failed = download({ token: TOKEN });
    await expect(failed).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringMatching(message),
      remedy: expect.stringContaining(remedy),
    });
    await failed.catch((thrown: unknown) => {
      expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain(TOKEN);
    });
  });

  it("of a gated model is refused at the file", async () => {
    hub().fail("config.json", status(403, { "x-error-code": "GatedRepo" }));
    await expect(download()).rejects.toMatchObject({
      message: `${NAME} is given only to accounts that its owners let in (403)`,
      remedy: expect.stringMatching(/set HF_TOKEN to a token of your account/),
    });
  });

  it("that is none is refused unseen", async () => {
    const failed = download({ token: `${TOKEN} and more` });
    await expect(failed).rejects.toMatchObject({ code: "option_invalid", option: "token" });
    await failed.catch((thrown: unknown) => {
      expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain(TOKEN);
    });
  });
});

describe("a model that cannot be loaded is not fetched", () => {
  it.each([
    [
      "pickled weights",
      { "config.json": small("{}"), "pytorch_model.bin": WEIGHTS },
      /pytorch_model.bin is pickled/,
    ],
    ["no weights", { "config.json": small("{}") }, /has no model.safetensors$/],
    ["no description", { "model.safetensors": WEIGHTS }, /has no config.json and no card.json/],
    ["an index that is none", sharded("[]"), /does not name .safetensors files/],
    [
      "a shard that is missing",
      sharded('{"weight_map": {"a": "lost.safetensors"}}'),
      /lost.safetensors of .* is needed, and the hub does not have it/,
    ],
  ])("%s", async (_, files, message) => {
    hub().files = files;
    await expect(download()).rejects.toMatchObject({
      code: "download_refused",
      message: expect.stringMatching(message),
    });
    expect(hub().asked.filter(({ server }) => server === "cdn")).toEqual([]);
  });
});

describe("options", () => {
  it.each([
    ["revision", { revision: "../x" }],
    ["revision", { revision: "/etc" }],
    ["revision", { revision: "" }],
    ["revision", { revision: "a\\b" }],
    ["endpoint", { endpoint: "ftp://x" }],
    ["driveUrl", { driveUrl: "http://x" }],
    ["force", { force: 1 }],
  ])("%s is refused in %j", async (option, options) => {
    await expect(download(options as HubDownloadOptions)).rejects.toMatchObject({
      code: "option_invalid",
      option,
    });
  });

  it.each(["a/..", "a--b/c", "a/b..c", "../b"])("%j is not a name", async (name) => {
    await expect(downloadCheckpoint(name as HubName)).rejects.toMatchObject({
      code: "option_invalid",
      option: "name",
    });
  });
});

describe("the name of a model for a checkpoint", () => {
  const before = process.env.HF_HUB_CACHE;
  beforeEach(() => {
    process.env.HF_HUB_CACHE = cache();
  });
  afterEach(() => {
    if (before === undefined) Reflect.deleteProperty(process.env, "HF_HUB_CACHE");
    else process.env.HF_HUB_CACHE = before;
  });

  it("is the snapshot of main, once it is whole", async () => {
    hub().fail("cdn:", status(404));
    await expect(download()).rejects.toThrow();
    await expect(Remdm.launch({ checkpoint: NAME })).rejects.toMatchObject({
      code: "checkpoint_missing",
      remedy: expect.stringContaining(`Run \`npx remdm checkpoints download ${NAME}\``),
    });
    await downloadCheckpoint(NAME, { endpoint: hub().url, token: false });
    expect(resolveLaunch({ checkpoint: NAME }).checkpoint).toBe(snapshot());
    const grid = { name: "x", steps: 2, models: [{ checkpoint: NAME, strategies: ["mdlm"] }] };
    expect(resolveExperiment(grid).models[0]?.checkpoint).toBe(snapshot());
    rmSync(join(root(), "blobs", etagOf(WEIGHTS)));
    expect(() => resolveLaunch({ checkpoint: NAME })).toThrow(/There is no checkpoint at/);
  });

  it("may name a revision, as it was fetched, or a commit", async () => {
    const { path, commit } = await download({ revision: "refs/pr/1" });
    for (const revision of ["refs/pr/1", commit]) {
      const checkpoint = `${NAME}@${revision}`;
      expect(resolveLaunch({ checkpoint }).checkpoint).toBe(path);
    }
    for (const checkpoint of [NAME, `${NAME}@v2`, `${NAME}@${"0".repeat(40)}`]) {
      expect(() => resolveLaunch({ checkpoint })).toThrow(
        expect.objectContaining({ code: "checkpoint_missing" }),
      );
    }
  });

  it("is found offline, where it was downloaded", async () => {
    const { path, commit } = await download();
    const asked = hub().paths.length;
    process.env.HF_HUB_OFFLINE = "1";
    try {
      const found = { path, commit, downloaded: false };
      await expect(download()).resolves.toMatchObject(found);
      await expect(download({ revision: commit })).resolves.toMatchObject(found);
      await expect(download({ revision: "v2" })).rejects.toMatchObject({
        code: "download_refused",
        message: expect.stringContaining(`has no whole ${NAME} of the revision v2`),
        remedy: expect.stringContaining("Unset HF_HUB_OFFLINE"),
      });
    } finally {
      Reflect.deleteProperty(process.env, "HF_HUB_OFFLINE");
    }
    expect(hub().paths).toHaveLength(asked);
  });

  it("is listed once it is whole, beside directories that are none", async () => {
    for (const other of ["models--a--half", "datasets--a--b", ".locks", "models--alone"]) {
      mkdirSync(join(cache(), other, "snapshots"), { recursive: true });
    }
    expect(downloadedModels()).toEqual([]);
    const { path } = await download();
    expect(downloadedModels()).toEqual([{ name: NAME, path }]);
  });

  it("is whole only with every file that the index names", async () => {
    hub().files = sharded();
    const { path } = await download();
    expect(resolveLaunch({ checkpoint: NAME }).checkpoint).toBe(path);
    rmSync(join(path, "model-00002-of-00002.safetensors"));
    expect(() => resolveLaunch({ checkpoint: NAME })).toThrow(/There is no checkpoint at/);
  });

  it("of which another revision is there is answered with its directory", async () => {
    await download({ revision: hub().commit });
    expect(() => resolveLaunch({ checkpoint: NAME })).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining(`name ${snapshot()}`) }),
    );
  });

  it("means a directory of that name where there is one", async () => {
    await download();
    const cwd = process.cwd();
    mkdirSync(join(cache(), "here", NAME), { recursive: true });
    process.chdir(join(cache(), "here"));
    try {
      expect(resolveLaunch({ checkpoint: NAME }).checkpoint).toBe(join(process.cwd(), NAME));
    } finally {
      process.chdir(cwd);
    }
  });
});
