import { connect, type Socket } from 'node:net';

/** Everything that a port says to these bytes, until it ends the connection. */
export function said(port: number, bytes: string | Uint8Array, before?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve) => {
    const heard: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    before?.(socket);
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(heard).toString('latin1')));
  });
}

/** The same for one request with an empty head. */
export function asked(port: number, method: string, path: string): Promise<string> {
  return said(port, `${method} ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
}

/** 0 where nothing was answered. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
}

export function bodyOf(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
