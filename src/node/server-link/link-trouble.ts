import { FRAME_VERSION } from '../../api/channel/frames.ts';
import type { ChannelFault } from './channel.ts';
import type { LinkTrouble } from './link-state.ts';
import { packageRelease } from './release.ts';

/** What a person is told of a connection that ended by a fault. */
export const CHANNEL_TROUBLE: Readonly<Record<ChannelFault, LinkTrouble>> = {
  'server-not-named': {
    code: 'server-not-trusted',
    text: 'the server there is not the one that the join token names',
  },
  'server-key-changed': {
    code: 'server-not-trusted',
    text: 'the server there shows another key than the one that this node was enrolled with',
  },
  'server-frame': { code: 'server-speaks-otherwise', text: 'what answers there is no GSCIP server of this version' },
  'server-version': {
    code: 'server-speaks-otherwise',
    text: `what answers there speaks another version of the node channel than ${packageRelease()}, which speaks version ${FRAME_VERSION}: bring both to the same release`,
  },
  'server-proof': { code: 'server-not-trusted', text: 'the server could not prove that its key is its own' },
  'server-message': { code: 'server-speaks-otherwise', text: 'the server sent what this release does not understand' },
  'server-certificates': { code: 'server-not-trusted', text: "the server's certificates do not fit each other" },
};

/** The server said no. */
export function refusedTrouble(code: string, text: string): LinkTrouble {
  return { code: 'server-refused', text: `${text} (${code})` };
}
