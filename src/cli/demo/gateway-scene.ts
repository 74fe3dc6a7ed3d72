import type { ExplainAnswer } from '../../api/questions.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { OverlayNode } from '../lab/overlay.ts';
import type { ServedOverlay } from '../lab/served-overlay.ts';
import { until } from '../lab/until.ts';

/** The network behind the router, and the plain machine in it. */
export const NETWORK = '10.8.0.0/24';
const ROUTER = '10.8.0.1';
const PRINTER = '10.8.0.10';
const TCP = 6;

/** A router of the group with a plain machine behind it, and a member of another group on the same network. */
export interface Gateway {
  readonly gate: OverlayNode;
  readonly printer: Namespace;
  readonly guest: OverlayNode;
}

/** Whether one reached another, and what `explain` says of it. */
export interface Pairing {
  readonly from: string;
  readonly to: string;
  readonly answered: boolean;
  readonly result: string;
  readonly text: string;
}

/** Lays them and starts the router; the device that leads from it to the others is the caller's. */
export async function layGateway(lab: Lab, server: ServedOverlay, router: Namespace): Promise<Gateway> {
  const [printer, visitor] = [lab.namespace('printer'), lab.namespace('guest')];
  lab.bridge('floor', [
    { namespace: router, device: 'inside', addresses: [`${ROUTER}/24`] },
    { namespace: printer, device: 'cable', addresses: [`${PRINTER}/24`] },
    { namespace: visitor, device: 'cable', addresses: ['10.8.0.20/24'] },
  ]);
  router.sysctl('net.ipv4.ip_forward', '1');
  for (const machine of [printer, visitor]) machine.route('default', ROUTER);
  const gate = await server.add('gate', router, ['office'], { type: 'gen', routes: [NETWORK] });
  const guest = await server.add('guest', visitor, ['guests']);
  gate.start({ listen: '47247' });
  return { gate, printer, guest };
}

/** Who reaches whom, tried out, and why, as `explain` says it on a node that knows. */
export async function showGateway(
  left: OverlayNode,
  right: OverlayNode,
  { gate, printer, guest }: Gateway,
  say: (text: string) => void,
): Promise<Pairing[]> {
  guest.start({ listen: '47247' });
  const { id } = (await gate.status()).node;
  const [atLeft, atRight, atGuest] = await Promise.all([left.address(), right.address(), guest.address()]);
  const to = {
    left: { space: left.namespace, address: atLeft, node: left },
    right: { space: right.namespace, address: atRight, node: right },
    guest: { space: guest.namespace, address: atGuest, node: guest },
    printer: { space: printer, address: PRINTER, node: left },
  };
  await until('the way to the printer', () => pinged(left.namespace, PRINTER), { seconds: 20 });
  await until('the way of the guest', () => pinged(guest.namespace, atRight), { seconds: 20 });
  const pairs = [
    ['left', 'printer'],
    ['printer', 'left'],
    ['guest', 'right'],
    ['guest', 'left'],
    ['left', 'guest'],
    ['guest', 'printer'],
  ] as const;
  const found = await Promise.all(
    pairs.map(async ([from, at]) => {
      const [source, destination] = [to[from], to[at]];
      const flow = { source: source.address, destination: destination.address, protocol: TCP, port: 80 };
      const [answered, explained] = await Promise.all([
        pinged(source.space, destination.address),
        source.node.ask<ExplainAnswer>({ verb: 'explain', flow }),
      ]);
      return { from, to: at, answered, explained };
    }),
  );
  // the guest is in no group with the router, so that it knows no name of it
  for (const pairing of found) say(pairingText(pairing).replaceAll(id, 'gate'));
  return found.map(({ explained: { result, text }, ...pairing }) => ({ ...pairing, result, text }));
}

function pairingText(
  pairing: Pick<Pairing, 'from' | 'to' | 'answered'> & { readonly explained: ExplainAnswer },
): string {
  const { from, to, answered, explained } = pairing;
  const path = explained.elements.map(({ name, action }) => `${name} ${action}`).join(', ');
  return [
    `   ${`${from} ──► ${to}`.padEnd(20)}${answered ? 'answered' : 'no answer'}; ${path}`,
    `   ${' '.repeat(20)}${explained.text}`,
  ].join('\n');
}

async function pinged(from: Namespace, address: string): Promise<boolean> {
  return (await from.attempt(['ping', '-c', '3', '-i', '0.3', '-W', '1', address], { seconds: 5 })).code === 0;
}
