import { expect, it } from 'vitest';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import { preferencesSchema, type KeptPreferences } from '../../main/contract/preferences.ts';
import type { Notices } from '../../renderer/state/notices.svelte.ts';
import { PreferenceState } from '../../renderer/state/preferences.svelte.ts';

/** A studio that answers at once and keeps its events back until the test lets them go. */
function slowTeller() {
  let kept: KeptPreferences = { revision: 1, preferences: preferencesSchema.parse({}) };
  const events: KeptPreferences[] = [];
  const preferences: StudioClient['preferences'] = {
    get: async () => kept,
    change: async (edit) => {
      kept = { revision: kept.revision + 1, preferences: { ...kept.preferences, ...edit } };
      events.push(kept);
      return kept;
    },
  };
  return { studio: { preferences } as StudioClient, events };
}

const notices = { attempt: (work: () => Promise<void>) => work() } as unknown as Notices;

it('does not go back to an event that comes after the answer to a later change', async () => {
  const { studio, events } = slowTeller();
  const state = new PreferenceState(studio, notices);
  await state.load();
  state.change({ preset: 'balanced' });
  await expect.poll(() => events.length).toBe(1);
  state.change({ expertOpen: true });
  await expect.poll(() => events.length).toBe(2);
  const shown: boolean[] = [];
  for (const event of events) {
    state.receive(event);
    shown.push(state.value.expertOpen);
  }
  expect(shown).toEqual([true, true]);
  expect(state.value.preset).toBe('balanced');
});

it('takes what another window changed', async () => {
  const { studio } = slowTeller();
  const state = new PreferenceState(studio, notices);
  await state.load();
  state.receive({ revision: 2, preferences: { ...state.value, theme: 'dark' } });
  expect(state.value.theme).toBe('dark');
});
