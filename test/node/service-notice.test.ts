import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServiceNotice } from '../../src/node/service-notice.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A service of a manager, and what that was told. */
function service(given: NodeJS.ProcessEnv) {
  const told: string[] = [];
  const env = { PATH: '/bin', ...given };
  const notice = ServiceNotice.take(env, (socket, text) => void told.push(`${socket} ${text}`));
  return { notice, told, env };
}

describe('notices to a service manager', () => {
  it('say when it is ready, and when it stops', () => {
    const { notice, told } = service({ NOTIFY_SOCKET: '/run/x' });
    notice.ready('up');
    notice.stopping();
    expect(told).toEqual(['/run/x READY=1\nSTATUS=up', '/run/x STOPPING=1']);
  });

  it('keep a watchdog quiet twice in its time, until the end', () => {
    const { notice, told } = service({
      NOTIFY_SOCKET: '/run/x',
      WATCHDOG_USEC: '60000000',
      WATCHDOG_PID: `${process.pid}`,
    });
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual(['/run/x WATCHDOG=1', '/run/x WATCHDOG=1']);
    notice.stopping();
    vi.advanceTimersByTime(60_000);
    expect(told).toHaveLength(3);
  });

  it("are none for another process's watchdog", () => {
    const { told } = service({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '60000000', WATCHDOG_PID: '1' });
    vi.advanceTimersByTime(60_000);
    expect(told).toEqual([]);
  });

  it('are none without a manager, and not handed on to children', () => {
    const alone = service({});
    alone.notice.ready('up');
    expect(alone.told).toEqual([]);
    expect(service({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '1', WATCHDOG_PID: '1' }).env).toEqual({ PATH: '/bin' });
  });
});
