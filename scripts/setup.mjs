// Sets everything up, with nothing but Node: `node scripts/setup.mjs [--dev]` (--dev: for tests and checks too).
import "./require-node.mjs";

void import("./setup/main.mjs").then(({ main }) => main(process.argv.slice(2)));
