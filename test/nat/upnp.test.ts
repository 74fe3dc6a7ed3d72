import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../../src/base/brands.ts';
import { type MapperEffect, PortMapper } from '../../src/nat/port-mapper.ts';
import { decodeDescription, decodeSoapAnswer, decodeSsdpAnswer } from '../../src/nat/upnp-message.ts';
import { escapeXml, parseXml } from '../../src/nat/xml-extract.ts';

const PLACE = { router: Uint8Array.of(192, 168, 1, 1), client: Uint8Array.of(192, 168, 1, 10), port: 47247 };
const SOURCE = '192.168.1.1';
const BASE = { host: SOURCE, port: 5000, path: '/rootDesc.xml' };

const ssdp = (location: string) =>
  `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nLocation: ${location}\r\nST: x\r\n\r\n`;

const description = (services: readonly (readonly [type: string, control: string])[]) =>
  `<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0"><!-- a router --><device><deviceList><device><serviceList>${services
    .map(
      ([type, url]) =>
        `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType><SCPDURL/><controlURL>${url}</controlURL></service>`,
    )
    .join('')}</serviceList></device></deviceList></device></root>`;

const soapOk = (inner: string) =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body><u:R xmlns:u="y">${inner}</u:R></s:Body></s:Envelope>`;
const soapError = (code: number) => soapOk(`<detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail>`);

describe('an answer to a search', () => {
  it.each([
    ['the router itself', ssdp('http://192.168.1.1:5000/rootDesc.xml'), BASE],
    ['another host', ssdp('http://192.168.1.2:5000/x'), 'foreign-location'],
    ['a host on the Internet', ssdp('http://198.51.100.1/x'), 'foreign-location'],
    ['a name', ssdp('http://router.example/x'), 'no-location'],
    ['a user before the host', ssdp('http://192.168.1.1@198.51.100.1/x'), 'no-location'],
    ['another scheme', ssdp('file:///etc/passwd'), 'no-location'],
    ['no location', 'HTTP/1.1 200 OK\r\n\r\n', 'no-location'],
    ['no answer', 'NOTIFY * HTTP/1.1\r\n\r\n', 'not-an-answer'],
  ])('with the location of %s', (_name, text, wanted) => {
    expect(decodeSsdpAnswer(text, SOURCE)).toEqual(wanted);
  });
});

describe('a description', () => {
  it('names the best service that maps ports', () => {
    const xml = description([
      ['Layer3Forwarding:1', '/l3'],
      ['WANPPPConnection:1', '/ppp'],
      ['WANIPConnection:1', 'ctl/ip'],
    ]);
    expect(decodeDescription(xml, BASE)).toEqual({
      service: 'urn:schemas-upnp-org:service:WANIPConnection:1',
      url: { host: SOURCE, port: 5000, path: '/ctl/ip' },
    });
  });

  it.each([
    ['of nothing that maps ports', description([['Layer3Forwarding:1', '/l3']]), 'no-service'],
    ['that leads elsewhere', description([['WANIPConnection:1', 'http://198.51.100.1/x']]), 'foreign-control'],
    ['with a URL without a scheme', description([['WANIPConnection:1', '//198.51.100.1/x']]), 'no-service'],
    ['with a line break in its URL', description([['WANIPConnection:1', '/x\r\nHost: y']]), 'no-service'],
    ['with a DTD', `<!DOCTYPE a [<!ENTITY b "c">]>${description([['WANIPConnection:1', '/ip']])}`, 'not-xml'],
    ['that is too long', `${description([['WANIPConnection:1', '/ip']])}${' '.repeat(70_000)}`, 'not-xml'],
    ['whose tags do not match', '<root><a></b></root>', 'not-xml'],
    ['that never ends', '<root><a>', 'not-xml'],
    ['that is deep', '<a>'.repeat(2_000) + '</a>'.repeat(2_000), 'not-xml'],
  ])('%s is refused', (_name, xml, fault) => {
    expect(decodeDescription(xml, BASE)).toBe(fault);
  });
});

describe('the little of XML', () => {
  it('gives back what was escaped', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        const clean = text.replace(/\s+/g, ' ').trim();
        const escaped = clean.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
        expect(parseXml(`<a>${escaped}</a>`)?.text).toBe(clean);
        expect(escapeXml(clean)).not.toMatch(/[<>"']/);
      }),
    );
  });

  it('W2: never throws', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      'a',
      '<a>',
      '</a>',
      '<a b="c">',
      '<!--',
      '-->',
      '<?',
      '?>',
      '&amp;',
      '&',
      '"',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.string({ maxLength: 100 }), (pieces, text) => {
        parseXml(pieces.join(''));
        decodeSoapAnswer(200, pieces.join(''));
        decodeDescription(text, BASE);
        decodeSsdpAnswer(`HTTP/1.1 200 OK\r\nlocation: ${text}`, SOURCE);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** A mapper whose router knows UPnP only. */
function upnp(answers: (action: string, count: number) => readonly [status: number, body: string]) {
  const mapper = new PortMapper(PLACE, (length) => new Uint8Array(length), millis(0));
  const effects: MapperEffect[] = [];
  const counts = new Map<string, number>();
  const take = (list: readonly MapperEffect[], now: number): void => {
    for (const effect of list) {
      effects.push(effect);
      if (effect.kind === 'search')
        take(mapper.handleSsdp(ssdp('http://192.168.1.1:5000/rootDesc.xml'), SOURCE, millis(now)), now);
      if (effect.kind !== 'http') continue;
      const { headers } = effect.request;
      const action = /#(\w+)"/.exec(headers['SOAPAction'] ?? '')?.[1] ?? effect.method;
      const count = (counts.get(action) ?? 0) + 1;
      counts.set(action, count);
      const [status, body] = answers(action, count);
      take(mapper.handleHttp(effect.id, status, body, millis(now)), now);
    }
  };
  for (let now = 0; now < 60_000; now += 50) take(mapper.tick(millis(now)), now);
  return { mapper, effects, counts };
}

const WAN = description([['WANIPConnection:1', '/ip']]);

describe('a mapping by UPnP', () => {
  it('is taken when PCP and NAT-PMP stay silent', () => {
    const { mapper, effects } = upnp((action) => {
      if (action === 'GET') return [200, WAN];
      return [
        200,
        soapOk(action === 'GetExternalIPAddress' ? '<NewExternalIPAddress>198.51.100.9</NewExternalIPAddress>' : ''),
      ];
    });
    expect(mapper.mapped).toBe('198.51.100.9:47247');
    const add = effects.find((effect) => effect.kind === 'http' && effect.request.body.includes('AddPortMapping'));
    expect(add?.kind === 'http' && add.request.body).toContain('<NewInternalClient>192.168.1.10</NewInternalClient>');
    expect(mapper.release().map(({ kind }) => kind)).toEqual(['http', 'unmapped']);
  });

  it('takes the next port when one is taken', () => {
    const { mapper } = upnp((action, count) => {
      if (action === 'GET') return [200, WAN];
      if (action === 'GetExternalIPAddress')
        return [200, soapOk('<NewExternalIPAddress>198.51.100.9</NewExternalIPAddress>')];
      return count === 1 ? [500, soapError(718)] : [200, soapOk('')];
    });
    expect(mapper.mapped).toBe('198.51.100.9:47248');
  });

  it.each([
    ['refuses', 500, soapError(606)],
    ['answers with something else', 200, '<html>'],
    ['does not answer', 0, ''],
  ])('is given up when the router %s, and few requests were made', (_name, status, body) => {
    const { mapper, counts } = upnp((action) => (action === 'GET' ? [200, WAN] : [status, body]));
    expect(mapper.mapped).toBeUndefined();
    expect([...counts.values()].every((count) => count <= 5)).toBe(true);
  });
});
