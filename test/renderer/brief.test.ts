import { describe, expect, it, vi } from 'vitest';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { ModelCard } from '../../main/contract/models.ts';
import type { GenerationSettings } from '../../main/contract/settings.ts';
import { Brief } from '../../renderer/state/brief.svelte.ts';
import type { Notices } from '../../renderer/state/notices.svelte.ts';
import type { PreferenceState } from '../../renderer/state/preferences.svelte.ts';

const modelOf = (id: string, stepCount: number | null, guidanceScale: number | null): ModelCard =>
  ({ id, stepCount, guidanceScale, problem: null }) as ModelCard;
const models = [modelOf('usual', 20, 2), modelOf('distilled', 4, 1), modelOf('silent', null, null)];

/** The brief of a window that opens over these models, none of which has a calibrated dial. */
async function openedBrief(draft: Partial<GenerationSettings> | null = null) {
  const studio = {
    models: {
      list: () => Promise.resolve(models),
      read: () => Promise.resolve(null),
      dialPath: () => Promise.resolve(null),
    },
    presets: { list: () => Promise.resolve([]) },
    jobs: { estimate: () => Promise.resolve({ seconds: 1 }) },
  } as unknown as StudioClient;
  const complain = vi.fn();
  const notices = { complain, attempt: (deed: () => Promise<void>) => deed() } as unknown as Notices;
  const preferences = { value: { draft, preset: null, seedLocked: false }, change: vi.fn() };
  const brief = new Brief(studio, preferences as unknown as PreferenceState, notices);
  await brief.load(Promise.resolve());
  expect(complain).not.toHaveBeenCalled();
  return brief;
}

const knobs = ({ settings: { model, stepCount, guidanceScale } }: Brief) => ({ model, stepCount, guidanceScale });

describe('a brief and its model', () => {
  it('begins with what the first model recommends, and goes where the next one does', async () => {
    const brief = await openedBrief();
    expect(knobs(brief)).toEqual({ model: 'usual', stepCount: 20, guidanceScale: 2 });
    brief.change({ model: 'distilled' });
    expect(knobs(brief)).toEqual({ model: 'distilled', stepCount: 4, guidanceScale: 1 });
    brief.change({ model: 'silent' });
    expect(knobs(brief)).toEqual({ model: 'silent', stepCount: 20, guidanceScale: 3 });
  });

  it('keeps what a person set, also where it is set together with the model', async () => {
    const brief = await openedBrief();
    brief.change({ stepCount: 35 });
    brief.change({ model: 'distilled' });
    expect(knobs(brief)).toEqual({ model: 'distilled', stepCount: 35, guidanceScale: 1 });
    brief.change({ model: 'usual', guidanceScale: 4 });
    expect(knobs(brief)).toEqual({ model: 'usual', stepCount: 35, guidanceScale: 4 });
  });

  it('opens as it was left, and moves on where its model is gone', async () => {
    const left = { model: 'distilled', prompt: 'red mug', stepCount: 20, guidanceScale: 3, seed: 7, dial: null };
    expect(knobs(await openedBrief(left))).toEqual({ model: 'distilled', stepCount: 20, guidanceScale: 3 });
    const orphan = await openedBrief({ ...left, model: 'removed' });
    expect(knobs(orphan)).toEqual({ model: 'usual', stepCount: 20, guidanceScale: 2 });
    expect(orphan.settings).toMatchObject({ prompt: 'red mug', seed: 7 });
  });
});
