/** Takes things that come in any order and hands them on in the order of their numbers. */
export class InOrder<T> {
  readonly #waiting = new Map<number, T>();
  #next: number;

  /** @param first number. */
  constructor(first: number) {
    this.#next = first;
  }

  /** @returns what can be handed on now. */
  add(number: number, item: T): T[] {
    this.#waiting.set(number, item);
    const ready: T[] = [];
    for (;;) {
      const next = this.#waiting.get(this.#next);
      if (next === undefined) return ready;
      this.#waiting.delete(this.#next++);
      ready.push(next);
    }
  }

  /** @returns what still waits for one that will not come. */
  rest(): T[] {
    const numbers = [...this.#waiting.keys()].sort((a, b) => a - b);
    const rest = numbers.flatMap((number) => this.#waiting.get(number) ?? []);
    this.#waiting.clear();
    return rest;
  }
}
