/** The real disk with a bound on its room and with an fsync that fails on demand, for tests on real files. */
import { stat } from 'node:fs/promises';
import type { Disk, DiskFile } from '../kernel/disk';
import { systemDisk } from '../kernel/disk';

export class FaultyDisk {
  /** Bytes that still fit. A write beyond them leaves what fitted and fails, as a real one does. */
  room = Number.POSITIVE_INFINITY;
  failSync = false;
  fullCode: 'ENOSPC' | 'EDQUOT' = 'ENOSPC';

  readonly disk: Disk = {
    ...systemDisk,
    create: async (path) => {
      if (this.room <= 0) throw this.#full();
      return this.#file(await systemDisk.create(path));
    },
    remove: async (path) => {
      const { size } = await stat(path).catch(() => ({ size: 0 }));
      await systemDisk.remove(path);
      this.room += size;
    },
    openToAppend: async (path) => this.#file(await systemDisk.openToAppend(path)),
  };

  #file(file: DiskFile): DiskFile {
    return {
      size: () => file.size(),
      truncate: async (length) => {
        const size = await file.size();
        await file.truncate(length);
        this.room += size - length;
      },
      close: () => file.close(),
      overwrite: (position, bytes) => file.overwrite(position, bytes),
      append: async (bytes) => {
        const fits = Math.max(0, Math.min(bytes.length, this.room));
        if (fits > 0) await file.append(bytes.subarray(0, fits));
        this.room -= fits;
        if (fits < bytes.length) throw this.#full();
      },
      sync: async () => {
        if (this.failSync) throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
        await file.sync();
      },
    };
  }

  #full(): Error {
    return Object.assign(new Error(`${this.fullCode}: no space left on device, write`), { code: this.fullCode });
  }
}
