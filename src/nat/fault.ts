/** Why a datagram of this folder was not taken; also the name of the counter that counts it (protocol.md W1, W2). */
export type NatFault =
  | 'length'
  | 'kind'
  | 'version'
  | 'flags'
  | 'pad'
  | 'endpoint'
  | 'candidate'
  | 'count'
  | 'status'
  | 'reason'
  | 'role'
  | 'nat'
  | 'target'
  | 'lifetime'
  | 'message'
  | 'channel'
  | 'sequence';
