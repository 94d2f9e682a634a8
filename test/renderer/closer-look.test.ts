import { describe, expect, it, onTestFinished } from 'vitest';
import { clientOf, type Transport } from '../../main/contract/calls/client.ts';
import { calls } from '../../main/contract/calls/index.ts';
import { CloserLook } from '../../renderer/state/closer-look.svelte.ts';
import { Comparison, longestCompared, mostCompared } from '../../renderer/state/comparison.svelte.ts';
import { openFakeStudio, type FakeStudioOptions } from '../doubles/fake-studio.ts';
import { studioTransport } from '../doubles/studio-transport.ts';

function openLook(options: FakeStudioOptions = {}, wrap: (own: Transport) => Transport = (own) => own): CloserLook {
  const studio = openFakeStudio({ images: 3, ...options });
  onTestFinished(() => studio.close());
  return new CloserLook(clientOf(calls, wrap(studioTransport(studio))));
}

describe('prompts to compare with', () => {
  it('are taken once each, trimmed; what is wrong with one is said, and it stays where it was typed', () => {
    const comparison = new Comparison();
    const type = (text: string) => {
      comparison.typed = text;
      const problem = comparison.problem('red vase');
      comparison.add('red vase');
      return [problem, comparison.typed];
    };
    expect(type('  blue vase ')).toEqual([null, '']);
    expect(type('   ')).toEqual([null, '   ']);
    expect(type('blue vase')).toEqual(['same', 'blue vase']);
    expect(type(' red vase')).toEqual(['own', ' red vase']);
    const pages = 'word '.repeat(10_000);
    expect(type(pages)).toEqual(['long', pages]);
    expect(type('x'.repeat(longestCompared))).toEqual([null, '']);
    for (let at = 2; at < mostCompared; at += 1) expect(type(`vase ${at}`)).toEqual([null, '']);
    expect(type('one more')).toEqual(['full', 'one more']);
    comparison.drop('blue vase');
    expect(type('one more')).toEqual([null, '']);
    expect(comparison.others).toHaveLength(mostCompared);
    expect(comparison.others.at(-1)).toBe('one more');
  });

  it('an image without a prompt is measured under one that is typed', () => {
    const comparison = new Comparison();
    expect(comparison.ownOf(' ')).toBe('');
    comparison.typedOwn = ' a vase ';
    expect(comparison.ownOf(' ')).toBe('a vase');
    expect(comparison.ownOf('red vase')).toBe('red vase');
    comparison.typed = 'a vase';
    expect(comparison.problem('')).toBe('own');
  });
});

describe('looking closer', () => {
  it('keeps with each image what was typed, opened and found', async () => {
    const looks = openLook({ stepTime: 1 });
    const look = looks.of('image-1');
    look.comparison.typed = 'blue';
    look.turn('density', true);
    look.turn('surprise', true);
    await expect.poll(() => look.density.state).toBe('done');
    const other = looks.of('image-2');
    expect([other.isOpen('surprise'), other.comparison.typed, other.density.state]).toEqual([false, '', 'idle']);
    const again = looks.of('image-1');
    expect([again.isOpen('surprise'), again.comparison.typed, again.density.state]).toEqual([true, 'blue', 'done']);
    again.turn('surprise', false);
    expect(again.isOpen('surprise')).toBe(false);
  });

  it('can be stopped halfway and begun again, all three', async () => {
    const look = openLook({ stepTime: 30 }).of('image-1');
    const works = [
      ['density', () => look.findPlace(), () => look.stopDensity()],
      ['surprise', () => look.measureSurprise('flow', 'vase', []), () => look.stopSurprise()],
      ['nudge', () => look.nudgeTowards('typical'), () => look.stopNudge()],
    ] as const;
    for (const [name, begin, stop] of works) {
      begin();
      expect(look[name].state).toBe('working');
      stop();
      expect(look[name].state).toBe('idle');
      begin();
    }
    for (const [name] of works) await expect.poll(() => look[name].state, { timeout: 20_000 }).toBe('done');
  });

  it('a nudged picture that cannot be kept is shown on, and kept when the way is free again', async () => {
    const failure = { code: 'disk-full', message: 'The disk is full: ENOSPC' } as const;
    let isFull = true;
    const look = openLook({ stepTime: 1 }, ({ request, open }) => ({
      open,
      request: (call, input) => (isFull && call === 'nudge.keep' ? Promise.resolve({ failure }) : request(call, input)),
    })).of('image-1');
    const kept = () => (look.nudge.state === 'done' ? look.nudge.result : null);
    look.nudgeTowards('typical');
    await expect.poll(kept).toMatchObject({ kept: 'no', problem: null });
    await look.keepNudge();
    expect(kept()).toMatchObject({
      kept: 'no',
      problem: failure,
      after: expect.stringMatching(/^data:image/) as string,
    });
    isFull = false;
    await look.keepNudge();
    expect(kept()).toMatchObject({ kept: 'yes', problem: null });
  });

  it('asks what stands in the way of a nudge when its card is opened, not before', async () => {
    const obstacle = { code: 'unsupported', message: 'nudge: no', where: 'sampler' } as const;
    const refused = openLook({ obstacle }).of('image-1');
    expect(refused.obstacle).toBe('unasked');
    refused.turn('nudge', true);
    expect(refused.obstacle).toBe('asking');
    await expect.poll(() => refused.obstacle).toEqual(obstacle);
    const free = openLook().of('image-1');
    free.turn('nudge', true);
    await expect.poll(() => free.obstacle).toBeNull();
  });
});
