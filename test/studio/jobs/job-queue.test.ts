import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Failure } from '../../../main/contract/failures.ts';
import type { JobEvent } from '../../../main/contract/jobs.ts';
import { generationSettingsSchema, type GenerationSettings } from '../../../main/contract/settings.ts';
import { jobEventSchema } from '../../../main/contract/jobs.ts';
import { batchSummary } from '../../../main/library/batches.ts';
import type { Library } from '../../../main/library/library.ts';
import { rescueImages } from '../../../main/library/marks.ts';
import { searchAll } from '../../../main/library/search.ts';
import { JobQueue } from '../../../main/studio/jobs/job-queue.ts';
import type { MakeBatch } from '../../../main/studio/jobs/make-batch.ts';
import { temporaryLibrary } from '../../library/temporary-library.ts';
import { fakeMake } from './fake-make.ts';

let library: Library;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ library, remove } = await temporaryLibrary());
});
afterEach(async () => {
  await remove();
});

const settings = (count: number): GenerationSettings =>
  generationSettingsSchema.parse({ model: 'm', prompt: 'vase', seed: 7, count });

function queueWith(make: MakeBatch): { readonly queue: JobQueue; readonly events: JobEvent[] } {
  const queue = new JobQueue({ library, make });
  const events: JobEvent[] = [];
  queue.subscribe((event) => events.push(jobEventSchema.parse(event)));
  return { queue, events };
}

const states = (queue: JobQueue): string[] => queue.list().jobs.map(({ state }) => state);
const positions = (batch: string): number[] =>
  [...searchAll(library, { batch, candidates: 'all', sort: 'oldest' })].map(({ index }) => index).sort((a, b) => a - b);

describe('the queue', () => {
  it('makes batches in order, stores every image and tells what happens', async () => {
    const { make } = fakeMake({ rejectThirds: true });
    const { queue, events } = queueWith(make);
    const first = queue.enqueue(settings(3));
    const second = queue.enqueue(settings(1));
    await queue.idle();
    expect(states(queue)).toEqual(['done', 'done']);
    expect(positions(first.batch)).toEqual([0, 1, 2, 3]);
    expect(batchSummary(library, first.batch)).toMatchObject({
      kept: 3,
      rejected: 1,
      cost: {
        asked: 3,
        kept: 3,
        rejected: 1,
        modelCalls: 10,
        secondsPerKept: 1 / 3,
        // Of the figure of all runs as of the last one's: a fifth less, a quarter more.
        secondsPerKeptInterval: { low: expect.closeTo(0.8 / 3), high: expect.closeTo(1.25 / 3) },
      },
    });
    const kinds = new Set(events.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['queue', 'job', 'preview', 'image', 'measured']));
    const images = events.filter((event) => event.kind === 'image').map(({ image }) => image.batch);
    expect(images).toEqual([...Array.from({ length: 4 }, () => first.batch), second.batch]);
    expect(queue.list().jobs[0]?.progress).toMatchObject({ kept: 3, rejected: 1, asked: 3, step: null });
  });

  it('keeps the list short: of the jobs that ended well the last ones, of their batches all', async () => {
    const { queue } = queueWith(fakeMake().make);
    const jobs = Array.from({ length: 23 }, () => queue.enqueue(settings(1)));
    await queue.idle();
    expect(queue.list().jobs.map(({ id }) => id)).toEqual(jobs.slice(3).map(({ id }) => id));
    for (const { batch } of jobs) expect(positions(batch)).toEqual([0]);
  });

  it('stops a running job, keeps what it made, and a retry makes only the rest', async () => {
    const fake = fakeMake({
      before: (index) => {
        if (index === 2) queue.stop(job.id);
      },
    });
    const { queue } = queueWith(fake.make);
    const job = queue.enqueue(settings(5));
    await queue.idle();
    expect(states(queue)).toEqual(['stopped']);
    expect(positions(job.batch)).toEqual([0, 1, 2]);
    queue.retry(job.id);
    await queue.idle();
    expect(states(queue)).toEqual(['done']);
    expect(fake.made).toEqual([0, 1, 2, 3, 4]);
  });

  it('counts a rescued candidate as made, not as wanted', async () => {
    const fake = fakeMake({
      rejectThirds: true,
      before: (index) => {
        if (index === 3) queue.stop(job.id);
      },
    });
    const { queue } = queueWith(fake.make);
    const job = queue.enqueue(settings(4));
    await queue.idle();
    await rescueImages(library, [`${job.batch}-00002`]);
    queue.retry(job.id);
    await queue.idle();
    expect(fake.made).toEqual([0, 1, 2, 3, 4]);
  });

  it('says why a job failed, and goes on with the next', async () => {
    let failing = true;
    const fake = fakeMake({
      before: (index) => {
        if (index === 1 && failing) throw new Failure('engine-gone', 'the engine died three times');
      },
    });
    const { queue } = queueWith(fake.make);
    const job = queue.enqueue(settings(2));
    queue.enqueue(settings(1));
    await queue.idle();
    expect(states(queue)).toEqual(['failed', 'done']);
    expect(queue.list().jobs[0]).toMatchObject({
      failure: { code: 'engine-gone', message: 'the engine died three times' },
      progress: { kept: 1 },
    });
    failing = false;
    queue.retry(job.id);
    await queue.idle();
    expect(states(queue)).toEqual(['done', 'done']);
    expect(queue.list().jobs.at(-1)).toMatchObject({ id: job.id, failure: null, progress: { kept: 2 } });
  });

  it('waits for a person after the disk refused', async () => {
    let full = true;
    const fake = fakeMake({
      before: () => {
        if (full) throw new Failure('disk-full', 'the disk is full');
      },
    });
    const { queue } = queueWith(fake.make);
    queue.enqueue(settings(1));
    queue.enqueue(settings(1));
    await queue.idle();
    expect(states(queue)).toEqual(['failed', 'queued']);
    expect(queue.list().paused).toBe(true);
    full = false;
    queue.resume();
    await queue.idle();
    expect(states(queue)).toEqual(['failed', 'done']);
  });

  it('is paused, ordered and emptied, also over a restart', async () => {
    const { queue } = queueWith(fakeMake().make);
    queue.pause();
    const [a, b, c] = [1, 2, 3].map((count) => queue.enqueue(settings(count)));
    if (a === undefined || b === undefined || c === undefined) throw new Error('no jobs');
    queue.move(c.id, a.id);
    queue.move(a.id, null);
    await queue.close();
    const later = queueWith(fakeMake().make).queue;
    later.start();
    expect(later.list()).toMatchObject({ paused: true, jobs: [{ id: c.id }, { id: b.id }, { id: a.id }] });
    later.remove(b.id);
    later.stop(c.id);
    later.resume();
    await later.idle();
    expect(later.list().jobs.map(({ id, state }) => [id, state])).toEqual([
      [c.id, 'stopped'],
      [a.id, 'done'],
    ]);
  });

  it('keeps an order through many moves', () => {
    const { queue } = queueWith(fakeMake().make);
    queue.pause();
    const ids = [1, 2, 3].map((count) => queue.enqueue(settings(count)).id);
    for (let i = 0; i < 100; i += 1) queue.move(ids[i % 2 === 0 ? 2 : 1] ?? '', ids[i % 2 === 0 ? 1 : 2] ?? '');
    expect(queue.list().jobs.map(({ id }) => id)).toEqual([ids[0], ids[1], ids[2]]);
    expect(new Set(queue.list().jobs.map(({ order }) => order)).size).toBe(3);
  });

  it('refuses what makes no sense with a code', async () => {
    const { queue } = queueWith(fakeMake().make);
    const { id } = queue.enqueue(settings(1));
    await queue.idle();
    expect(() => {
      queue.stop(id);
    }).toThrow(expect.objectContaining({ code: 'bad-input' }));
    expect(() => {
      queue.stop('job-none');
    }).toThrow(expect.objectContaining({ code: 'not-found' }));
    expect(() => {
      queue.move(id, 'job-none');
    }).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('takes up a job that was cut off by the end of the application', async () => {
    const fake = fakeMake({ pause: 5 });
    const { queue } = queueWith(fake.make);
    const job = queue.enqueue(settings(4));
    await new Promise<void>((resolve) => {
      queue.subscribe((event) => {
        if (event.kind === 'image') resolve();
      });
    });
    await queue.close();
    expect(states(queue)).toEqual(['interrupted']);
    const later = queueWith(fake.make).queue;
    later.start();
    await later.idle();
    expect(states(later)).toEqual(['done']);
    expect([...fake.made].sort()).toEqual([0, 1, 2, 3]);
    expect(positions(job.batch)).toEqual([0, 1, 2, 3]);
  });
});
