import { randomUUID } from 'node:crypto';
import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure, toFailure } from '../../contract/failures.ts';
import type { ImageRecord } from '../../contract/images.ts';
import { storeImage } from '../../library/add-image.ts';
import { createBatch, endArriving } from '../../library/batches.ts';
import { newBatchId } from '../../library/import-files.ts';
import type { Library } from '../../library/library.ts';
import { imageDetail } from '../../library/picture-files.ts';
import { installedPackage } from '../../model-packages/resolve.ts';
import { pngOf } from '../density-place.ts';
import { differenceNote } from '../picture-difference.ts';
import { nudgeOne, nudgeReport, refuseNudge, type JudgedImage } from '../nudge.ts';
import type { Workshop } from '../workshop.ts';
import type { Announcer } from './announcer.ts';

/** Pictures that wait to be kept, the oldest let go first. */
const mostWaiting = 8;

/** The window's calls about nudging an image of the library. */
export function nudgeHandlers(library: Library, workshop: Workshop, announcer: Announcer): StudioHandlers['nudge'] {
  const waiting = new Map<string, JudgedImage>();
  const recordOf = (image: string): ImageRecord => {
    const { record } = imageDetail(library, image);
    if (record === null)
      throw new Failure(
        'unsupported',
        'nudge: expected an image made by Gamut; this one carries no settings to make it again from',
        'image',
      );
    // The record may name a folder that a window must not open.
    installedPackage(record.settings.model, workshop.folders);
    return record;
  };
  return {
    async obstacle({ image }) {
      try {
        await refuseNudge({ ...recordOf(image).settings, nudge: null }, workshop);
        return null;
      } catch (error) {
        return toFailure(error).toRecord();
      }
    },
    async *run({ image, ...nudge }, signal) {
      const { settings, index } = recordOf(image);
      const options = { signal, batch: newBatchId(library, 'nudge') };
      for await (const event of nudgeOne({ ...settings, count: 1, nudge }, index, workshop, options)) {
        if (event.kind === 'progress') yield event;
        if (event.kind !== 'nudged') continue;
        const token = randomUUID();
        const report = nudgeReport(event);
        const again = settings.nudge === null ? event.before.picture : null;
        const note = again === null ? null : differenceNote(await workshop.readPicture(image), again);
        waiting.set(token, event.after);
        for (const oldest of [...waiting.keys()].slice(0, Math.max(0, waiting.size - mostWaiting)))
          waiting.delete(oldest);
        yield {
          kind: 'complete',
          report: { ...report, notes: [...report.notes, ...(note === null ? [] : [note])] },
          before: (await pngOf(event.before.picture)).toString('base64'),
          after: (await pngOf(event.after.picture)).toString('base64'),
          token,
        };
      }
    },
    async keep({ token }) {
      const kept = waiting.get(token);
      if (kept === undefined)
        throw new Failure(
          'not-found',
          'This nudged picture is not remembered any more; nudge the image again.',
          'token',
        );
      const { picture, record, judged } = kept;
      await createBatch(library, record.batch, record.settings);
      const { width, height, pixels } = picture;
      const image = await storeImage(library, { width, height, data: pixels }, record, {
        features: judged.features,
      });
      endArriving(library, record.batch);
      announcer.tell({ kind: 'library', images: [image.id] });
      return image;
    },
  };
}
