import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Triangle } from '../bench/tools/triangle.ts';
const cpu = (pid: number) => {
  const f = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const threads = readFileSync(`/proc/${pid}/schedstat`, 'utf8');
  return { user: Number(f[11]) * 10, sys: Number(f[12]) * 10, run: Number(threads.split(' ')[0]) / 1e6 };
};
await Triangle.with(async (t) => {
  const pids: Record<string, number> = {};
  for (const name of ['a', 'b', 'c']) { const s: any = await t.node(name).status(); pids[name] = s.pid ?? s.agent?.pid; }
  console.log(pids, Object.keys(await t.node('a').status()));
  const { execSync } = await import('node:child_process');
  console.log(execSync('ps -eo pid,args | grep -E "gscip|main.js" | grep -v grep | cut -c1-150').toString());
  for (let i = 0; i < 3; i++) { await t.moved(await t.roll()); await pause(1000); }
  const all = execSync('pgrep -f "^/tmp/lead/main/.*main.js (up|server)" || true').toString().trim().split('\n').map(Number);
  const before = new Map(all.map((p) => [p, cpu(p)]));
  await pause(10000);
  const idle = new Map(all.map((p) => [p, cpu(p)]));
  for (let i = 0; i < 10; i++) { await t.roll(); await pause(1500); }
  const after = new Map(all.map((p) => [p, cpu(p)]));
  for (const p of all) console.log(p, readFileSync(`/proc/${p}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 100), 'idle main-thread ms/10s', (idle.get(p)!.run - before.get(p)!.run).toFixed(1), 'all', idle.get(p)!.user + idle.get(p)!.sys - before.get(p)!.user - before.get(p)!.sys, 'per roll main', ((after.get(p)!.run - idle.get(p)!.run) / 10).toFixed(1), 'all user', (after.get(p)!.user - idle.get(p)!.user) / 10, 'sys', (after.get(p)!.sys - idle.get(p)!.sys) / 10);
});
