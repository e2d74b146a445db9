// Formatting, lint, types, schema drift, for both languages: `npm run check`.
import "./require-node.mjs";

void import("./checks/main.mjs").then(({ main }) => main());
