/** The patterns of the Noise specification (7.4, 7.5, appendix 18) as token strings. */
export const PATTERNS: Readonly<Record<string, string>> = {
  N: '<- s\n...\n-> e, es',
  K: '-> s\n<- s\n...\n-> e, es, ss',
  X: '<- s\n...\n-> e, es, s, ss',
  NN: '-> e\n<- e, ee',
  KN: '-> s\n...\n-> e\n<- e, ee, se',
  NK: '<- s\n...\n-> e, es\n<- e, ee',
  KK: '-> s\n<- s\n...\n-> e, es, ss\n<- e, ee, se',
  NX: '-> e\n<- e, ee, s, es',
  KX: '-> s\n...\n-> e\n<- e, ee, se, s, es',
  XN: '-> e\n<- e, ee\n-> s, se',
  IN: '-> e, s\n<- e, ee, se',
  XK: '<- s\n...\n-> e, es\n<- e, ee\n-> s, se',
  IK: '<- s\n...\n-> e, es, s, ss\n<- e, ee, se',
  XX: '-> e\n<- e, ee, s, es\n-> s, se',
  IX: '-> e, s\n<- e, ee, se, s, es',
  NK1: '<- s\n...\n-> e\n<- e, ee, es',
  NX1: '-> e\n<- e, ee, s\n-> es',
  X1N: '-> e\n<- e, ee\n-> s\n<- se',
  X1K: '<- s\n...\n-> e, es\n<- e, ee\n-> s\n<- se',
  XK1: '<- s\n...\n-> e\n<- e, ee, es\n-> s, se',
  X1K1: '<- s\n...\n-> e\n<- e, ee, es\n-> s\n<- se',
  X1X: '-> e\n<- e, ee, s, es\n-> s\n<- se',
  XX1: '-> e\n<- e, ee, s\n-> es, s, se',
  X1X1: '-> e\n<- e, ee, s\n-> es, s\n<- se',
  K1N: '-> s\n...\n-> e\n<- e, ee\n-> se',
  K1K: '-> s\n<- s\n...\n-> e, es\n<- e, ee\n-> se',
  KK1: '-> s\n<- s\n...\n-> e\n<- e, ee, se, es',
  K1K1: '-> s\n<- s\n...\n-> e\n<- e, ee, es\n-> se',
  K1X: '-> s\n...\n-> e\n<- e, ee, s, es\n-> se',
  KX1: '-> s\n...\n-> e\n<- e, ee, se, s\n-> es',
  K1X1: '-> s\n...\n-> e\n<- e, ee, s\n-> se, es',
  I1N: '-> e, s\n<- e, ee\n-> se',
  I1K: '<- s\n...\n-> e, es, s\n<- e, ee\n-> se',
  IK1: '<- s\n...\n-> e, s\n<- e, ee, se, es',
  I1K1: '<- s\n...\n-> e, s\n<- e, ee, es\n-> se',
  I1X: '-> e, s\n<- e, ee, s, es\n-> se',
  IX1: '-> e, s\n<- e, ee, se, s\n-> es',
  I1X1: '-> e, s\n<- e, ee, s\n-> se, es',
};

/** Applies psk modifiers: psk0 stands before the first message, pskN at the end of the N-th (Noise 9.4). */
export function withPsks(text: string, modifiers: readonly string[]): string {
  const lines = text.split('\n');
  const first = lines.indexOf('...') + 1;
  for (const modifier of modifiers) {
    const position = Number(modifier.slice('psk'.length));
    if (position === 0) lines[first] = lines[first].replace('-> ', '-> psk, ');
    else lines[first + position - 1] += ', psk';
  }
  return lines.join('\n');
}
