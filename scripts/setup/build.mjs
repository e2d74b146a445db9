/** The TypeScript build: src to dist, again only when a source or a setting changed. */
import { chmodSync, existsSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "./run.mjs";
import { clearStamp, filesBelow, hashOf, readStamps, writeStamp } from "./stamps.mjs";

/** Stamps: of what it is built from, and of the names of what was built. */
const SOURCES = "build";
const OUTPUTS = "outputs";
const BUILT = /(\.js|\.js\.map|\.d\.ts)$/;

/**
 * @param {import("./places.mjs").Places} places
 * @returns {import("./steps.mjs").Step}
 */
export function build({ root }) {
  const dist = join(root, "dist");
  const main = join(dist, "cli", "main.js");
  const isComplete = () => readStamps(dist)[OUTPUTS] === hashOfNames(dist);
  const forget = () => {
    clearStamp(dist, SOURCES);
    clearStamp(dist, OUTPUTS);
  };
  return {
    title: "TypeScript build into dist",
    takes: "about 10 seconds",
    isDone: () => isComplete() && readStamps(dist)[SOURCES] === hashOfSources(root),
    forget,
    async perform() {
      const sources = hashOfSources(root);
      // tsc believes its record of the last build, so the record must not outlive the files.
      if (!isComplete()) rmSync(join(dist, ".tsbuildinfo"), { force: true });
      forget();
      const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
      await run(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
        what: "The TypeScript build",
        cwd: root,
      });
      removeOrphans(join(root, "src"), dist);
      chmodSync(main, 0o755);
      writeStamp(dist, OUTPUTS, hashOfNames(dist));
      writeStamp(dist, SOURCES, sources);
    },
  };
}

/** @param {string} dist */
function hashOfNames(dist) {
  const files = existsSync(dist) ? filesBelow(dist) : [];
  return hashOf(
    [],
    files.filter((file) => BUILT.test(file)).map((file) => relative(dist, file)),
  );
}

/** @param {string} root */
function hashOfSources(root) {
  const compiler = join("node_modules", "typescript", "package.json");
  const settings = ["tsconfig.json", "tsconfig.build.json", compiler];
  return hashOf([...settings.map((name) => join(root, name)), ...filesBelow(join(root, "src"))]);
}

/**
 * Removes what was built from sources that are gone: a file that no longer exists must not be importable.
 * @param {string} src
 * @param {string} dist
 */
export function removeOrphans(src, dist) {
  for (const file of filesBelow(dist)) {
    const match = BUILT.exec(file);
    if (match === null) continue;
    const source = join(src, relative(dist, file).slice(0, -match[0].length));
    if (!existsSync(`${source}.ts`)) rmSync(file);
  }
}
