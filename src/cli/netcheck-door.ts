import { request } from 'node:https';
import type { DoorState } from '../api/netcheck.ts';

const PATIENCE = 3_000;
const MOST = 4_096;

/** Who answers at the server's address: the server, nobody, or something that stands in its place. Certificates are not looked at. */
export function askDoor(url: string): Promise<DoorState> {
  const { promise, resolve } = Promise.withResolvers<DoorState>();
  const asked = request(`${url.replace(/^wss:/, 'https:')}/healthz`, {
    rejectUnauthorized: false,
    timeout: PATIENCE,
    agent: false,
  });
  asked.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (piece: string) => {
      text += piece;
      if (text.length > MOST) asked.destroy();
    });
    response.on('close', () => resolve(isHealth(text) ? 'open' : 'stranger'));
  });
  asked.on('timeout', () => asked.destroy());
  // speaks, but no TLS: a portal that answers every port
  asked.on('error', (error) => resolve(/EPROTO|SSL|parse/i.test(`${error}`) ? 'stranger' : 'silent'));
  asked.end();
  return promise;
}

function isHealth(text: string): boolean {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null && 'ok' in answer;
  } catch {
    return false;
  }
}
