import ipaddr from 'ipaddr.js';

/** An address without its port: 4 or 16 bytes, network order. */
export type AddressBytes = Uint8Array;

/**
 * The 4 or 16 bytes of a written address, or null. IPv4 only as four decimal numbers (no octal, hex or short forms,
 * which other programs read differently); IPv6 without a zone.
 */
export function parseAddress(text: string): AddressBytes | null {
  if (/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) {
    const parts = text.split('.').map(Number);
    return parts.every((part) => part <= 255) ? Uint8Array.from(parts) : null;
  }
  if (text.includes('%') || !text.includes(':') || !ipaddr.IPv6.isValid(text)) return null;
  return Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray());
}

/** The one spelling of an address of 4 or 16 bytes: dotted decimal, or RFC 5952. */
export function formatAddress(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw new RangeError('an address has 4 or 16 bytes');
  return new ipaddr.IPv6(Array.from(bytes)).toRFC5952String();
}

/** The address in 16 bytes as the CID has it: IPv4 in the last four, the others zero (protocol.md 1.3). */
export function padAddress(bytes: AddressBytes): Uint8Array {
  const out = new Uint8Array(16);
  out.set(bytes, 16 - bytes.length);
  return out;
}
