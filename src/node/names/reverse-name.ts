import { padAddress } from '../../base/ip-address.ts';
import { isIpv4 } from '../../crypto/address-prefix.ts';
import type { Prefix } from '../../tun/prefix.ts';

/** Zones that one prefix is cut into at most: a resolver takes a bounded list. */
const MOST_ZONES = 128;
const ENDINGS = { 4: ['in-addr', 'arpa'], 6: ['ip6', 'arpa'] } as const;

/** The address of 16 bytes that a reverse name asks for, or how much of one it names: 'part' of one, or 'none'. */
export function reverseAddress(labels: readonly string[]): Uint8Array | 'part' | 'none' {
  for (const family of [4, 6] as const) {
    const [count, digits] = family === 4 ? [4, /^(?:0|[1-9]\d{0,2})$/] : [32, /^[0-9a-f]$/];
    const front = labels.slice(0, -2).reverse();
    if (labels.slice(-2).join('.') !== ENDINGS[family].join('.')) continue;
    if (front.length > count || !front.every((label) => digits.test(label))) return 'none';
    if (front.length < count) return 'part';
    const numbers = family === 4 ? front.map(Number) : pairs(front);
    if (!numbers.every((each) => each <= 255)) return 'none';
    const address = padAddress(Uint8Array.from(numbers));
    // in 16 bytes some addresses of IPv6 would be taken for those of IPv4
    return isIpv4(address) === (family === 4) ? address : 'none';
  }
  return 'none';
}

/** Reverse zones that together cover a range, as names: cut where labels are, by octets or by half octets. */
export function reverseZones({ family, address, length }: Prefix): string[] {
  const step = family === 4 ? 8 : 4;
  const whole = Math.ceil(length / step) * step;
  const count = 2 ** (whole - length);
  if (count > MOST_ZONES) return [];
  const labels = labelsOf(address, family).slice(0, whole / step);
  const last = labels.at(-1);
  if (last === undefined) return [];
  const front = labels.slice(0, -1).reverse();
  return Array.from({ length: count }, (_, at) => [last + at, ...front].map((n) => text(n, family))).map((zone) =>
    [...zone, ...ENDINGS[family]].join('.'),
  );
}

function text(number: number, family: 4 | 6): string {
  return number.toString(family === 4 ? 10 : 16);
}

function labelsOf(address: Uint8Array, family: 4 | 6): number[] {
  return family === 4 ? [...address] : [...address].flatMap((byte) => [byte >>> 4, byte & 15]);
}

function pairs(nibbles: readonly string[]): number[] {
  return Array.from({ length: nibbles.length / 2 }, (_, at) =>
    Number.parseInt(`${nibbles[2 * at]}${nibbles[2 * at + 1]}`, 16),
  );
}
