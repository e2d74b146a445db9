/**
 * Which room may import which (docs/design.md draws it), and no circle of files anywhere.
 * `npm run check` runs it: `npx depcruise src`.
 */

/** Each room of `src` with the rooms that it may import besides itself. */
const ROOMS = {
  foundation: [],
  sampler: ["foundation"],
  tokenizer: ["foundation", "sampler"],
  checkpoints: ["foundation"],
  backend: ["foundation", "sampler"],
  evaluation: ["foundation", "sampler", "tokenizer", "checkpoints", "backend"],
  program: ["foundation", "sampler", "tokenizer", "checkpoints", "backend", "evaluation"],
  experiment: [
    "foundation",
    "sampler",
    "tokenizer",
    "checkpoints",
    "backend",
    "evaluation",
    "program",
  ],
};

/** Each folder of `src/experiment` with the folders beside it that it may import. */
const EXPERIMENT = {
  file: [],
  run: ["file"],
  output: ["file", "run"],
  report: ["file", "run", "output"],
};

/** What backend, tokenizer and evaluation may see of the sampler: the seam, never a strategy or a loop. */
const SEAM = "^src/sampler/(denoiser|events)\\.ts$";

export default {
  forbidden: [
    {
      name: "no-circle",
      severity: "error",
      comment: "Files that import each other in a circle cannot be understood one by one.",
      from: { path: "^src" },
      to: { circular: true },
    },
    ...Object.entries(ROOMS).map(([room, allowed]) => ({
      name: `room-${room}`,
      severity: "error",
      comment: `src/${room} imports ${["itself", ...allowed].join(", ")} and nothing else of src.`,
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: [room, ...allowed].map((one) => `^src/${one}/`) },
    })),
    ...Object.entries(EXPERIMENT).map(([folder, allowed]) => ({
      name: `experiment-${folder}`,
      severity: "error",
      comment: `src/experiment/${folder} imports ${["itself", ...allowed].join(", ")} of its room.`,
      from: { path: `^src/experiment/${folder}/` },
      to: {
        path: "^src/experiment/",
        pathNot: [
          "^src/experiment/errors\\.ts$",
          ...[folder, ...allowed].map((one) => `^src/experiment/${one}/`),
        ],
      },
    })),
    {
      name: "seam",
      severity: "error",
      comment: "The network's side knows the Denoiser seam and the events, not how they are used.",
      from: { path: "^src/(backend|tokenizer|evaluation)/" },
      to: { path: "^src/sampler/", pathNot: SEAM },
    },
    {
      name: "sampler-is-pure",
      severity: "error",
      comment: "The sampler does no input or output and needs no package.",
      from: { path: "^src/sampler/" },
      to: { dependencyTypes: ["npm", "core"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
