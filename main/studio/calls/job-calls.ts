import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import type { Queue } from '../../contract/jobs.ts';
import type { Library } from '../../library/library.ts';
import type { Workshop } from '../workshop.ts';
import type { Announcer } from './announcer.ts';

/** Stands where the queue is joined in. */
export interface Jobs {
  readonly state: () => { readonly queue: Queue; readonly batch: string | null };
  readonly close: () => Promise<void>;
}

export async function openJobs(_library: Library, _workshop: Workshop, _announcer: Announcer): Promise<Jobs> {
  return { state: () => ({ queue: { paused: false, jobs: [] }, batch: null }), close: async () => undefined };
}

const missing = async (): Promise<never> => {
  throw new Failure('unsupported', 'The queue is not joined in yet.');
};

export function jobHandlers(jobs: Jobs): StudioHandlers['jobs'] {
  return {
    enqueue: missing,
    list: async () => jobs.state().queue,
    pause: missing,
    resume: missing,
    stop: missing,
    retry: missing,
    remove: missing,
    move: missing,
    estimate: async () => ({ seconds: null }),
  };
}
