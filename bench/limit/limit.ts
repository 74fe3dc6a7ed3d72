import { compiled } from '../../test/netns/compiled.ts';

/**
 * One side of the limit: node bench/limit/limit.ts INTERFACE OWN-ADDRESS OTHER-ADDRESS [gcm|null|plain].
 * Makes the TUN device and carries until it is ended; addresses on the device are the caller's.
 * `gcm` is the limit; `null` leaves the cipher out, `plain` the offloads.
 */
interface Limit {
  run(device: string, own: string, other: string, mode: string): void;
}

const [device, own, other, mode = 'gcm'] = process.argv.slice(2);
if (device === undefined || own === undefined || other === undefined) {
  console.error('usage: node bench/limit/limit.ts INTERFACE OWN-ADDRESS OTHER-ADDRESS [gcm|null|plain]');
  process.exit(2);
}

const loaded: { exports: Partial<Limit> } = { exports: {} };
process.dlopen(loaded, compiled('bench/limit/limit.cc', true));
loaded.exports.run?.(device, own, other, mode);
setInterval(() => {}, 1 << 30); // its threads do not keep the process alive
