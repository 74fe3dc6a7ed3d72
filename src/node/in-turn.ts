/** Takes one step after another until `end` breaks that off: then it throws with the reason, once the step under way is done. */
export async function inTurn(end: AbortSignal, steps: readonly (() => Promise<void>)[]): Promise<void> {
  end.throwIfAborted();
  for (const step of steps) {
    await step();
    end.throwIfAborted();
  }
}
