/** Hands out the numbers from 0 on; those given back first. */
export class FreeNumbers {
  readonly #free: number[] = [];
  #next = 0;

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(number: number): void {
    this.#free.push(number);
  }
}
