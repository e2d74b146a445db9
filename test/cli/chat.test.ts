// @part backend
/** `remdm chat` on the real backend: in a pipe, and on a terminal. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { findPython } from "../../src/backend/process/python.ts";
import { packageRoot } from "../../src/foundation/packageRoot.ts";
import { Remdm, type ChatMessage } from "../../src/index.ts";
import { MAIN, until } from "./support/program.ts";

jest.setTimeout(180_000);

const LLADA = join(packageRoot, "test", "golden", "llm", "llada");
const TERMINAL = join(packageRoot, "test", "cli", "support", "terminal.py");
const SHORT = ["--answer-length", "12", "--device", "cpu", "--checkpoint", LLADA];

let scratch = "";
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "remdm-chat-"));
  mkdirSync(join(scratch, "tmp"));
});
/** What a test started: a test that fails leaves nothing running. */
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.stdin?.destroy();
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts the program; on a terminal all that it shows is `stdout`. */
function start(args: readonly string[], onTerminal = false) {
  const program = [process.execPath, MAIN, "chat", ...args];
  const [command, ...rest] = onTerminal ? [findPython().path, TERMINAL, ...program] : program;
  const child = spawn(command, rest, {
    cwd: scratch,
    env: {
      ...process.env,
      ...{ TMPDIR: join(scratch, "tmp"), TERM: "xterm-256color" },
      // A terminal has colours, whatever Node is told where the tests run.
      ...{ FORCE_COLOR: undefined, NO_COLOR: undefined, CI: undefined },
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  started.push(child);
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr += chunk.toString()));
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, said, code };
}

async function piped(input: string, ...args: string[]) {
  const { child, said, code } = start([...SHORT, ...args]);
  child.stdin.end(input);
  return { code: await code, ...said };
}

/** The session of somebody at a terminal. */
class Person {
  readonly #program: ReturnType<typeof start>;
  #seen = 0;

  constructor(...args: string[]) {
    this.#program = start([...SHORT, ...args], true);
  }

  /** Waits until something is shown that was not seen before. @returns what was shown until then. */
  async sees(what: RegExp): Promise<string> {
    const fresh = (): string => this.#program.said.stdout.slice(this.#seen);
    await until(() => what.test(fresh()));
    const found = what.exec(fresh());
    const end = (found?.index ?? 0) + (found?.[0].length ?? 0);
    const shown = fresh().slice(0, end);
    this.#seen += end;
    return shown;
  }

  types(keys: string): void {
    this.#program.child.stdin.write(keys);
  }

  /** Does what `fg` does to a program that Ctrl-Z stopped. */
  continues(): void {
    const parent = String(this.#program.child.pid);
    const found = execFileSync("ps", ["-o", "pid=", "--ppid", parent], { encoding: "utf8" });
    process.kill(Number(found), "SIGCONT");
  }

  /** @returns the exit code. */
  async ends(): Promise<number | null> {
    const { child, code } = this.#program;
    const ended = await code;
    child.stdin.destroy();
    return ended;
  }
}

// eslint-disable-next-line no-control-regex -- it is how a terminal is told to go to a column
const PROMPT = /> \u001b\[3G/;
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const CTRL_Z = "\u001a";
const UP = "\u001b[A";

async function expectNothingLeft(): Promise<void> {
  const list = (): string[] =>
    execFileSync("ps", ["-ewwo", "pid,args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(scratch));
  await until(() => list().length === 0);
  const left = readdirSync(join(scratch, "tmp")).filter((name) => !name.startsWith("torch"));
  expect(left).toEqual([]);
}

describe("in a pipe", () => {
  it("answers each line, with all turns before it, until a message has no room", async () => {
    const lines = ["Who is there?", "", "And you?\r", "/reset", "Who is there?"];
    const input = [...lines, "word ".repeat(70), "Never read", ""].join("\n");
    const { code, stdout, stderr } = await piped(input, "--quiet", "--system", "Be brief.");
    await using remdm = await Remdm.launch({ checkpoint: LLADA, device: "cpu" });
    const messages: ChatMessage[] = [{ role: "system", content: "Be brief." }];
    const answers: string[] = [];
    for (const content of ["Who is there?", "And you?"]) {
      messages.push({ role: "user", content });
      const run = remdm.sample({ messages, answerLength: 12 });
      const [answer] = (await run.result()).answers;
      messages.push({ role: "assistant", content: answer });
      answers.push(answer);
    }
    expect(stdout).toBe([...answers, answers[0], ""].join("\n"));
    expect(stderr).toMatch(
      /^error: The messages have \d+ tokens and the answer 12, \d+ in all; the model takes at most 96\n {2}Shorten/,
    );
    expect(code).toBe(2); // what was given cannot be done
    await expectNothingLeft();
  });

  it("needs a checkpoint", async () => {
    const { code, said } = start(["--answer-length", "8"]);
    expect(await code).toBe(2);
    expect(said.stderr).toContain("required option '--checkpoint <file>' not specified");
  });
});

describe("on a terminal", () => {
  it("shows how an answer forms, keeps the lines, and ends with Ctrl-D", async () => {
    const me = new Person("--steps", "3000"); // so that it is seen at work
    await me.sees(/Type a message/);
    await me.sees(PROMPT);
    me.types("Who is there?\r");
    const shown = await me.sees(PROMPT);
    expect(shown).toMatch(/▒ masked.*▓ remasked.*new/);
    expect(shown).toContain("\u001b[2m▒"); // a mask, dim
    expect(shown.replaceAll("\u001b", "ESC")).toMatch(/ESC\[32m[^▒]/); // a token that was just revealed, green
    expect(shown).not.toContain("start_header_id");
    expect(shown.lastIndexOf("\u001b[?25h")).toBeGreaterThan(shown.lastIndexOf("\u001b[?25l"));
    me.types(`${UP}\r`); // the line before, again
    expect(await me.sees(PROMPT)).toContain("Who is there?");
    me.types("/reset\r");
    await me.sees(/The conversation is forgotten/);
    await me.sees(PROMPT);
    me.types(CTRL_D);
    expect(await me.ends()).toBe(0);
    await expectNothingLeft();
  });

  it("answers every line of what is pasted, and asks on with the rest", async () => {
    const me = new Person();
    await me.sees(PROMPT);
    me.types("/reset\r/reset\rWho is");
    const shown = await me.sees(PROMPT);
    expect(shown.match(/The conversation is forgotten\./g)).toHaveLength(2);
    me.types(" there?\r");
    expect(await me.sees(PROMPT)).toMatch(/^Who is there\?.*▒ masked/s);
    me.types(`/reset\r${CTRL_D}`);
    await me.sees(/The conversation is forgotten\./);
    expect(await me.ends()).toBe(0);
    await expectNothingLeft();
  });

  it("goes on after Ctrl-Z with the line that was begun", async () => {
    const me = new Person();
    await me.sees(PROMPT);
    me.types(`/re${CTRL_Z}`); // nothing stops without a shell: the program is told to go on at once
    await me.sees(/\/re/);
    me.continues();
    await me.sees(/> \/re/);
    me.types("set\r");
    await me.sees(/The conversation is forgotten\./);
    await me.sees(PROMPT);
    me.types(CTRL_D);
    expect(await me.ends()).toBe(0);
    await expectNothingLeft();
  });

  it("Ctrl-C ends the answer that forms, and then the session", async () => {
    const model = join(scratch, "model");
    cpSync(LLADA, model, { recursive: true });
    const loop = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    const template = `{% if messages[-1].content == "loop" %}${loop}{% endif %}{{ messages }}`;
    writeFileSync(join(model, "chat_template.jinja"), template);
    const me = new Person("--checkpoint", model, "--steps", "20000", "--strategy", "remdm-cap");
    await me.sees(PROMPT);
    me.types("Hi\r/exit\r"); // the second line is forgotten with the first
    await me.sees(/▒/);
    me.types(CTRL_C);
    await me.sees(/The answer was ended; it and its message are not kept\./);
    await me.sees(PROMPT);
    me.types(`${"word ".repeat(70)}\r`);
    await me.sees(/error: The messages have \d+ tokens/); // and goes on
    await me.sees(PROMPT);
    me.types("loop\r");
    await new Promise((resolve) => setTimeout(resolve, 500));
    me.types(CTRL_C);
    await me.sees(/The answer was ended/);
    await me.sees(PROMPT);
    me.types(CTRL_C);
    await me.sees(/Stopped\./);
    expect(await me.ends()).toBe(130);
    await expectNothingLeft();
  });
});
