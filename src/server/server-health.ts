import type { ServerHealthLine } from '../api/admin/operations.ts';
import type { UnixSeconds } from '../base/brands.ts';
import type { Store } from './store/store.ts';
import type { TlsIdentity } from './tls.ts';

const DAY = 86_400;
const WARN_BEFORE = 30 * DAY;

/** What an administrator should know of a server without asking. */
export function serverHealth(
  store: Pick<Store, 'trouble'>,
  { ends }: Pick<TlsIdentity, 'ends'>,
  isGiven: boolean,
  relaysAway: readonly string[],
  now: UnixSeconds,
): readonly ServerHealthLine[] {
  const lines: ServerHealthLine[] = [];
  const trouble = store.trouble();
  if (trouble !== undefined) {
    const { code, message, remedy } = trouble;
    lines.push({ code, text: `${message}; ${remedy}` });
  }
  if (isGiven && ends - now < WARN_BEFORE) {
    const days = Math.floor((ends - now) / DAY);
    const when = days < 0 ? 'has ended' : `ends in ${days} days`;
    lines.push({ code: 'tls-certificate-ends', text: `the certificate behind --tls-cert ${when}: renew it` });
  }
  if (relaysAway.length > 0)
    lines.push({
      code: 'relay-not-connected',
      text: `no link from ${relaysAway.join(', ')}: see whether it runs, and reaches this server by TCP`,
    });
  return lines;
}
