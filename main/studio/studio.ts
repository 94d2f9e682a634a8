import type { StudioHandlers } from '../contract/calls/index.ts';
import type { About } from '../contract/calls/workshop.ts';

export const pictureSizes = ['full', 'thumbnail'] as const;
export type PictureSize = (typeof pictureSizes)[number];

export interface Picture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly mediaType: string;
}

/** A running studio, as its hosts see it. */
export interface Studio {
  readonly handlers: StudioHandlers;
  /** A picture by id; null where there is none. */
  readonly picture: (id: string, size: PictureSize) => Promise<Picture | null>;
  /** File of a finished export by its name, for hosts that hand it out; null where there is none. */
  readonly download: (name: string) => string | null;
  readonly close: () => Promise<void>;
}

/** What only the host around a studio can do. */
export interface HostServices {
  readonly about: Pick<About, 'host' | 'canChoosePlace'>;
  /** The person's choice of a folder; null when they changed their mind or cannot be asked. */
  readonly chooseFolder: (title: string) => Promise<string | null>;
  readonly reveal: (path: string) => void;
  /** Moves files to the system's trash; null where the system has none that can be reached. */
  readonly trash: ((path: string) => Promise<void>) | null;
}
