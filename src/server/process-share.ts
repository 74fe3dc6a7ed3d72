import type { DirectoryPeer } from '../api/channel/server-message.ts';
import type { CoordinatorPlace } from '../api/channel/services.ts';
import type { Millis } from '../base/brands.ts';
import { CoordinatorList } from './coordinator-list.ts';
import { DirectoryShare } from './directory-share.ts';
import type { Hub } from './gms/hub.ts';
import type { HubShell } from './http/hub-shell.ts';
import type { Store } from './store/store.ts';

/** What a process tells the network's other processes, and what it hears from them. */
export interface ProcessShare {
  peers(peers: readonly DirectoryPeer[]): void;
  /** The coordinators of this process; its nodes are told of them and of all others. */
  coordinators(places: readonly CoordinatorPlace[]): void;
  stop(): Promise<void>;
}

interface Shared {
  readonly store: Store;
  readonly hub: Hub;
  readonly shell: () => HubShell;
  readonly now: () => Millis;
}

/** With PostgreSQL a network has several processes; with another database `url` is undefined, and nobody else listens. */
export function shareWithOthers(url: string | undefined, { store, hub, shell, now }: Shared): ProcessShare {
  const list = new CoordinatorList();
  const tell = (isNews: boolean) => (isNews ? shell().coordinators(list.all()) : undefined);
  const share =
    url === undefined
      ? undefined
      : new DirectoryShare(url, {
          isKnown: (node) => store.state.tables.nodes.get(node)?.standing === 'active',
          take: (peers) => shell().shared(peers),
          all: () => [...hub.sessions.values()].map(({ row: { id }, endpoints }) => ({ id, endpoints, gone: false })),
          places: () => list.own,
          takePlaces: (process, places) => tell(list.hear(process, places, now())),
          tick: () => tell(list.tick(now())),
        });
  store.onChanges(() => share?.handleChanges());
  return {
    peers: (peers) => share?.send(peers),
    coordinators: (places) => {
      list.own = places;
      tell(true);
      share?.sendPlaces();
    },
    stop: async () => share?.stop(),
  };
}
