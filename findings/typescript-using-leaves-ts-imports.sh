#!/bin/sh
# One would guess: rewriteRelativeImportExtensions turns "./job.ts" into "./job.js" in every import of the output.
# What happens: an import() inside a function that declares `using` keeps ".ts" when `using` is lowered for the target.
# Who is hurt: whoever writes .ts in imports and loads a module lazily beside a `using`: types are checked, tests that
# run the sources pass, and the built program fails with "Cannot find module".
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm install --silent --no-audit --no-fund --prefix . typescript@5.9.3
cat >job.ts <<'TS'
export const answer = 42;
TS
cat >main.ts <<'TS'
const resource = (): Disposable => ({ [Symbol.dispose]: () => undefined });

export async function plain(): Promise<number> {
  const { answer } = await import("./job.ts");
  return answer;
}

export async function withUsing(): Promise<number> {
  using _ = resource();
  const { answer } = await import("./job.ts");
  return answer;
}
TS
compile() {
  node_modules/.bin/tsc --strict --module esnext --moduleResolution bundler --target "$1" \
    --lib es2023,esnext.disposable --rewriteRelativeImportExtensions --outDir "$1" main.ts
  grep -o 'import("[^"]*")' "$1/main.js" | tr '\n' ' '
}
echo "typescript $(node_modules/.bin/tsc --version)"
lowered=$(compile es2022)
native=$(compile esnext)
echo "target es2022, without and with using: $lowered"
echo "target esnext, without and with using: $native"
test "$lowered" = 'import("./job.js") import("./job.ts") '
test "$native" = 'import("./job.js") import("./job.js") '
