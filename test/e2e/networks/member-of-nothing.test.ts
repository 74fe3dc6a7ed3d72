import { runRows } from './run-rows.ts';

/** M21 of protocol.md 20.3: a server takes X out of its last group. */
runRows(
  [
    {
      name: 'M21 member of nothing',
      path: 'X GES OP S{} – G GEN CL S{1} – Y GES CL D{1}',
      overlay: 'DISCARD – –',
      overlayBack: '– – DISCARD',
      ordinary: 'RELAY-P DISCARD –',
      ordinaryBack: '– – DISCARD',
    },
  ],
  'server',
);
