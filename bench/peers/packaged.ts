import { runNow, tryNow } from '../../src/cli/lab/run-now.ts';
import type { Peer } from './peer.ts';

/** Version and presence of programs that Debian packages; the first package is the one whose version is told. */
export function packaged(
  packages: readonly [string, ...string[]],
  commands: readonly string[],
): Pick<Peer, 'version' | 'missing'> {
  const found = () => tryNow('sh', ['-c', commands.map((command) => `command -v ${command}`).join(' && ')]);
  return {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder
    version: () => `Debian's ${runNow('dpkg-query', ['-W', '-f', '${Version}', packages[0]])}`,
    missing: () => (found() ? undefined : `${commands.join(', ')} (Debian: apt-get install ${packages.join(' ')})`),
  };
}
