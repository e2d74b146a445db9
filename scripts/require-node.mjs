// Stops on a Node that is too old. Every entry script imports this first and the rest dynamically,
// because newer syntax anywhere in a static import would fail before a word could be said.
var REQUIRED = 20;
if (Number(process.versions.node.split(".")[0]) < REQUIRED) {
  console.error(
    "error: remdm needs Node " + REQUIRED + " or newer; this is " + process.version + ".",
  );
  console.error(
    "  Install a current Node (https://nodejs.org, or `nvm install 22`) and run this again.",
  );
  process.exit(1);
}
