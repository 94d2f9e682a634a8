import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { forkEngine } from '../../main/studio/engine-child.ts';
import { generate } from '../../main/studio/generate.ts';
import type { BatchEvent } from '../../main/studio/generate.ts';
import type { Workshop } from '../../main/studio/workshop.ts';
import { writeBatch } from '../../main/studio/write-batch.ts';
import type { GenerationRequest } from '../../main/contract/settings.ts';
import type { Picture } from '../../main/engine/generation/generation-request.ts';
import { readImageFile } from '../../main/library/image-file/read-image-file.ts';
import { temporaryFolder } from '../doubles/packages.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';

/** @param double a stand-in for the engine; the real one when absent */
function workshopOf(double?: string): Workshop {
  const file =
    double === undefined ? undefined : fileURLToPath(new URL(`../doubles/engines/${double}.ts`, import.meta.url));
  return packagesWorkshop({ engine: file === undefined ? {} : { start: forkEngine({ file }) } });
}

const settingsOf = (asked: Partial<GenerationRequest> = {}) =>
  settingsOfRequest({ model: 'flow', prompt: 'a red vase', seed: 3, count: 4, stepCount: 4, batchSize: 2, ...asked });

function picturesIn(events: readonly BatchEvent[]): Map<number, Picture> {
  return new Map(events.flatMap((event) => (event.kind === 'image' ? [[event.index, event.picture]] : [])));
}

/** Numbers in [0, 1) that are the same in every run. */
function* randomNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe('a batch', () => {
  it('starts with its provider, tells the time left, and ends with its cost', async () => {
    using workshop = workshopOf();
    const events = await Array.fromAsync(generate(settingsOf(), workshop));
    expect(events[0]).toEqual({
      kind: 'started',
      provider: { tried: [{ provider: 'cpu', outcome: 'chosen', reason: null }], chosen: 'cpu' },
      sampler: 'flow-match-euler',
      stepCount: 4,
      notes: [],
    });
    expect([...picturesIn(events).keys()]).toEqual([0, 1, 2, 3]);
    const left = events.flatMap((event) => (event.kind === 'step' ? [event.secondsLeft] : []));
    expect(left).toHaveLength(8);
    expect(left.at(-1)).toBeCloseTo(0, 6);
    // Two prompts, four steps and a decoding for each of two batches.
    expect(events.at(-1)).toMatchObject({
      kind: 'finished',
      cost: { asked: 4, kept: 4, rejected: 0, failed: 0, modelCalls: 2 + 2 * 5 },
    });
  });

  it('gives every image the record that makes it again', async () => {
    using workshop = workshopOf();
    const events = await Array.fromAsync(generate(settingsOf({ prompt: 'a red zebra' }), workshop));
    const image = events.find((event) => event.kind === 'image');
    expect(image?.record).toMatchObject({
      settings: { model: 'flow', prompt: 'a red zebra', seed: 3, width: 64, height: 64 },
      index: 0,
      model: { id: 'flow', hash: expect.stringMatching(/^[0-9a-f]{64}$/), precision: 'float32' },
      provider: { chosen: 'cpu' },
      sampling: { sampler: 'flow-match-euler', eta: null },
      prompt: { unknownWords: ['zebra'], tokensDropped: 0 },
    });
    const again = await Array.fromAsync(generate(image?.record.settings ?? settingsOf(), workshop, { indices: [2] }));
    expect(picturesIn(again).get(2)).toEqual(picturesIn(events).get(2));
  });

  it('says what a long prompt lost', async () => {
    using workshop = workshopOf();
    const [started] = await Array.fromAsync(generate(settingsOf({ prompt: 'red '.repeat(30) }), workshop));
    expect(started).toMatchObject({
      notes: ['The prompt has 30 tokens; the model takes 14, the last 16 were dropped.'],
    });
  });

  it('fails the images whose numbers break, and only those', async () => {
    using workshop = workshopOf();
    const events = await Array.fromAsync(generate(settingsOf({ model: 'breaking', count: 1 }), workshop));
    expect(events.at(-1)).toMatchObject({
      kind: 'finished',
      cost: { asked: 1, kept: 0, failed: 1, secondsPerKept: null },
    });
  });
});

/** Milliseconds for fifty starts of a process, on a machine that does other things too. */
const slowest = 1_200_000;

describe('a batch whose engine is killed', () => {
  it('keeps what was finished, makes the images in flight again, and says so', async () => {
    using workshop = workshopOf();
    const whole = picturesIn(await Array.fromAsync(generate(settingsOf(), workshop)));
    const events: BatchEvent[] = [];
    for await (const event of generate(settingsOf(), workshop)) {
      events.push(event);
      if (event.kind === 'step' && event.indices.includes(2) && event.step === 1 && workshop.engine.restarts === 0)
        process.kill(workshop.engine.pid ?? 0, 'SIGKILL');
    }
    expect(picturesIn(events)).toEqual(whole);
    expect(events.filter(({ kind }) => kind === 'note')).toEqual([
      {
        kind: 'note',
        message:
          "The engine's process ended unexpectedly (SIGKILL). It was started again; images in flight are made once more.",
      },
    ]);
  });

  it('twice by the same images gives those up, and makes the rest', async () => {
    using workshop = workshopOf();
    const events: BatchEvent[] = [];
    // Steps enough that a machine busy with other things kills them before they are through.
    for await (const event of generate(settingsOf({ count: 6, stepCount: 50 }), workshop)) {
      events.push(event);
      if (event.kind === 'step' && event.indices.includes(2) && event.step === 1)
        process.kill(workshop.engine.pid ?? 0, 'SIGKILL');
    }
    expect([...picturesIn(events).keys()]).toEqual([0, 1, 4, 5]);
    expect(events.filter(({ kind }) => kind === 'image-failed')).toEqual(
      [2, 3].map((index) => ({
        kind: 'image-failed',
        index,
        failure: { code: 'engine-gone', message: "The engine's process ended unexpectedly (SIGKILL)." },
      })),
    );
    expect(events.at(-1)).toMatchObject({ kind: 'finished', cost: { asked: 6, kept: 4, failed: 2 } });
  });

  it(
    'fifty times at random moments loses no finished image and shows no partial file',
    async () => {
      using workshop = workshopOf('quick');
      using folder = temporaryFolder();
      const settings = settingsOf({ count: 12, batchSize: 3, stepCount: 3 });
      const whole = picturesIn(await Array.fromAsync(generate(settings, workshop)));
      const random = randomNumbers(20);
      let finished = 0;
      const wholeFiles = new Set<string>();
      /** Every file under its final name must be complete at any moment. */
      const lookAt = async (out: string): Promise<void> => {
        const names = readdirSync(out).filter((name) => !name.startsWith('.') && !wholeFiles.has(join(out, name)));
        for (const name of names) {
          const bytes = readFileSync(join(out, name));
          if (name.endsWith('.png')) await (await readImageFile(bytes)).pixels();
          if (name.endsWith('.json')) JSON.parse(bytes.toString('utf8'));
          wholeFiles.add(join(out, name));
        }
      };
      let kills = 0;
      for (let job = 0; kills < 50; job++) {
        const out = join(folder.path, String(job));
        /** Every third time or so, a few milliseconds after whatever just happened. */
        const perhapsKill = (): void => {
          if (kills >= 50 || random.next().value > 0.3) return;
          setTimeout(() => {
            const { pid } = workshop.engine;
            if (pid === undefined || kills >= 50) return;
            process.kill(pid, 'SIGKILL');
            kills += 1;
          }, 25 * random.next().value);
        };
        const made = new Map<number, Picture>();
        const failed: string[] = [];
        for await (const event of writeBatch(generate(settings, workshop), out, { batch: 'crash' })) {
          perhapsKill();
          if (event.kind === 'started' || event.kind === 'written') await lookAt(out);
          if (event.kind === 'image') made.set(event.index, event.picture);
          if (event.kind === 'image-failed') failed.push(event.failure.code);
        }
        expect(made.size + failed.length).toBe(12);
        finished += made.size;
        expect(new Set(failed)).toEqual(failed.length === 0 ? new Set() : new Set(['engine-gone']));
        for (const [index, picture] of made) expect(picture).toEqual(whole.get(index));
        // The manifest lists exactly the images that are there, and nothing unfinished stays.
        const names = readdirSync(out);
        expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
        expect(names.filter((name) => /^\d+-\d+\.png$/.test(name))).toHaveLength(made.size);
      }
      expect(kills).toBe(50);
      // There was something to lose.
      expect(finished).toBeGreaterThan(12);
    },
    slowest,
  );
});
