import { setTimeout as pause } from 'node:timers/promises';
import { Triangle } from '../bench/tools/triangle.ts';
await Triangle.with(async (t) => {
  for (let i = 0; i < 3; i++) { await t.moved(await t.roll()); await pause(1000); }
  for (let i = 0; i < 20; i++) { await t.roll(); await pause(2500); }
});
