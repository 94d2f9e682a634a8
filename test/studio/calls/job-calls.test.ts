import { expect, it } from 'vitest';
import type { Library } from '../../../main/library/library.ts';
import { jobHandlers } from '../../../main/studio/calls/job-calls.ts';
import type { JobQueue } from '../../../main/studio/jobs/job-queue.ts';

it('a call about the queue is answered with the state after the wait for the disk, not an older one', async () => {
  let paused = false;
  const queue = { pause: () => (paused = false), list: () => ({ paused, jobs: [] }) } as unknown as JobQueue;
  const durable = async (): Promise<void> => {
    paused = true; // what happens meanwhile
  };
  const { pause } = jobHandlers(
    queue,
    { database: { durable } } as unknown as Library,
    { builtIn: '', own: '' } as never,
  );
  expect(await pause({})).toEqual({ paused: true, jobs: [] });
});
