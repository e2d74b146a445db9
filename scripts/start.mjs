// Sets up where needed and does the main job: `npm start`, with more options `npm start -- --seed 7`.
import "./require-node.mjs";

void import("./demo/main.mjs").then(({ main }) => main(process.argv.slice(2)));
