// Stops on a Node that is too old. Every entry script imports this first and the rest dynamically,
// because newer syntax anywhere in a static import would fail before a word could be said.
// 20.5 brought `Symbol.dispose` and `addAbortListener`; the first long-term release of 20 is 20.9.
var version = process.versions.node.split(".").map(Number);
if (version[0] < 20 || (version[0] === 20 && version[1] < 5)) {
  console.error("error: remdm needs Node 20.5 or newer; this is " + process.version + ".");
  console.error(
    "  Install a current Node (https://nodejs.org, or `nvm install 22`) and run this again.",
  );
  process.exit(1);
}
