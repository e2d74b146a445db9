// Compiles src/sampler/draw/kernel/assembly (AssemblyScript) into src/sampler/draw/kernel/binary.ts: `npm run kernel`.
// With --check fails when the committed file differs from what the source gives.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = "src/sampler/draw/kernel";
const path = join(root, folder, "binary.ts");

/** As a process of its own: the compiler's types would replace those of JavaScript in all our sources. */
function compile() {
  const compiler = join(root, "node_modules", "assemblyscript", "bin", "asc.js");
  const output = mkdtempSync(join(tmpdir(), "remdm-kernel-"));
  try {
    const binary = join(output, "kernel.wasm");
    // 112: vectors in the signature of a function that another file imports.
    const options = [
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      "simd",
      "--disableWarning",
      "112",
    ];
    const args = [compiler, `${folder}/assembly/index.ts`, "--outFile", binary, ...options];
    execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" });
    return readFileSync(binary);
  } finally {
    rmSync(output, { recursive: true });
  }
}

const binary = compile();
const text = await format(
  `/** The kernel, compiled from \`assembly/\` by \`npm run kernel\`: WebAssembly in base64. */
  export const BINARY = "${binary.toString("base64")}";`,
  { parser: "typescript", printWidth: 100 },
);
if (!process.argv.includes("--check")) {
  writeFileSync(path, text);
  console.log(`wrote ${path}: ${binary.length} bytes of WebAssembly`);
} else if (readFileSync(path, "utf8") !== text) {
  console.error(`${path} is not what ${folder}/assembly compiles to: run \`npm run kernel\`.`);
  process.exitCode = 1;
}
