/** The parts of a list that is written with commas; empty ones are left out. */
export function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
