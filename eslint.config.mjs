import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/**
 * Which folder may import what (docs/design.md, section 7): a block a folder, since a later block
 * replaces an earlier one's options for the same rule.
 * @param {string} files
 * @param {readonly { regex: string, message: string }[]} patterns
 */
function boundary(files, ...patterns) {
  return {
    files: [files],
    rules: { "no-restricted-imports": ["error", { patterns }] },
  };
}

const NO_CLI = {
  regex: "(^|/)cli/",
  message: "The command line is built on the library, never the other way round.",
};
const PURE = "src/sampler is pure: it imports nothing outside itself, except a distance of words.";

export default defineConfig(
  globalIgnores([
    "dist/",
    "coverage/",
    ".venv/",
    ".remdm/",
    "py_backend/",
    "examples/dist/",
    // Written for Deno, with globals and settings of its own; Deno checks it when the tests run it.
    "examples/deno/",
    "examples/notebook/",
    // AssemblyScript, whose compiler checks it.
    "src/sampler/kernel/assembly/",
  ]),
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers read well in messages; everything else should say how it is shown.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      // An environment variable that is set to nothing counts as absent.
      "@typescript-eslint/prefer-nullish-coalescing": [
        "error",
        { ignorePrimitives: { string: true } },
      ],
      // Indices are the subject of numerical code.
      "@typescript-eslint/prefer-for-of": "off",
      // `void promise` says that nobody waits; `() => void f()` is a plain callback.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      eqeqeq: "error",
      "no-console": "error",
      "no-empty": ["error", { allowEmptyCatch: false }],
    },
  },
  {
    // A test states facts: a stub need not await, and a console is no output of the product.
    files: ["test/**/*.ts", "examples/**/*.ts"],
    rules: {
      "no-console": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/explicit-module-boundary-types": "off",
      // A skipped test says why: test/support/describeUnless.ts.
      "no-restricted-properties": [
        "error",
        ...["it", "test", "describe"].flatMap((object) =>
          ["skip", "todo", "failing", "only"].map((property) => ({
            object,
            property,
            message: "Use describeUnless, which says why.",
          })),
        ),
      ],
    },
  },
  boundary(
    "src/sampler/*.ts",
    { regex: "^(?!\\./|leven$)", message: PURE },
    { regex: "^\\./.*\\.\\./", message: PURE },
  ),
  boundary("src/sampler/*/**/*.ts", { regex: "^(?!\\./|\\.\\./[^.])", message: PURE }),
  boundary("src/backend/**/*.ts", NO_CLI, {
    regex:
      "sampler/(strateg|run|index|plan|schedule|categorical|confidence|noise)|(^|/)(metrics|tokenizer)/|\\.\\./(remdm|index)\\.ts$",
    message: "src/backend knows the Denoiser seam and the errors of the sampler, nothing else.",
  }),
  boundary("src/checkpoints/**/*.ts", NO_CLI, {
    regex:
      "sampler/(?!(errors|checks)\\.ts$)|(^|/)(backend|metrics|tokenizer)/|\\.\\./(remdm|index)\\.ts$",
    message: "src/checkpoints stands alone, on the error tree of src/sampler.",
  }),
  boundary("src/tokenizer/**/*.ts", NO_CLI, {
    regex: "(^|/)(backend|metrics)/|\\.\\./(remdm|index)\\.ts$",
    message: "src/tokenizer stands alone, on the error tree of src/sampler.",
  }),
  boundary("src/evaluation/**/*.ts", NO_CLI, {
    regex: "\\.\\./(remdm|index)\\.ts$",
    message: "src/evaluation judges texts, whoever sampled them.",
  }),
  boundary("src/metrics/**/*.ts", NO_CLI, {
    regex: "(^|/)(backend|tokenizer|evaluation)/|\\.\\./(remdm|index)\\.ts$",
    message: "src/metrics works on tokens and numbers alone.",
  }),
  boundary("src/evaluation/**/*.ts", NO_CLI, {
    regex:
      "sampler/(strateg|run|index|plan|schedule|categorical|confidence|noise)|\\.\\./index\\.ts$",
    message: "src/evaluation looks at texts and tokens, wherever they come from.",
  }),
  boundary("src/experiment/**/*.ts", NO_CLI, {
    regex: "(^|/)index\\.ts$",
    message: "src/experiment stands on the parts that it uses, not on the whole package.",
  }),
  boundary("src/*.ts", NO_CLI),
  {
    files: ["**/*.mjs"],
    languageOptions: {
      globals: {
        Buffer: "readonly",
        URL: "readonly",
        clearInterval: "readonly",
        clearTimeout: "readonly",
        console: "readonly",
        process: "readonly",
        setInterval: "readonly",
        setTimeout: "readonly",
      },
    },
    rules: { eqeqeq: "error" },
  },
  {
    // Must parse on any Node that has ES modules.
    files: ["scripts/require-node.mjs"],
    languageOptions: { ecmaVersion: 2020 },
  },
);
