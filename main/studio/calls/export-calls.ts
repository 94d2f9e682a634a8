import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import type { Library } from '../../library/library.ts';
import type { HostServices } from '../studio.ts';

/** Where exports may go: the studio's own folder, and folders the person chose in the system's dialog. */
export class Places {
  readonly #own: string;
  readonly #chosen = new Map<string, string>();
  readonly #downloads = new Map<string, string>();

  constructor(own: string) {
    this.#own = own;
  }

  /** A name for a chosen folder that a window can hand back. */
  grant(folder: string): string {
    const place = randomUUID();
    this.#chosen.set(place, folder);
    return place;
  }

  /** The folder of a granted place. @throws Failure denied for a place nobody chose */
  folderOf(place: string | null): string {
    if (place === null) return this.#own;
    const folder = this.#chosen.get(place);
    if (folder === undefined) throw new Failure('denied', 'That folder was not chosen in this session.', 'place');
    return folder;
  }

  /** Offers a finished file for download under a name that cannot be guessed; the address of it. */
  offer(path: string): string {
    const name = `${randomUUID()}.zip`;
    this.#downloads.set(name, path);
    return `/download/${name}`;
  }

  download(name: string): string | null {
    const path = this.#downloads.get(name);
    return path === undefined || !existsSync(path) ? null : path;
  }
}

export function exportHandlers(_library: Library, places: Places, _services: HostServices): StudioHandlers['exports'] {
  return {
    // eslint-disable-next-line require-yield -- stands where the export is joined in
    async *run({ place }) {
      throw new Failure('unsupported', `The export to ${join(places.folderOf(place))} is not joined in yet.`);
    },
  };
}
