import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientOf, type Transport } from '../../main/contract/calls/client.ts';
import { answererOf } from '../../main/contract/calls/handlers.ts';
import { calls } from '../../main/contract/calls/index.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { messagesPerSecond } from '../../main/serve/limits.ts';
import { act } from '../../renderer/state/key-deeds.ts';
import { Workspace } from '../../renderer/state/workspace.svelte.ts';
import { openFakeStudio } from '../doubles/fake-studio.ts';

/** Milliseconds until a busy host answers. */
const latency = 250;
/** A window at work stays far below what its host lets through. */
const share = messagesPerSecond / 4;

/** Messages of a window to its host, by the moment they were sent. */
class CountedTransport implements Transport {
  readonly sent: { readonly at: number; readonly call: string }[] = [];
  readonly #answerer;
  readonly #end = new AbortController();

  constructor(studio: Studio) {
    this.#answerer = answererOf(calls, studio.handlers);
  }

  readonly request: Transport['request'] = async (call, input) => {
    this.sent.push({ at: performance.now(), call });
    await sleep(latency);
    return this.#answerer.answer(call, input);
  };

  readonly open: Transport['open'] = (call, input, listener) => {
    this.sent.push({ at: performance.now(), call });
    void (async () => {
      for await (const signal of this.#answerer.follow(call, input, this.#end.signal)) listener(signal);
    })();
    return () => undefined;
  };

  /** The most messages within any second. */
  get mostPerSecond(): number {
    const times = this.sent.map(({ at }) => at);
    return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
  }

  close(): void {
    this.#end.abort();
  }
}

const settings = { model: 'gamut-ceramics', prompt: 'a vase', seed: 1, count: 200, stepCount: 4 };

describe('messages of one window while a batch of 200 arrives as fast as it can', () => {
  let studio: Studio;
  let transport: CountedTransport;
  let workspace: Workspace;

  beforeEach(async () => {
    studio = openFakeStudio({ images: 300, stepTime: 0 });
    transport = new CountedTransport(studio);
    workspace = new Workspace({ studio: clientOf(calls, transport), pictureAddress: (id) => id });
    await workspace.start();
    transport.sent.length = 0;
  });

  afterEach(async () => {
    transport.close();
    await studio.close();
  });

  const isOver = (): boolean =>
    workspace.queue.jobs.length > 0 && workspace.queue.jobs.every(({ state }) => state === 'done');

  it('stay few in the sheet of the batch, which follows it from beginning to end', async () => {
    const job = await studio.handlers.jobs.enqueue(calls.jobs.enqueue.input.parse(settings));
    await expect.poll(isOver, { timeout: 20_000 }).toBe(true);
    await expect.poll(() => workspace.batch.list.total, { timeout: 5000 }).toBe(200);
    await expect.poll(() => workspace.batch.summary?.kept).toBe(200);
    expect(workspace.batch.id).toBe(job.batch);
    expect(transport.mostPerSecond).toBeLessThan(share);
  });

  it('stay few in the gallery, which shows the images while they come', async () => {
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(300);
    await studio.handlers.jobs.enqueue(calls.jobs.enqueue.input.parse(settings));
    await expect.poll(() => workspace.gallery.list.total, { timeout: 20_000, interval: 5 }).toBeGreaterThan(300);
    expect(isOver()).toBe(false);
    await expect.poll(isOver, { timeout: 20_000 }).toBe(true);
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(500);
    expect(transport.mostPerSecond).toBeLessThan(share);
  });

  it('stay few in a gallery that was scrolled through, and for many short batches', async () => {
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(300);
    workspace.gallery.list.ensure(0, 299);
    await expect.poll(() => workspace.gallery.list.at(299)?.id, { timeout: 5000 }).toBeDefined();
    for (let seed = 0; seed < 60; seed += 1)
      await studio.handlers.jobs.enqueue(calls.jobs.enqueue.input.parse({ ...settings, seed, count: 1 }));
    await expect.poll(isOver, { timeout: 20_000 }).toBe(true);
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(360);
    expect(transport.mostPerSecond).toBeLessThan(share);
  });

  it('stay few while verdicts are given as fast as a held key repeats', async () => {
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(300);
    transport.sent.length = 0;
    for (let round = 0; round < 60; round += 1) {
      act(workspace, 'pick');
      await sleep(33);
    }
    const verdicts = transport.sent.filter(({ call }) => call === 'images.flag');
    expect(verdicts).toHaveLength(60);
    expect(transport.sent.length - verdicts.length).toBeLessThan(60);
  });

  it('keep the focus on its image while others come before it', async () => {
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(300);
    const { selection } = workspace.gallery.culler;
    selection.focus(3);
    const held = selection.focused?.id;
    await studio.handlers.jobs.enqueue(calls.jobs.enqueue.input.parse({ ...settings, count: 5 }));
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(305);
    expect(selection.focused?.id).toBe(held);
    expect(selection.place).toBe(8);
  });

  it('keep the focus on its image when others push it onto a page that was not looked at', async () => {
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(300);
    const { list, culler } = workspace.gallery;
    list.ensure(0, 199);
    culler.selection.focus(199);
    const held = culler.selection.focused?.id;
    expect(held).toBeDefined();
    const others = new Set<string | undefined>();
    list.onArranged(() => {
      others.add(culler.selection.focused?.id);
    });
    await studio.handlers.jobs.enqueue(calls.jobs.enqueue.input.parse({ ...settings, count: 5 }));
    await expect.poll(() => list.total, { timeout: 5000 }).toBe(305);
    await expect.poll(() => culler.selection.focused?.id, { timeout: 5000 }).toBe(held);
    expect(culler.selection.place).toBe(204);
    others.delete(undefined);
    expect([...others]).toEqual([held]);
  });

  it('show in the gallery what came while it was not looked at', async () => {
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(300);
    workspace.go('generate');
    await studio.handlers.jobs.enqueue(calls.jobs.enqueue.input.parse({ ...settings, count: 5 }));
    await expect.poll(isOver, { timeout: 20_000 }).toBe(true);
    workspace.go('gallery');
    await expect.poll(() => workspace.gallery.list.total, { timeout: 5000 }).toBe(305);
  });
});
