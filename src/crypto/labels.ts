/** Every label that this folder hashes, signs or expands with; no two signed or expanded things share one. */
export const CRYPTO_LABEL = {
  /** node_id from an Ed25519 key (protocol.md 1.3) */
  node: 'gscip1 node',
  /** a CA's 8-byte name from its key (protocol.md 1.3) */
  issuer: 'gscip1 issuer',
  /** signature of the CA part (protocol.md 1.3) */
  caPart: 'gscip1 ca',
  /** signature of the key part (protocol.md 1.3) */
  keyPart: 'gscip1 x',
  /** signature of the certificate of the group management server (protocol.md 11) */
  gms: 'gscip1 gms',
  /** salt of PRK_g (protocol.md 9.1) */
  groupKey: 'gscip1 gk',
  /** group_id of the domain group (protocol.md 9.1) */
  domain: 'gscip1 domain',
  /** RN1 ratchet at a join (protocol.md 9.1) */
  rn1Ratchet: 'gscip1 rn1 ratchet',
  /** signature of a roster entry (protocol.md 9.3) */
  roster: 'gscip1 roster',
  /** signature of a bundle (protocol.md 9.3) */
  bundle: 'gscip1 bundle',
  /** checksum of a key code */
  codeSum: 'gscip1 code sum',
  /** what a key code gives by HKDF: salt, then group_id, RN1 and RN2 of a group entered by hand */
  codeKey: 'gscip1 code key',
  codeId: 'gscip1 code id',
  codeRn1: 'gscip1 code rn1',
  codeRn2: 'gscip1 code rn2',
} as const;

/** The children of PRK_g by the end of their labels, in the order of protocol.md 9.1. */
export const GROUP_KEY_LABEL = {
  kTag: 'gscip1 tag',
  kPsk: 'gscip1 psk',
  kStale: 'gscip1 stale',
  kDde: 'gscip1 dde',
  kChat: 'gscip1 chat',
  kMbox: 'gscip1 mbox',
  kMc: 'gscip1 mc',
} as const;
