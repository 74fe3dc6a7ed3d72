import type { NodeId } from '../../base/brands.ts';
import type { PathAddress } from '../../base/path-address.ts';

/** The coordinator's sockets: its main one, another port, another address where it has one, and the tunnels over TCP. */
export type DcSocket = 'main' | 'other-port' | 'other-address' | 'tunnel';

/** What a coordinator wants done, in this order. */
export type DcEffect =
  | { readonly kind: 'send'; readonly bytes: Uint8Array; readonly to: PathAddress; readonly socket: DcSocket }
  /** the relay of this name may join these two on this channel */
  | {
      readonly kind: 'allow';
      readonly relay: string;
      readonly channel: number;
      readonly nodes: readonly [NodeId, NodeId];
    }
  | { readonly kind: 'counter'; readonly name: string };

/** What the parts of a coordinator write their effects into. */
export class DcEffects {
  #effects: DcEffect[] = [];

  emit(effect: DcEffect): void {
    this.#effects.push(effect);
  }

  /** Counts what was refused, dropped or noticed. */
  count(name: string): void {
    this.#effects.push({ kind: 'counter', name });
  }

  take(): DcEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
