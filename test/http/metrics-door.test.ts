import { connect, createServer } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { parseListenAddress } from '../../src/base/listen-address.ts';
import type { LogFields } from '../../src/base/log.ts';
import { isExposed, METRICS_LIMITS, MetricsDoor, type MetricsLimits } from '../../src/http/metrics-door.ts';
import { asked, bodyOf, portOf, said, statusOf } from './raw-request.ts';

const doors: MetricsDoor[] = [];
afterEach(async () => {
  await Promise.all(doors.splice(0).map((door) => door.close()));
});

/** Bounds that a test of something else does not meet. */
const WIDE: MetricsLimits = { ...METRICS_LIMITS, perSource: 64, rate: { burst: 1_000, perSecond: 1_000 } };

interface Ground {
  readonly port: number;
  readonly door: MetricsDoor;
  readonly lines: readonly { readonly event: string; readonly fields: LogFields }[];
  /** how often the text was made */
  made(): number;
  pass(ms: number): void;
}

async function open(limits: MetricsLimits = WIDE, text?: () => string, isWell = true): Promise<Ground> {
  let made = 0;
  let now = 0;
  const lines: { event: string; fields: LogFields }[] = [];
  const source = {
    text: () => {
      made += 1;
      return text?.() ?? `gscip_made ${made}\n`;
    },
    isWell: () => isWell,
  };
  const log = { log: (_level: string, event: string, fields: LogFields) => void lines.push({ event, fields }) };
  const door = await MetricsDoor.open(parseListenAddress('127.0.0.1:0'), {
    ...{ source, log, limits },
    now: () => millis(now),
  });
  doors.push(door);
  const pass = (ms: number) => {
    now += ms;
  };
  return { port: portOf(door.url), door, lines, made: () => made, pass };
}

describe('a port for metrics', () => {
  it('answers GET /metrics in the text format of Prometheus, and HEAD without the text', async () => {
    const { port } = await open();
    const got = await asked(port, 'GET', '/metrics?x=1');
    expect([statusOf(got), bodyOf(got)]).toEqual([200, 'gscip_made 1\n']);
    for (const head of ['content-type: text/plain; version=0.0.4; charset=utf-8', 'content-length: 13'])
      expect(got.toLowerCase()).toContain(`\r\n${head}\r\n`);
    for (const head of ['connection: close', 'cache-control: no-store', 'x-content-type-options: nosniff'])
      expect(got.toLowerCase()).toContain(`\r\n${head}\r\n`);
    const head = await asked(port, 'HEAD', '/metrics');
    expect([statusOf(head), bodyOf(head)]).toEqual([200, '']);
    expect(head).toContain('content-length: 13');
  });

  it.each([
    [true, 200],
    [false, 503],
  ])('says at /healthz that it is well: %s', async (isWell, status) => {
    const { port } = await open(WIDE, undefined, isWell);
    const answer = await asked(port, 'GET', '/healthz');
    expect([statusOf(answer), JSON.parse(bodyOf(answer))]).toEqual([status, { ok: isWell }]);
  });

  it('makes the text once a second for all who ask', async () => {
    const { port, made, pass } = await open();
    const all = await Promise.all(Array.from({ length: 5 }, () => asked(port, 'GET', '/metrics')));
    pass(999);
    all.push(await asked(port, 'GET', '/metrics'));
    expect([made(), new Set(all.map(bodyOf))]).toEqual([1, new Set(['gscip_made 1\n'])]);
    pass(1);
    expect(bodyOf(await asked(port, 'GET', '/metrics'))).toBe('gscip_made 2\n');
  });

  it('tells nobody but its log what went wrong, and goes on', async () => {
    let isBroken = true;
    const { port, lines, pass } = await open(WIDE, () => {
      if (isBroken) throw new TypeError('secret words');
      return 'fine\n';
    });
    const answer = await asked(port, 'GET', '/metrics');
    expect([statusOf(answer), answer.includes('secret')]).toEqual([500, false]);
    expect(lines.at(-1)).toMatchObject({
      event: 'metrics-failed',
      fields: { text: expect.stringContaining('secret words') },
    });
    isBroken = false;
    pass(1_000);
    expect(bodyOf(await asked(port, 'GET', '/metrics'))).toBe('fine\n');
  });
});

const HOST = 'host: x\r\n';
const GET = `GET /metrics HTTP/1.1\r\n${HOST}`;

describe('what is not a request for metrics', () => {
  const rows: readonly (readonly [what: string, bytes: string, status: number])[] = [
    ['another path', `GET / HTTP/1.1\r\n${HOST}\r\n`, 404],
    ['another path by another method', `DELETE /api/1/nodes HTTP/1.1\r\n${HOST}\r\n`, 404],
    ['a path that leads back', `GET /x/../metrics HTTP/1.1\r\n${HOST}\r\n`, 404],
    ['a path in other letters', `GET /%6detrics HTTP/1.1\r\n${HOST}\r\n`, 404],
    ['a whole URL', `GET http://x/metrics HTTP/1.1\r\n${HOST}\r\n`, 404],
    ['a POST', `POST /metrics HTTP/1.1\r\n${HOST}content-length: 2\r\n\r\n{}`, 405],
    ['a PUT that sends without end', `PUT /metrics HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n`, 405],
    ['OPTIONS of a browser', `OPTIONS /healthz HTTP/1.1\r\n${HOST}origin: http://evil\r\n\r\n`, 405],
    ['no host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['two lengths', `${GET}content-length: 1\r\ncontent-length: 2\r\n\r\n`, 400],
    ['a head that is too long', `${GET}x: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['an expectation that nobody knows', `${GET}expect: tea\r\n\r\n`, 417],
    ['a tunnel', 'CONNECT 192.0.2.1:22 HTTP/1.1\r\nhost: 192.0.2.1:22\r\n\r\n', 0],
  ];
  it.each(rows)('as %s is refused, and the port goes on', async (_what, bytes, status) => {
    const { port, made } = await open();
    const answer = await said(port, bytes);
    expect([statusOf(answer), made()]).toEqual([status, 0]);
    if (status === 405) expect(answer.toLowerCase()).toContain('\r\nallow: get, head\r\n');
    expect(statusOf(await asked(port, 'GET', '/metrics'))).toBe(200);
  });

  it('as a WebSocket is answered as if it were none', async () => {
    const { port } = await open();
    const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n';
    expect(statusOf(await said(port, `${GET}${upgrade}\r\n`))).toBe(200);
  });

  it('as any bytes never ends it', async () => {
    const { port, lines } = await open({ ...WIDE, life: 50 });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.boolean(), async (bytes, isInHead) => {
        const before = Buffer.from(isInHead ? GET : '');
        const heard = await said(port, Buffer.concat([before, bytes, Buffer.from('\r\n\r\n')]));
        expect([0, 200, 400, 404, 405, 417, 431, 505]).toContain(statusOf(heard));
      }),
      { numRuns: 40 },
    );
    expect(statusOf(await asked(port, 'GET', '/metrics'))).toBe(200);
    expect(lines.filter(({ event }) => event === 'metrics-failed')).toEqual([]);
  });
});

describe('a hostile client of a port for metrics', () => {
  it('gets one answer for a hundred requests in one piece', async () => {
    const { port, made } = await open({ ...WIDE, fresh: 0 });
    const heard = await said(port, `${GET}\r\n`.repeat(100));
    expect([heard.split('HTTP/1.1 200').length - 1, made()]).toEqual([1, 1]);
  });

  it('is cut off when its request never ends', async () => {
    const { port } = await open({ ...WIDE, life: 50 });
    expect(await said(port, `${GET}x: `)).toBe('');
  });

  it('is cut off when it never reads the answer, which is more than the kernel takes', async () => {
    const { port, made } = await open({ ...WIDE, perSource: 1, life: 50 }, () => 'x'.repeat(16 << 20));
    const silent = connect(port, '127.0.0.1', () => silent.write(`${GET}\r\n`)).pause();
    silent.on('error', () => undefined);
    await expect.poll(made).toBe(1);
    await expect.poll(async () => statusOf(await asked(port, 'GET', '/healthz'))).toBe(200);
    silent.destroy();
  });

  it('has so many connections at once and no more, and they count as long as they are open', async () => {
    const { port } = await open({ ...WIDE, perSource: 2 });
    const held = await Promise.all([holding(port), holding(port)]);
    expect(await asked(port, 'GET', '/metrics')).toBe('');
    await held[0]?.end();
    expect(statusOf(await asked(port, 'GET', '/metrics'))).toBe(200);
    await held[1]?.end();
  });

  it('has so many in all, whatever the source', async () => {
    const { port } = await open({ ...WIDE, connections: 1 });
    const held = await holding(port);
    expect(await asked(port, 'GET', '/metrics')).toBe('');
    await held.end();
  });

  it('comes so often and no more', async () => {
    const { port, made, pass } = await open({ ...WIDE, rate: { burst: 2, perSecond: 1 }, fresh: 0 });
    const statuses = async (count: number) => {
      const all: number[] = [];
      for (let at = 0; at < count; at++) all.push(statusOf(await asked(port, 'GET', '/metrics')));
      return all;
    };
    expect([await statuses(4), made()]).toEqual([[200, 200, 0, 0], 2]);
    pass(1_000);
    expect(await statuses(2)).toEqual([200, 0]);
  });
});

/** A connection that says nothing and that the port has taken. */
async function holding(port: number): Promise<{ end(): Promise<void> }> {
  const taken = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<() => void>();
  const closed = said(port, 'GET /', (socket) => {
    socket.once('ready', () => taken.resolve());
    ended.resolve(() => void socket.destroy());
  });
  await taken.promise;
  // whoever comes later is taken later
  const destroy = await ended.promise;
  return {
    end: async () => {
      destroy();
      await closed;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('the place of a port for metrics', () => {
  it('is closed with every connection, and free again', async () => {
    const asking = Promise.withResolvers<void>();
    const source = {
      isWell: () => true,
      text: () => {
        asking.resolve();
        return new Promise<string>(() => undefined);
      },
    };
    const parts = { source, log: { log: () => undefined }, limits: { ...WIDE, life: 600_000 } };
    const door = await MetricsDoor.open(parseListenAddress('127.0.0.1:0'), parts);
    const port = portOf(door.url);
    const held = asked(port, 'GET', '/metrics');
    await asking.promise;
    await door.close();
    expect(await held).toBe('');
    const again = await MetricsDoor.open(parseListenAddress(`127.0.0.1:${port}`), {
      source: { text: () => '', isWell: () => true },
      log: { log: () => undefined },
    });
    await again.close();
  });

  it('that another program has, or that the machine has not, is an error that says so', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const parts = { source: { text: () => '', isWell: () => true }, log: { log: () => undefined } };
    await expect(MetricsDoor.open({ host: '127.0.0.1', port }, parts)).rejects.toMatchObject({
      code: 'port-in-use',
      message: `another program has TCP port ${port} of 127.0.0.1`,
      remedy: expect.stringContaining('--metrics'),
    });
    await expect(MetricsDoor.open({ host: '192.0.2.1', port }, parts)).rejects.toMatchObject({
      code: 'bad-listen',
      message: expect.stringContaining('192.0.2.1'),
    });
    await new Promise((resolve) => other.close(resolve));
  });

  it.each([
    ['127.0.0.1:1', false],
    ['127.9.9.9:1', false],
    ['[::1]:1', false],
    ['100.64.0.7:1', false],
    ['[fd01:203:405:0::7]:1', false],
    ['100.64.0.8:1', true],
    [':1', true],
    ['[::]:1', true],
    ['0.0.0.0:1', true],
    ['10.0.0.1:1', true],
    ['[2001:db8::1]:1', true],
    ['[::ffff:127.0.0.1]:1', true],
  ])('%s is open to others than the machine and members: %s', (text, expected) => {
    expect(isExposed(parseListenAddress(text), ['100.64.0.7/32', 'fd01:203:405::7'])).toBe(expected);
  });

  it('is written to the log, with a warning where it is open to others', async () => {
    const { lines, door } = await open();
    expect(lines).toEqual([{ event: 'metrics-served', fields: { at: door.url } }]);
    const events: string[] = [];
    const log = { log: (level: string, event: string) => void events.push(`${level} ${event}`) };
    const all = await MetricsDoor.open(parseListenAddress(':0'), {
      source: { text: () => '', isWell: () => true },
      log,
    });
    await all.close();
    expect(events).toEqual(['info metrics-served', 'warn metrics-exposed']);
  });
});
