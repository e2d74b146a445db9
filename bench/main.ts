/** `npm run bench` runs all benchmarks, `npm run bench NAME` one. Each prints a table of times measured here and now. */
const BENCHMARKS: readonly string[] = [
  "rowSampler",
  "rows",
  "network",
  "blocks",
  "orders",
  "parallel",
  "device",
  "original",
  "sequences",
  "clients",
  "wire",
  "scaling",
  "against",
  "start",
];

const wanted = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
const chosen = BENCHMARKS.filter((name) => wanted === undefined || name === wanted);
if (chosen.length === 0) {
  process.stderr.write(`There is no benchmark ${wanted}: there are ${BENCHMARKS.join(" and ")}.\n`);
  process.exitCode = 2;
}
for (const name of chosen) {
  if (!process.argv.includes("--json")) process.stdout.write(`\n${name}\n`);
  await import(`./${name}.js`);
}

export {};
