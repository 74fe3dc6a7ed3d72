import { parseAddress } from '../base/ip-address.ts';
import { childText, escapeXml, findAll, parseXml } from './xml-extract.ts';

/** UPnP Internet Gateway Device, versions 1 and 2: discovery by SSDP, control by SOAP over HTTP. Texts in and out only. */

export const SSDP_ADDRESS = '239.255.255.250';
export const SSDP_PORT = 1900;

/** Kinds of service that can map ports, best first. */
export const IGD_SERVICES = [
  'urn:schemas-upnp-org:service:WANIPConnection:2',
  'urn:schemas-upnp-org:service:WANIPConnection:1',
  'urn:schemas-upnp-org:service:WANPPPConnection:1',
] as const;
export type IgdService = (typeof IGD_SERVICES)[number];

const SEARCH_TARGETS = [
  'urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  'urn:schemas-upnp-org:device:InternetGatewayDevice:2',
] as const;

/** The questions sent by multicast, from an ephemeral port. */
export function ssdpSearches(): readonly string[] {
  return SEARCH_TARGETS.map((target) =>
    [
      'M-SEARCH * HTTP/1.1',
      `HOST: ${SSDP_ADDRESS}:${SSDP_PORT}`,
      'MAN: "ssdp:discover"',
      'MX: 1',
      `ST: ${target}`,
      '',
      '',
    ].join('\r\n'),
  );
}

/** A URL of a gateway: only http, only an address in numbers. */
export interface GatewayUrl {
  /** without brackets */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * Where the description is, from an SSDP answer that came from `source`. Only on that very host: an answer must not make a
 * node send requests to others.
 */
export function decodeSsdpAnswer(
  text: string,
  source: string,
): GatewayUrl | 'not-an-answer' | 'no-location' | 'foreign-location' {
  if (text.length > 2_048 || !/^HTTP\/1\.[01] 200\b/.test(text)) return 'not-an-answer';
  const location = /^location:[ \t]*(\S{1,512})[ \t]*\r?$/im.exec(text)?.[1];
  const url = location === undefined ? null : parseGatewayUrl(location);
  if (!url) return 'no-location';
  return url.host === source ? url : 'foreign-location';
}

export interface IgdControl {
  readonly service: IgdService;
  readonly url: GatewayUrl;
}

/** The best service that can map ports, from a device description fetched from `base`. */
export function decodeDescription(
  xml: string,
  base: GatewayUrl,
): IgdControl | 'not-xml' | 'no-service' | 'foreign-control' {
  const root = parseXml(xml);
  if (!root) return 'not-xml';
  const services = findAll(root, 'service');
  for (const service of IGD_SERVICES) {
    const found = services.find((each) => childText(each, 'serviceType') === service);
    const control = found && childText(found, 'controlURL');
    if (!control) continue;
    const url = resolve(control, base);
    if (!url) continue;
    return url.host === base.host ? { service, url } : 'foreign-control';
  }
  return 'no-service';
}

export interface SoapRequest {
  readonly url: GatewayUrl;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface UpnpMapping {
  readonly externalPort: number;
  readonly internalPort: number;
  readonly internalAddress: string;
  /** seconds; 0: for ever, which some routers know only */
  readonly lifetime: number;
}

export function soapAddMapping(control: IgdControl, mapping: UpnpMapping): SoapRequest {
  return soap(control, 'AddPortMapping', {
    NewRemoteHost: '',
    NewExternalPort: String(mapping.externalPort),
    NewProtocol: 'UDP',
    NewInternalPort: String(mapping.internalPort),
    NewInternalClient: mapping.internalAddress,
    NewEnabled: '1',
    NewPortMappingDescription: 'gscip',
    NewLeaseDuration: String(mapping.lifetime),
  });
}

export function soapDeleteMapping(control: IgdControl, externalPort: number): SoapRequest {
  return soap(control, 'DeletePortMapping', {
    NewRemoteHost: '',
    NewExternalPort: String(externalPort),
    NewProtocol: 'UDP',
  });
}

export function soapExternalAddress(control: IgdControl): SoapRequest {
  return soap(control, 'GetExternalIPAddress', {});
}

/** UPnP error codes that decide what is done next. */
export const UPNP_ERROR = { conflict: 718, onlyPermanent: 725 } as const;

/** The external address, `ok` for an answer without one, or the UPnP error code. */
export function decodeSoapAnswer(status: number, body: string): { readonly address?: string } | number | 'not-xml' {
  const root = parseXml(body);
  if (!root) return 'not-xml';
  const error = findAll(root, 'errorCode')[0]?.text;
  if (status !== 200 || error !== undefined)
    return error !== undefined && /^\d{1,4}$/.test(error) ? Number(error) : 'not-xml';
  const address = findAll(root, 'NewExternalIPAddress')[0]?.text;
  return address !== undefined && parseAddress(address) ? { address } : {};
}

function soap({ service, url }: IgdControl, action: string, fields: Readonly<Record<string, string>>): SoapRequest {
  const inner = Object.entries(fields)
    .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
    .join('');
  const body =
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
    's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
    `<u:${action} xmlns:u="${service}">${inner}</u:${action}></s:Body></s:Envelope>\r\n`;
  const headers = { 'Content-Type': 'text/xml; charset="utf-8"', SOAPAction: `"${service}#${action}"` };
  return { url, headers, body };
}

function resolve(reference: string, base: GatewayUrl): GatewayUrl | null {
  if (reference.length > 512 || /[\s\\]/.test(reference) || reference.startsWith('//')) return null;
  if (/^[a-z]+:/i.test(reference)) return parseGatewayUrl(reference);
  return { ...base, path: reference.startsWith('/') ? reference : `/${reference}` };
}

function parseGatewayUrl(text: string): GatewayUrl | null {
  const match = /^http:\/\/(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15}))(?::(\d{1,5}))?(\/[!-~]{0,512})?$/.exec(text);
  if (!match) return null;
  const [, six, four, digits, path = '/'] = match;
  const host = six ?? four ?? '';
  const port = digits === undefined ? 80 : Number(digits);
  return parseAddress(host) && port > 0 && port < 65_536 ? { host, port, path } : null;
}
