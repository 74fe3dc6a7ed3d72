import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTcpState, TCP_FLAG, TCP_STATE, TCP_STATE_NAMES } from '../../src/pit/tcp-state.ts';

const { syn, ack, fin, rst, psh } = TCP_FLAG;

/** "S" SYN, "A" ACK, "F" FIN, "R" RST, "P" PSH; "<" in front: against the flow's direction. */
function run(packets: string): string {
  const letters: Record<string, number> = { S: syn, A: ack, F: fin, R: rst, P: psh };
  let state: number = TCP_STATE.none;
  for (const packet of packets.split(' ').filter((text) => text !== '')) {
    const flags = [...packet].reduce((sum, letter) => sum | (letters[letter] ?? 0), 0);
    state = nextTcpState(state, flags, packet.startsWith('<') ? 1 : 0);
  }
  return TCP_STATE_NAMES[state] ?? 'unknown';
}

describe('the state of a TCP flow', () => {
  it.each([
    ['S', 'opening'],
    ['S S', 'opening'],
    ['S <SA', 'answered'],
    ['S <SA <A', 'answered'],
    ['S <SA A', 'established'],
    ['S <SA A <SA', 'established'],
    ['S <S', 'opening'],
    ['A', 'established'],
    ['<PA', 'established'],
    ['<SA', 'answered'],
    ['S <SA A FA', 'half-closed-forward'],
    ['S <SA A FA FA <A', 'half-closed-forward'],
    ['S <SA A <FA A', 'half-closed-reverse'],
    ['S <SA A FA <FA A', 'closing'],
    ['S <SA A FA <FA A FA', 'closing'],
    ['S <R', 'reset'],
    ['S <SA A FA <FA RA', 'reset'],
    ['S <SA A <R A', 'reset'],
    ['S <SA A FA <FA A S', 'opening'],
    ['S <RA S <SA A', 'established'],
    ['S <SA A S', 'established'],
  ])('after %s is %s', (packets, state) => {
    expect(run(packets)).toBe(state);
  });

  it('is always one that has a name', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(255), fc.constantFrom<0 | 1>(0, 1))), (packets) => {
        let state: number = TCP_STATE.none;
        for (const [flags, direction] of packets) state = nextTcpState(state, flags, direction);
        expect(TCP_STATE_NAMES[state]).toBeTypeOf('string');
      }),
    );
  });
});
