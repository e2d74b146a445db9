/** Keeps the turns of a chat. */
import type { ChatMessage } from "../../../index.ts";

export class Conversation {
  readonly #system: readonly ChatMessage[];
  #turns: readonly ChatMessage[] = [];

  /** @param system what the model is told before the first message. */
  constructor(system?: string) {
    this.#system = system === undefined ? [] : [{ role: "system", content: system }];
  }

  /** Returns all messages, with a new one of the user at the end. Keeps nothing. */
  with(message: string): readonly ChatMessage[] {
    return [...this.#system, ...this.#turns, { role: "user", content: message }];
  }

  /** Keeps a message and its answer. */
  keep(message: string, answer: string): void {
    this.#turns = [...this.with(message), { role: "assistant", content: answer }].slice(
      this.#system.length,
    );
  }

  /** Forgets all turns; what the system says stays. */
  reset(): void {
    this.#turns = [];
  }
}
