import type { MapperEffect, UpnpGrant } from './port-mapper.ts';
import {
  decodeDescription,
  decodeSoapAnswer,
  decodeSsdpAnswer,
  type GatewayUrl,
  type IgdControl,
  type SoapRequest,
  soapAddMapping,
  soapDeleteMapping,
  soapExternalAddress,
  ssdpSearches,
  UPNP_ERROR,
} from './upnp-message.ts';

type Step = 'description' | 'address' | 'add';
type UpnpEffect = Extract<MapperEffect, { kind: 'search' | 'http' | 'counter' }> | UpnpGrant;

/** Ports tried when the wanted one is taken: the wanted one, and these above it. */
const PORTS_TRIED = 4;

/**
 * The UPnP way to a mapping: search, description, external address, AddPortMapping. One request at a time; an answer to
 * an older one is passed over.
 */
export class UpnpMapper {
  readonly #router: string;
  readonly #client: string;
  readonly #port: number;
  #control: IgdControl | undefined;
  #description: GatewayUrl | undefined;
  #address: string | undefined;
  /** one answer is taken per round of searches */
  #searching = false;
  #step: Step | undefined;
  #id = 0;
  #offset = 0;
  #seconds = 0;

  constructor(router: string, client: string, port: number) {
    this.#router = router;
    this.#client = client;
    this.#port = port;
  }

  /** Begins, or begins anew for a renewal: a router that is known is not searched again. */
  ask(seconds: number): Extract<UpnpEffect, { kind: 'search' | 'http' }>[] {
    this.#seconds = seconds;
    this.#description = undefined;
    if (this.#control) return [this.#request('address', soapExternalAddress(this.#control))];
    this.#searching = true;
    return ssdpSearches().map((text) => ({ kind: 'search', text }));
  }

  handleSsdp(text: string, source: string): UpnpEffect[] {
    if (!this.#searching) return [];
    if (source !== this.#router) return [{ kind: 'counter', name: 'upnp-not-the-router' }];
    const url = decodeSsdpAnswer(text, source);
    if (typeof url === 'string') return [{ kind: 'counter', name: `upnp-${url}` }];
    this.#searching = false;
    this.#description = url;
    return [{ ...this.#request('description', { url, headers: {}, body: '' }), method: 'GET' }];
  }

  handleHttp(id: number, status: number, body: string): UpnpEffect[] {
    if (id !== this.#id || this.#step === undefined) return [];
    const step = this.#step;
    this.#step = undefined;
    if (step === 'description') return this.#described(status, body);
    const answer = decodeSoapAnswer(status, body);
    if (!this.#control || answer === 'not-xml') return this.#forget('upnp-no-answer');
    if (step === 'address') {
      this.#address = typeof answer === 'number' ? undefined : answer.address;
      return this.#address === undefined ? this.#forget('upnp-no-address') : [this.#add()];
    }
    return this.#added(answer);
  }

  release(): Extract<UpnpEffect, { kind: 'http' }>[] {
    return this.#control ? [this.#request('add', soapDeleteMapping(this.#control, this.#port + this.#offset))] : [];
  }

  #described(status: number, body: string): UpnpEffect[] {
    const base = this.#description;
    this.#description = undefined;
    const control = status === 200 && base ? decodeDescription(body, base) : 'no-service';
    if (typeof control === 'string') return [{ kind: 'counter', name: `upnp-${control}` }];
    this.#control = control;
    return [this.#request('address', soapExternalAddress(control))];
  }

  #added(answer: { readonly address?: string } | number): UpnpEffect[] {
    if (typeof answer !== 'number') {
      const port = this.#port + this.#offset;
      return this.#address === undefined
        ? []
        : [{ kind: 'granted', address: this.#address, port, seconds: this.#seconds }];
    }
    if (answer === UPNP_ERROR.conflict && this.#offset + 1 < PORTS_TRIED) {
      this.#offset++;
      return [this.#add()];
    }
    return this.#forget(`upnp-error-${answer === UPNP_ERROR.onlyPermanent ? 'permanent' : 'other'}`);
  }

  #add(): Extract<UpnpEffect, { kind: 'http' }> {
    const mapping = {
      externalPort: this.#port + this.#offset,
      internalPort: this.#port,
      internalAddress: this.#client,
      lifetime: this.#seconds,
    };
    return this.#request('add', soapAddMapping(control(this.#control), mapping));
  }

  #request(step: Step, request: SoapRequest): Extract<UpnpEffect, { kind: 'http' }> {
    this.#step = step;
    this.#id++;
    return { kind: 'http', id: this.#id, method: 'POST', request };
  }

  /** The next round searches again: the router may have got another port, or may be another one. */
  #forget(counter: string): UpnpEffect[] {
    this.#control = undefined;
    return [{ kind: 'counter', name: counter }];
  }
}

function control(known: IgdControl | undefined): IgdControl {
  if (!known) throw new Error('upnp: no control point');
  return known;
}
