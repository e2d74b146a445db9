/** Every command that a message of ours quotes, read out of the sources: TypeScript, scripts and Python. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { packageRoot } from "../../../src/foundation/packageRoot.ts";

/** A string of a source, what is computed in it in braces: "npx remdm help {name}". */
export interface Literal {
  readonly file: string;
  readonly text: string;
}

const PYTHON = `
import ast, json, pathlib, sys
found = []
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    inside = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node) if part is not node}
    inside |= {id(node.value) for node in nodes if isinstance(node, ast.Expr)}  # docstrings
    for node in nodes:
        if id(node) in inside:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                part.value if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        found.append({"file": path.name, "text": text})
print(json.dumps(found))
`;

export function pythonLiterals(python: string): Literal[] {
  const folder = join(packageRoot, "py_backend", "remdm_backend");
  const output = execFileSync(python, ["-c", PYTHON, folder], { maxBuffer: 1e8 }).toString();
  const found: unknown = JSON.parse(output);
  if (!Array.isArray(found)) throw new Error("Python listed no strings");
  return found.map(({ file, text }: Literal) => ({ file, text }));
}

export function scriptLiterals(): Literal[] {
  return ["src", "scripts"].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(ts|mjs)$/.test(file))
      .flatMap((file) => literalsOf(join(folder, file))),
  );
}

function literalsOf(file: string): Literal[] {
  const source = readFileSync(join(packageRoot, file), "utf8");
  const found: Literal[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) found.push({ file, text: node.text });
    else if (ts.isTemplateExpression(node)) {
      const spans = node.templateSpans.map(
        ({ expression, literal }) => `{${computed(expression)}}${literal.text}`,
      );
      found.push({ file, text: node.head.text + spans.join("") });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true));
  return found;
}

/** Text that is itself put together is another literal of the same source. */
function computed(expression: ts.Expression): string {
  const text = expression.getText();
  return text.includes("`") ? "..." : text;
}

/** What stands between backticks; not a name alone, such as `text`. */
export function quotedIn({ text }: Literal): string[] {
  return [...text.matchAll(/`([^`]+)`/g)]
    .map(([, quoted = ""]) => quoted)
    .filter((quoted) => /[\s(]/.test(quoted) || quoted === "deactivate");
}

const PROGRAM =
  /(?:^|[\s("'])(?:npx \w|npm (?:run|install|ci|test|start)\b|(?:pip|conda|brew|nvm|apt-get) install|conda deactivate|pyenv global|sudo \w|ssh -|-m (?:pip|ensurepip|remdm_backend|ruff)\b)/;

/** What looks like a command and is not between backticks. */
export function bareIn({ text }: Literal): string[] {
  const bare = text.replaceAll(/`[^`]+`/g, "");
  return PROGRAM.test(bare) ? [bare.trim()] : [];
}
