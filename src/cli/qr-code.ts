import { renderUnicodeCompact } from 'uqr';

const WHITE_ON_BLACK = '\u001b[97;40m';
const PLAIN = '\u001b[0m';

/** A text as a QR code of half blocks: light modules are letters, so on a terminal the colours are set with them. */
export function qrCode(text: string, terminal = process.stdout.isTTY === true): string {
  const lines = renderUnicodeCompact(text, { ecc: 'L', border: 2 }).split('\n');
  return lines.map((line) => (terminal ? `${WHITE_ON_BLACK}${line}${PLAIN}` : line)).join('\n');
}
