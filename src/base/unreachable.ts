/** Ends every `switch` on a union: the compiler refuses a forgotten case, the runtime names a broken invariant. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
