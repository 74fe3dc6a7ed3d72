import type { PitEntryAnswer, PitFlowEvent } from '../../../src/api/pit.ts';

/** An event of the PIT as the agent tells it. */
export function flowEvent(event: PitFlowEvent['event'], entry: Partial<PitEntryAnswer> = {}, cause = ''): PitFlowEvent {
  return {
    schema: 1,
    at: '2026-01-02T03:04:05.678Z',
    event,
    cause,
    entry: {
      protocol: 'tcp',
      source: '100.64.0.1',
      sourcePort: 40_000,
      destination: '100.64.0.2',
      destinationPort: 22,
      action: 'encrypt',
      state: 'confirmed',
      group: 'office',
      version: 7,
      peer: 'bob',
      packets: 3,
      bytes: 300,
      idleSeconds: 1,
      reason: 'negotiated',
      sourceNode: 'alice',
      destinationNode: 'bob',
      forward: { packets: 2, bytes: 200 },
      reverse: { packets: 1, bytes: 100 },
      ageSeconds: 5,
      ...entry,
    },
  };
}
