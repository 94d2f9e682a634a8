import { cleanup, render } from '@testing-library/svelte';
import type { ComponentProps } from 'svelte';
import { afterEach, describe, expect, it } from 'vitest';
import type Figure from '../../renderer/components/Figure.svelte';
import FigureHarness from './FigureHarness.svelte';

/** What a figure shows: its value (with the change since the last batch) and the line beneath. */
function shown(figure: Partial<ComponentProps<typeof Figure>>) {
  const { container } = render(FigureHarness, { name: 'x', explanation: 'y', now: null, ...figure });
  const text = (selector: string): string =>
    container.querySelector(selector)?.textContent.replaceAll(/\s+/g, ' ').trim() ?? '';
  return {
    value: text('.value'),
    interval: text('.interval'),
    isDoubtful: container.querySelector('.doubtful') !== null,
  };
}

describe('a figure', () => {
  afterEach(cleanup);

  it('shows its value, the change since the last batch and its interval', () => {
    const figure = shown({ now: { value: 0.5, low: 0.42, high: 0.61 }, before: 0.75 });
    expect(figure).toEqual({ value: '0.50 ↓0.25', interval: '0.42–0.61', isDoubtful: false });
  });

  it('stands back and says why where it is not what it seems', () => {
    const figure = shown({ now: { value: 0, low: 0, high: 0.1 }, caveat: 'broad references' });
    expect(figure).toEqual({ value: '0.00', interval: 'broad references', isDoubtful: true });
  });

  it('says no more than that it is beyond the most that tells anything', () => {
    const most = 1000;
    const huge = shown({ now: { value: 1.91e11, low: 2e4, high: 3e11 }, before: 1.2, most });
    expect(huge).toEqual({ value: '> 1,000', interval: '> 1,000', isDoubtful: false });
    cleanup();
    expect(shown({ now: { value: 1.91e11, low: 1.4, high: 3e11 }, most }).interval).toBe('from 1.40');
    cleanup();
    expect(shown({ now: { value: 1.25, low: 1.1, high: 1.5 }, most })).toMatchObject({
      value: '1.25',
      interval: '1.10–1.50',
    });
  });

  it('without a value says that there are too few images', () => {
    expect(shown({ now: { value: null } })).toMatchObject({ value: '–', interval: 'too few images' });
  });
});
