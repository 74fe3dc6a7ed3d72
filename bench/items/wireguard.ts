import { type Network, partners } from './network.ts';

/** The file that somebody writes for a host with so many peers; keys and addresses are placeholders of the right shape. */
export function wireguardConfig(peers: number): string {
  const own = ['[Interface]', 'PrivateKey = PRIVATE', 'Address = 10.9.0.1/16', 'ListenPort = 51820'];
  const each = ['', '[Peer]', 'PublicKey = PUBLIC', 'AllowedIPs = 10.9.0.2/32', 'Endpoint = 192.0.2.2:51820'];
  return [...own, ...Array.from({ length: peers }, () => each).flat()].join('\n');
}

/** What is entered in such a file: one item for each line that sets something. */
function configItems(config: string): number {
  return config.split('\n').filter((line) => line.includes(' = ')).length;
}

/** One file for each host, with a peer for each other that it may talk to. Packet filters, at gateways too, are not counted. */
export function wireguardSum(network: Network): number {
  const byPeers = new Map<number, number>();
  let sum = 0;
  for (const { length } of partners(network).values()) {
    const items = byPeers.get(length) ?? configItems(wireguardConfig(length));
    byPeers.set(length, items);
    sum += items;
  }
  return sum;
}

/** The host moves out of its network: the gateway needs a file of its own, and the two a peer each. */
export const WIREGUARD_MOVE =
  configItems(wireguardConfig(1)) + configItems(wireguardConfig(1)) - configItems(wireguardConfig(0));
