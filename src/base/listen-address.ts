import { GscipError } from './errors.ts';
import { parseAddress } from './ip-address.ts';

/** Where to listen: an address of this machine, or all of them. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** Reads "192.0.2.1:443", "[2001:db8::1]:443", or ":443" for all addresses. */
export function parseListenAddress(text: string): ListenAddress {
  const [, six, four, port = ''] = /^(?:\[([^\]]+)\]|([\d.]+))?:(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? four;
  const isAddress = host === undefined || parseAddress(host)?.length === (six === undefined ? 4 : 16);
  if (port === '' || Number(port) > 0xffff || !isAddress)
    throw new GscipError(
      'usage',
      `"${text}" is no address to listen on`,
      'Write it as ADDR:PORT, [IPV6]:PORT, or :PORT for all addresses.',
    );
  return { host: host === '0.0.0.0' || host === '::' ? undefined : host, port: Number(port) };
}
