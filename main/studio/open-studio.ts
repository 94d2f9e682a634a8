import { join } from 'node:path';
import { answeredWhenKept } from '../contract/calls/handlers.ts';
import { calls, type StudioHandlers } from '../contract/calls/index.ts';
import { toFailure } from '../contract/failures.ts';
import { defaultHome, openLibrary } from '../library/library.ts';
import { pictureBytes, pictureFile, thumbnail } from '../library/picture-files.ts';
import { Announcer } from './calls/announcer.ts';
import { densityHandlers } from './calls/density-calls.ts';
import { exportHandlers, Places } from './calls/export-calls.ts';
import { featureHandlers } from './calls/feature-calls.ts';
import { curatedMaker } from './calls/curated-maker.ts';
import { batchInView, jobHandlers } from './calls/job-calls.ts';
import { batchHandlers, collectionHandlers, imageHandlers } from './calls/library-calls.ts';
import { likelihoodHandlers } from './calls/likelihood-calls.ts';
import { modelHandlers } from './calls/model-calls.ts';
import { nudgeHandlers } from './calls/nudge-calls.ts';
import { preferenceHandlers } from './calls/preferences.ts';
import { presetHandlers } from './calls/preset-calls.ts';
import { forkEngine, type StartEngine } from './engine-child.ts';
import { JobQueue } from './jobs/job-queue.ts';
import { modelFolders } from './model-folders.ts';
import type { HostServices, Studio } from './studio.ts';
import { openWorkshop, readPictureFile } from './workshop.ts';

export interface StudioOptions {
  readonly services: HostServices;
  readonly version: string;
  /** How engines are started; a forked process unless the host has its own kind. */
  readonly startEngine?: StartEngine;
  /** Program of the thread that writes the library's log back, where the application is a bundle. */
  readonly checkpoint?: string;
  /** Folder of library, models and preferences; GAMUT_HOME or the platform's own unless given. */
  readonly home?: string;
  /** Folder of the models that come with the application, where it is packaged. */
  readonly builtInModels?: string;
}

/** Opens everything the application does over one home folder: what each of its hosts shows to its windows. */
export async function openStudio(options: StudioOptions): Promise<Studio> {
  const home = options.home ?? defaultHome();
  const { services } = options;
  const library = await openLibrary(home, undefined, options.checkpoint);
  const folders = modelFolders(home, options.builtInModels);
  const announcer = new Announcer();
  const workshop = openWorkshop({
    folders,
    hashCache: join(home, 'cache', 'model-hashes.json'),
    // A window names pictures by their ids, never by a path.
    readPicture: async (id) => readPictureFile((await pictureFile(library, id)).path),
    engine: { start: options.startEngine ?? forkEngine({ apart: true }) },
  });
  const queue = new JobQueue({ library, ...curatedMaker(workshop) });
  queue.subscribe((event) => {
    announcer.tell(event);
  });
  const places = new Places(library.folders.exports);

  const handlers: StudioHandlers = {
    activity: {
      async *watch(_input, signal) {
        // Listening begins before the state is read, so that nothing falls between the two.
        const events = announcer.listen(signal);
        const state = queue.list();
        yield { kind: 'state', queue: state, batch: batchInView(state, library) };
        yield* events;
      },
    },
    jobs: jobHandlers(queue, library, folders),
    batches: batchHandlers(library, queue, announcer),
    images: imageHandlers(library, announcer, services.trash),
    collections: collectionHandlers(library, announcer),
    exports: exportHandlers(library, places, services),
    presets: presetHandlers(library),
    models: modelHandlers(folders, services),
    features: featureHandlers(library, workshop, announcer),
    density: densityHandlers(library, workshop),
    likelihood: likelihoodHandlers(workshop),
    nudge: nudgeHandlers(library, workshop, announcer),
    preferences: preferenceHandlers(home, announcer),
    host: {
      about: async () => ({
        version: options.version,
        platform: process.platform,
        dataFolder: home,
        ...services.about,
      }),
      choosePlace: async () => {
        const folder = await services.chooseFolder('Gamut');
        return folder === null ? null : { place: places.grant(folder), label: folder };
      },
      async reveal({ image }) {
        services.reveal((await pictureFile(library, image)).path);
        return {};
      },
    },
  };

  queue.start();
  return {
    handlers: answeredWhenKept(calls, handlers, () => library.database.durable()),
    async picture(id, size) {
      try {
        if (size === 'thumbnail') return { bytes: await thumbnail(library, id), mediaType: 'image/webp' };
        const { mediaType } = await pictureFile(library, id);
        return { bytes: await pictureBytes(library, id), mediaType };
      } catch (error) {
        if (toFailure(error).code === 'not-found') return null;
        throw error;
      }
    },
    download: (name) => places.download(name),
    async close() {
      await queue.close();
      announcer.close();
      workshop[Symbol.dispose]();
      await library.close();
    },
  };
}
