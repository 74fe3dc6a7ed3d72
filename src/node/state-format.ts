import { GscipError } from '../base/errors.ts';

/** Format of the files in a node's folder: a higher one where a release writes what those before it would misread. */
const STATE_FORMAT = 1;

/** What the folder says of itself: its format, and the release that wrote there last. */
export function stateMarker(release: string): string {
  return `${JSON.stringify({ format: STATE_FORMAT, release })}\n`;
}

/**
 * Throws GscipError where a release wrote whose format this one does not know. A folder without a marker, or with one that
 * is damaged, is of format 1, or says by its other files that it is not.
 */
export function refuseNewerState(folder: string, marker: string, release: string): void {
  const { format, writer } = parseMarker(marker);
  if (format <= STATE_FORMAT) return;
  throw new GscipError(
    'state-newer',
    `${folder} was written by ${writer} in format ${format}; this is ${release}, which reads format ${STATE_FORMAT}. Nothing was changed`,
    'start that release again; to go back, put a copy of the folder from before the upgrade in place, or join again with another --state',
  );
}

function parseMarker(text: string): { readonly format: number; readonly writer: string } {
  const { format, release } = fieldsOf(text);
  const writer = typeof release === 'string' ? release.slice(0, 64) : 'a newer release';
  return { format: typeof format === 'number' ? format : STATE_FORMAT, writer };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
