import { join } from 'node:path';
import type { Lab } from '../../src/cli/lab/lab.ts';
import type { Finished, LabProcess } from '../../src/cli/lab/lab-process.ts';
import type { Namespace } from '../../src/cli/lab/namespace.ts';

/** Limits that a machine which is a container itself may set, too. */
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];
/** Where both versions of control groups are mounted, crun takes neither: it is shown the first. */
const ENTER = 'mountpoint -q /sys/fs/cgroup/unified && umount /sys/fs/cgroup/unified; exec podman "$@"';

/** podman over the storage in a folder, in the network of a machine of a lab, without control groups. */
export class Podman {
  readonly #lab: Lab;
  readonly #storage: readonly string[];

  constructor(lab: Lab, folder: string) {
    this.#lab = lab;
    this.#storage = [
      ...['--storage-driver', 'vfs', '--root', join(folder, 'storage'), '--runroot', join(folder, 'run')],
      ...['--tmpdir', join(folder, 'libpod'), '--volumepath', join(folder, 'volumes')],
      ...['--cgroup-manager', 'cgroupfs', '--runtime', 'crun', '--events-backend', 'none'],
    ];
  }

  /** `podman run` as the guide has it; the words follow the image. */
  run(name: string, where: Namespace, image: string, words: readonly string[]): LabProcess {
    const here = ['--rm', '--name', name, '--pull', 'never', '--cgroups', 'disabled', ...LIMITS];
    const network = ['--network', `ns:/run/netns/${where.name}`];
    const guide = ['--cap-add', 'NET_ADMIN,NET_RAW', '--device', '/dev/net/tun', '-v', 'gscip:/var/lib/gscip'];
    return this.#start(['run', ...here, ...network, ...guide, image, ...words], 300);
  }

  /** Runs a command inside a container, or another verb of podman, to its end. */
  attempt(...words: readonly string[]): Promise<Finished> {
    return this.#start(words, 60).finished();
  }

  #start(words: readonly string[], seconds: number): LabProcess {
    const enter = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', ENTER, 'sh'];
    return this.#lab.start(null, [...enter, ...this.#storage, ...words], { seconds });
  }
}
