import {
  answerHandshake,
  ChannelHandshake,
  type ChannelOpening,
  type ChannelPurpose,
} from '../../src/crypto/noise-channel.ts';
import type { RecordChannel } from '../../src/crypto/noise-channel-records.ts';
import type { CryptoProvider } from '../../src/crypto/provider.ts';
import { ok, seedOf } from './fixtures.ts';

export const GREETING = new Uint8Array(68).fill(7);
export const HEADER = Uint8Array.of(1, 2, 0, 0);

export function openingOf(purpose: ChannelPurpose, change: Partial<ChannelOpening> = {}): ChannelOpening {
  return { purpose, greeting: GREETING, header: HEADER, ...change };
}

/** The node's side, towards the server of this name. */
export function nodeSide(provider: CryptoProvider, opening: ChannelOpening, server = 'server'): ChannelHandshake {
  return new ChannelHandshake(provider, opening, {
    remoteStatic: provider.x25519KeyPair(seedOf(server)).publicKey,
    static: provider.x25519KeyPair(seedOf('node')),
    ephemeral: provider.x25519KeyPair(seedOf('node ephemeral')),
  });
}

export function serverSide(provider: CryptoProvider, opening: ChannelOpening, message: Uint8Array, most = 1 << 20) {
  const keys = {
    static: provider.x25519KeyPair(seedOf('server')),
    ephemeral: provider.x25519KeyPair(seedOf('server ephemeral')),
  };
  return answerHandshake(provider, opening, keys, message, most);
}

/** Both ends of a channel. */
export function joined(
  provider: CryptoProvider,
  purpose: ChannelPurpose = 'session',
  most = 1 << 20,
): { readonly node: RecordChannel; readonly server: RecordChannel } {
  const handshake = nodeSide(provider, openingOf(purpose));
  const answered = ok(serverSide(provider, openingOf(purpose), ok<Uint8Array>(handshake.message), most));
  return { node: ok<RecordChannel>(handshake.finish(answered.reply, most)), server: answered.channel };
}
