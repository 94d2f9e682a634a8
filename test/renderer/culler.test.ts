import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { clientOf } from '../../main/contract/calls/client.ts';
import { calls } from '../../main/contract/calls/index.ts';
import { Culler } from '../../renderer/state/culler.svelte.ts';
import { Language } from '../../renderer/state/language.svelte.ts';
import { Notices } from '../../renderer/state/notices.svelte.ts';
import { openFakeStudio } from '../doubles/fake-studio.ts';
import { studioTransport } from '../doubles/studio-transport.ts';

/** A culler over seven images of a made-up studio. */
function openCuller(): Culler {
  const studio = openFakeStudio({ images: 7 });
  onTestFinished(() => studio.close());
  const language = new Language();
  return new Culler(clientOf(calls, studioTransport(studio)), new Notices(language), language);
}

describe('the order of a list', () => {
  let culler: Culler;
  const numbers = (): number[] => culler.list.loaded.map(({ seed }) => seed ?? -1);

  beforeEach(async () => {
    culler = openCuller();
    await culler.list.show({ sort: 'oldest' });
  });

  it('by likeness starts from the focused image, which keeps the focus, and holds every image', async () => {
    culler.selection.focus(4);
    const focused = culler.selection.focused?.id;
    await culler.arrange('similar');
    expect(culler.selection.focused?.id).toBe(focused);
    expect([culler.selection.place, culler.selection.chosenCount]).toEqual([0, 0]);
    expect(new Set(numbers()).size).toBe(7);
    expect(culler.list.query.similarTo).toBe(focused);
  });

  it('with near-duplicates together numbers their groups, and forgets them in another', async () => {
    await culler.arrange('alike');
    const [first, second] = culler.list.loaded;
    await expect
      .poll(() => [...culler.groups])
      .toEqual([
        [first?.id, 1],
        [second?.id, 1],
      ]);
    await culler.arrange('oldest');
    await expect.poll(() => culler.groups.size).toBe(0);
  });
});

describe('an image whose file is on its way', () => {
  it('has not the focus, before the list knows that it is gone', async () => {
    const culler = openCuller();
    await culler.list.show({ sort: 'oldest' });
    culler.selection.focus(2);
    const id = culler.selection.focused?.id ?? '';
    culler.trash();
    expect([culler.list.total, culler.focused]).toEqual([7, undefined]);
    await expect.poll(() => culler.list.total).toBe(6);
    await culler.list.show({ deleted: true });
    expect(culler.focused?.id).toBe(id);
    const gone = culler.discard([id]);
    expect([culler.list.total, culler.focused]).toEqual([1, undefined]);
    expect(await gone).toBe(1);
  });
});
