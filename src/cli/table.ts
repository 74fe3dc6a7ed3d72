import Table from 'cli-table3';

/** A borderless table for people: a head in bold on a terminal, plain text elsewhere. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
  const made = new Table({
    head: [...head],
    style: { head: colour ? ['bold'] : [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: NO_BORDER,
  });
  for (const row of rows) made.push([...row]);
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const NO_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;
