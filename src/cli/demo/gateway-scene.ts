import type { ExplainAnswer } from '../../api/questions.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { OverlayNode } from '../lab/overlay.ts';
import type { ServedOverlay } from '../lab/served-overlay.ts';
import { until } from '../lab/until.ts';

/** The network behind the router, and the plain machine in it. */
const NETWORK = '10.8.0.0/24';
const ROUTER = '10.8.0.1';
const PRINTER = '10.8.0.10';
const TCP = 6;

/** A router of the group with a plain machine behind it, and somebody of another group. */
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

/** Lays them; the devices that lead to the others are the caller's. */
export async function layGateway(
  lab: Lab,
  server: ServedOverlay,
  router: Namespace,
  guest: Namespace,
): Promise<Gateway> {
  const printer = lab.namespace('printer');
  lab.link(
    { namespace: router, device: 'inside', addresses: [`${ROUTER}/24`] },
    { namespace: printer, device: 'cable', addresses: [`${PRINTER}/24`] },
  );
  printer.route('default', ROUTER);
  return {
    gate: await server.add('gate', router, ['office'], { type: 'gen', routes: [NETWORK] }),
    printer,
    guest: await server.add('guest', guest, ['guests']),
  };
}

/** Who reaches whom, tried out, and why, as `explain` says it on a node that knows. */
export async function showGateway(left: OverlayNode, scene: Gateway, say: (text: string) => void): Promise<Pairing[]> {
  const { gate, printer, guest } = scene;
  await Promise.all([gate.ready(), guest.ready()]);
  await until('the way to the printer', () => left.namespace.ip('route').includes(NETWORK), { seconds: 20 });
  await until('the printer', async () => (await pinged(left.namespace, PRINTER)) || false, { seconds: 20 });
  const [atLeft, atGuest] = [await left.address(), await guest.address()];
  const pairs = [
    { from: 'left', to: 'printer', space: left.namespace, ends: [atLeft, PRINTER], asked: left },
    { from: 'printer', to: 'left', space: printer, ends: [PRINTER, atLeft], asked: left },
    { from: 'guest', to: 'left', space: guest.namespace, ends: [atGuest, atLeft], asked: guest },
    { from: 'guest', to: 'printer', space: guest.namespace, ends: [atGuest, PRINTER], asked: guest },
    { from: 'printer', to: 'guest', space: printer, ends: [PRINTER, atGuest], asked: gate },
  ];
  return Promise.all(
    pairs.map(async ({ from, to, space, ends: [source, destination], asked }) => {
      const answered = await pinged(space, destination);
      const flow = { source, destination, protocol: TCP, port: 80 };
      const explained = await asked.ask<ExplainAnswer>({ verb: 'explain', flow });
      return { from, to, answered, result: explained.result, text: explained.text, elements: explained.elements };
    }),
  ).then((found) => {
    for (const { from, to, answered, result, text, elements } of found) {
      const path = elements.map(({ name, action }) => `${name} ${action}`).join(', ');
      say(`   ${`${from} → ${to}`.padEnd(18)}${answered ? 'answered  ' : 'no answer '} ${result}: ${text}`);
      if (path !== '') say(`   ${''.padEnd(28)} ${path}`);
    }
    return found.map(({ elements: _, ...pairing }) => pairing);
  });
}

async function pinged(from: Namespace, address: string): Promise<boolean> {
  return (await from.attempt(['ping', '-c', '1', '-W', '1', address], { seconds: 5 })).code === 0;
}
