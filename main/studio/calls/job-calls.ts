import type { StudioHandlers } from '../../contract/calls/index.ts';
import type { Queue } from '../../contract/jobs.ts';
import type { BatchSummary } from '../../contract/library.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import { recentBatches } from '../../library/batches.ts';
import { readJob } from '../../library/job-rows.ts';
import type { Library } from '../../library/library.ts';
import type { ModelFolders } from '../../model-packages/package.ts';
import { installedPackage } from '../../model-packages/resolve.ts';
import type { JobQueue } from '../jobs/job-queue.ts';

/** Batches looked back at for an estimate. */
const lookedBack = 30;

/** The window's calls about the queue. Every change is announced by the queue itself. */
export function jobHandlers(queue: JobQueue, library: Library, folders: ModelFolders): StudioHandlers['jobs'] {
  // Read after the wait: events of what happened meanwhile have been told, and an older state must not follow them.
  const afterwards = async (work: () => void): Promise<Queue> => {
    work();
    await library.database.durable();
    return queue.list();
  };
  return {
    async enqueue(settings) {
      for (const model of [settings.model, settings.guidingModel]) if (model !== null) installedPackage(model, folders);
      const { id } = queue.enqueue(settings);
      await library.database.durable();
      return readJob(library, id);
    },
    list: async () => queue.list(),
    pause: () => afterwards(() => queue.pause()),
    resume: () => afterwards(() => queue.resume()),
    stop: ({ job }) => afterwards(() => queue.stop(job)),
    retry: ({ job }) => afterwards(() => queue.retry(job)),
    remove: ({ job }) => afterwards(() => queue.remove(job)),
    move: ({ job, before }) => afterwards(() => queue.move(job, before)),
    estimate: async (settings) => ({ seconds: estimatedSeconds(settings, recentBatches(library, lookedBack)) }),
  };
}

/** The batch in the middle of a fresh window: the running one, else the newest. */
export function batchInView(queue: Queue, library: Library): string | null {
  const running = queue.jobs.find(({ state }) => state === 'running' || state === 'stopping');
  return running?.batch ?? recentBatches(library, 1)[0]?.id ?? null;
}

/** Seconds by what the last batch with this model took, in proportion to steps, pixels and images; null without one. */
export function estimatedSeconds(settings: GenerationSettings, batches: readonly BatchSummary[]): number | null {
  const effort = ({ stepCount, width, height }: GenerationSettings): number => stepCount * (width ?? 1) * (height ?? 1);
  for (const { settings: made, cost } of batches) {
    if (made === null || cost === null || cost.secondsPerKept === null || made.model !== settings.model) continue;
    // Without a size both are the model's own; a size on one side only cannot be compared.
    if ((made.width === null) !== (settings.width === null)) continue;
    return (cost.secondsPerKept * settings.count * effort(settings)) / effort(made);
  }
  return null;
}
