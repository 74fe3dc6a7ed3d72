/** Numbers as people read them: every one with its unit. */
export function bytes(count: number): string {
  return scaled(count, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
}

export function bitRate(bitsPerSecond: number): string {
  return scaled(bitsPerSecond, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);
}

/** "12 s", "3 min", "5 h", "2 d". */
export function seconds(count: number): string {
  if (count < 120) return `${Math.round(count)} s`;
  if (count < 7_200) return `${Math.round(count / 60)} min`;
  if (count < 172_800) return `${Math.round(count / 3_600)} h`;
  return `${Math.round(count / 86_400)} d`;
}

export function milliseconds(count: number): string {
  return count < 1 ? `${Math.round(count * 1000)} µs` : `${count.toFixed(count < 10 ? 2 : 1)} ms`;
}

function scaled(count: number, step: number, units: readonly string[]): string {
  let value = count;
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
