/** Runs `remdm chat`: it launches a model, and answers line by line. */
import { OptionError, RemdmError, type ChatOptions, type Remdm } from "../../../index.ts";
import { isUntimed } from "../../../sampler/strategies/find.ts";
import { failureOf } from "../../failure.ts";
import type { Naming } from "../../naming.ts";
import type { Session } from "../../runCommand.ts";
import { Board } from "../../terminal/board.ts";
import { ProgressRenderer } from "../../terminal/progressRenderer.ts";
import { ScrollingWindow } from "../../terminal/scrollingWindow.ts";
import { stepsView, type FormingText } from "../../terminal/stepsView.ts";
import { harmless } from "../../terminal/terminalText.ts";
import { launchModel } from "../sample/launch.ts";
import { checkFlags, samplingOptions } from "../sample/samplingOptions.ts";
import { ownStrategy } from "../sample/strategyOptions.ts";
import { Conversation } from "./conversation.ts";
import type { ChatFlags } from "./flags.ts";
import { readTemplateOptions } from "./templateOptions.ts";
import { isConversation, pipedLines, TerminalLines } from "./userLines.ts";

/** Errors of one turn, after which a conversation goes on. */
const OF_A_TURN = ["option_invalid", "template_failed", "tokenizer_unknown", "out_of_memory"];

const HINT = "Type a message. /reset forgets the conversation; /exit or Ctrl-D ends it.";

/**
 * Answers messages until there are no more.
 * @param naming what the command calls the library's options.
 * @throws what the library throws.
 */
export async function chat(session: Session, flags: ChatFlags, naming: Naming): Promise<void> {
  const own = await ownStrategy(flags);
  const drawn = { ...flags, samples: 1 };
  checkFlags(drawn, own, undefined, true);
  const templateOptions = readTemplateOptions(flags.templateOption ?? []);
  await using remdm = await launchModel(session, flags);
  if (!remdm.hasChatTemplate) {
    throw new RemdmError(`The model ${remdm.model.name} has no chat template`, {
      code: "template_missing",
      remedy:
        "Name a model that was trained to chat, or use `npx remdm sample`, which goes on with a text.",
    });
  }
  const { answerLength } = flags;
  const options: TurnOptions = {
    ...samplingOptions(drawn, remdm.model.kind, own),
    ...(answerLength !== undefined && { answerLength }),
    templateOptions,
    specialTokens: false,
  };
  const talk = new Talk(session, flags, remdm, options);
  // A run does nothing before it is asked: this one only checks the options.
  remdm.sample({ ...options, messages: new Conversation(flags.system).with("") });
  if (isConversation()) await talk.atTerminal(naming);
  else await talk.inPipe();
}

type TurnOptions = Omit<ChatOptions, "messages" | "signal">;

class Talk {
  readonly #session: Session;
  readonly #flags: ChatFlags;
  readonly #remdm: Remdm;
  readonly #options: TurnOptions;
  readonly #conversation: Conversation;

  constructor(session: Session, flags: ChatFlags, remdm: Remdm, options: TurnOptions) {
    this.#session = session;
    this.#flags = flags;
    this.#remdm = remdm;
    this.#options = options;
    this.#conversation = new Conversation(flags.system);
  }

  /** Answers somebody who watches: Ctrl-C ends an answer, and errors of a turn are told. */
  async atTerminal(naming: Naming): Promise<void> {
    const { progress, signal } = this.#session;
    progress.hint(HINT);
    progress.end();
    const lines = new TerminalLines(signal);
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      if (line.trim() === "/exit") return;
      if (/^\/\w*$/.test(line.trim()) && line.trim() !== "/reset") {
        say(`There is no command ${harmless(line.trim())}. ${HINT}`);
        continue;
      }
      const turn = new AbortController();
      this.#session.endPartWith(() => turn.abort());
      try {
        await this.#take(line, AbortSignal.any([signal, turn.signal]));
      } catch (error) {
        if (signal.aborted) throw error;
        if (turn.signal.aborted) {
          lines.forget();
          say("The answer was ended; it and its message are not kept.");
        } else if (isOfTurn(error)) {
          say(failureOf(error, naming).text.trimEnd());
          if (isOfMessages(error)) say("/reset begins a new conversation.");
        } else throw error;
      } finally {
        this.#session.endPartWith(undefined);
      }
    }
  }

  /** Answers each line of standard input. @throws what ends a turn. */
  async inPipe(): Promise<void> {
    const { signal } = this.#session;
    for await (const line of pipedLines(signal)) {
      if (line.trim() === "/exit") return;
      await this.#take(line, signal);
    }
    signal.throwIfAborted();
  }

  async #take(line: string, signal: AbortSignal): Promise<void> {
    if (line.trim() === "") return;
    if (line.trim() === "/reset") {
      this.#conversation.reset();
      if (isConversation()) say("The conversation is forgotten.");
      return;
    }
    const answer = await this.#answer(line, signal);
    this.#conversation.keep(line, answer);
    this.#session.print(`${process.stdout.isTTY ? harmless(answer) : answer}\n`);
  }

  /** Answers a message, and shows how the answer forms. */
  async #answer(message: string, signal: AbortSignal): Promise<string> {
    const messages = this.#conversation.with(message);
    const run = this.#remdm.sample({ ...this.#options, messages, signal });
    const { length } = run.settings; // of the answer, until the run has begun
    const atMost = isUntimed(run.settings.strategy);
    const window = new ScrollingWindow();
    const progress = ProgressRenderer.on(process.stderr, this.#flags.quiet === true);
    let board: Board | undefined;
    const forming = (): FormingText => {
      return { heading: "", cells: board?.picture()?.cells.slice(-length) ?? [] };
    };
    try {
      for await (const event of run) {
        board ??= new Board(run.pieces());
        board.apply(event);
        if (event.type === "progress") progress.show(stepsView(event, forming, window, atMost));
      }
    } finally {
      progress.end();
    }
    const { answers } = await run.result();
    return answers[0];
  }
}

function isOfTurn(error: unknown): boolean {
  return RemdmError.isInstance(error) && OF_A_TURN.includes(error.code);
}

/** Whether the messages are what is wrong, such as too many for the model. */
function isOfMessages(error: unknown): boolean {
  return error instanceof OptionError && error.option === "messages";
}

/** Tells somebody at the terminal something. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
