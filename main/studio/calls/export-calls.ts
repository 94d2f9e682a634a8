import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import { exportImages } from '../../library/export/export-images.ts';
import { ensureWritableFolder } from '../../library/files.ts';
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

/** The window's calls about exports: into a place the person chose, or, where none can be chosen, as a download. */
export function exportHandlers(library: Library, places: Places, services: HostServices): StudioHandlers['exports'] {
  return {
    async *run({ request, place }, signal) {
      const folder = places.folderOf(place);
      await ensureWritableFolder(folder);
      for await (const event of exportImages(library, request, { inside: folder }, signal)) {
        yield event;
        // A window in a browser cannot look into the studio's folder.
        if (event.kind === 'done' && request.to === 'zip' && !services.about.canChoosePlace)
          yield { kind: 'download', address: places.offer(event.path) };
      }
    },
  };
}
