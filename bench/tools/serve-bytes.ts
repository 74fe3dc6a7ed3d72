import { createServer } from 'node:http';

/** serve-bytes.ts ADDRESS PORT BYTES: answers every request by so many bytes, from memory. */
const [address, port, bytes] = process.argv.slice(2);
const CHUNK = Buffer.alloc(1 << 20, 'gscip');

createServer((_, response) => {
  let left = Number(bytes);
  response.writeHead(200, { 'content-length': left, 'content-type': 'application/octet-stream' });
  const more = () => {
    while (left > 0) {
      const piece = CHUNK.subarray(0, Math.min(left, CHUNK.length));
      left -= piece.length;
      if (!response.write(piece)) return response.once('drain', more);
    }
    return response.end();
  };
  more();
}).listen(Number(port), address, () => console.log('ready'));
