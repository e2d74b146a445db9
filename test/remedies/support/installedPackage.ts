/** A project that has remdm among its packages, as `npm install` leaves it: for `npx remdm`. */
import {
  chmodSync,
  cpSync,
  existsSync,
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
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

/** What the package has according to its manifest, without the parts that no command needs. */
function packedParts(): string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  if (typeof manifest !== "object" || manifest === null || !("files" in manifest)) {
    throw new Error("package.json names no files");
  }
  const files = Array.isArray(manifest.files) ? manifest.files.map(String) : [];
  return files
    .map((file) => file.replace("/**/*.py", ""))
    .filter((file) => file !== "docs" && !file.startsWith("!"));
}

export class InstalledPackage {
  readonly #scratch = mkdtempSync(join(tmpdir(), "remdm-installed-"));
  readonly project = join(this.#scratch, "project");
  /** Of remdm. */
  readonly root = join(this.project, "node_modules", "remdm");

  constructor() {
    mkdirSync(this.root, { recursive: true });
    for (const part of ["package.json", ...packedParts()]) {
      cpSync(join(packageRoot, part), join(this.root, part), { recursive: true });
    }
    const modules = join(this.project, "node_modules");
    for (const name of readdirSync(join(packageRoot, "node_modules"))) {
      if (name.startsWith(".") || existsSync(join(modules, name))) continue;
      symlinkSync(join(packageRoot, "node_modules", name), join(modules, name));
    }
    mkdirSync(join(modules, ".bin"));
    symlinkSync("../remdm/dist/cli/main.js", join(modules, ".bin", "remdm"));
    chmodSync(join(this.root, "dist", "cli", "main.js"), 0o755);
    writeFileSync(join(this.project, "package.json"), JSON.stringify({ name: "project" }));
  }

  /** @returns a link in the project, for a command that removes one. */
  link(): string {
    const path = join(this.project, "link");
    if (!existsSync(path)) symlinkSync(this.root, path);
    return path;
  }

  remove(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}
