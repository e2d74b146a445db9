// Runs every test: `npm test`, or one runner: `npm test -- jest test/cli`, `npm test -- pytest -k wire`.
import "./require-node.mjs";

void import("./testing/main.mjs").then(({ main }) => main(process.argv.slice(2)));
