import { describe, expect, it } from 'vitest';
import { actionFor, actionNames, keyActions, keyCaps, keyFor, keyOf } from '../../renderer/state/keys.ts';

const press = (key: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey', boolean>> = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...held,
});

describe('keys', () => {
  it.each([
    [press('p'), 'p'],
    [press('P', { shiftKey: true }), 'shift+p'],
    [press('z', { ctrlKey: true }), 'ctrl+z'],
    [press('z', { metaKey: true }), 'ctrl+z'],
    [press('?', { shiftKey: true }), '?'],
    [press(' '), 'space'],
    [press('ArrowLeft', { shiftKey: true }), 'shift+arrowleft'],
    [press('Shift', { shiftKey: true }), null],
  ])('%o is %s', (event, key) => {
    expect(keyOf(event)).toBe(key);
  });

  it('mean one thing each', () => {
    const keys = actionNames.map((name) => keyActions[name].key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const name of actionNames) expect(actionFor(keyFor(name, {}), {})).toBe(name);
  });

  it('can be changed, and then the usual one is free', () => {
    const own = { pick: 'k' };
    expect([actionFor('k', own), actionFor('p', own)]).toEqual(['pick', null]);
  });

  it('are labelled like their caps', () => {
    expect(keyCaps('ctrl+shift+z')).toEqual(['Ctrl', 'Shift', 'Z']);
    expect(keyCaps('arrowup')).toEqual(['↑']);
  });
});
