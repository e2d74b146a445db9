// Builds dist from src when something changed: `npm run build`.
import "./require-node.mjs";

void import("./setup/main.mjs").then(({ buildOnly }) => buildOnly());
