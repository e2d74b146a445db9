import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

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
    "src/sampler/draw/kernel/assembly/",
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
    // Comments are for reading: no line of them is wider than prettier's code.
    files: ["src/**/*.ts"],
    rules: { "max-len": ["error", { code: 10000, comments: 100, ignoreUrls: true }] },
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
