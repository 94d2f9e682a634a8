/** Everything a key can do, in the order the sheet shows it, with its usual key. */
export const keyActions = {
  generate: { group: 'make', key: 'ctrl+enter' },
  vary: { group: 'make', key: 'v' },
  pick: { group: 'judge', key: 'p' },
  reject: { group: 'judge', key: 'x' },
  unflag: { group: 'judge', key: 'u' },
  rate0: { group: 'judge', key: '0' },
  rate1: { group: 'judge', key: '1' },
  rate2: { group: 'judge', key: '2' },
  rate3: { group: 'judge', key: '3' },
  rate4: { group: 'judge', key: '4' },
  rate5: { group: 'judge', key: '5' },
  rescue: { group: 'judge', key: 'r' },
  undo: { group: 'judge', key: 'ctrl+z' },
  redo: { group: 'judge', key: 'ctrl+shift+z' },
  trash: { group: 'judge', key: 'delete' },
  left: { group: 'look', key: 'arrowleft' },
  right: { group: 'look', key: 'arrowright' },
  up: { group: 'look', key: 'arrowup' },
  down: { group: 'look', key: 'arrowdown' },
  first: { group: 'look', key: 'home' },
  last: { group: 'look', key: 'end' },
  zoom: { group: 'look', key: 'space' },
  compare: { group: 'look', key: 'c' },
  similar: { group: 'look', key: 's' },
  selectAll: { group: 'look', key: 'ctrl+a' },
  panel: { group: 'look', key: 'i' },
  search: { group: 'go', key: '/' },
  tag: { group: 'go', key: 't' },
  export: { group: 'go', key: 'ctrl+e' },
  viewGenerate: { group: 'go', key: 'ctrl+1' },
  viewGallery: { group: 'go', key: 'ctrl+2' },
  viewModels: { group: 'go', key: 'ctrl+3' },
  viewSettings: { group: 'go', key: 'ctrl+4' },
  help: { group: 'go', key: '?' },
} as const;

export type KeyAction = keyof typeof keyActions;
export const keyGroups = ['make', 'judge', 'look', 'go'] as const;
export const actionNames = Object.keys(keyActions) as readonly KeyAction[];

/** Modifier keys by themselves do nothing. */
const modifiers: ReadonlySet<string> = new Set([
  'control',
  'shift',
  'alt',
  'meta',
  'capslock',
  'dead',
  'process',
  'altgraph',
]);

/** A key press as text: `ctrl+shift+z`, `space`, `?`. The command key of a Mac counts as ctrl. */
export function keyOf(
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'shiftKey' | 'altKey'>,
): string | null {
  const name = event.key === ' ' ? 'space' : event.key.toLowerCase();
  if (modifiers.has(name)) return null;
  const isSign = name.length === 1 && !/[\p{L}\p{N}]/u.test(name);
  const parts = [
    event.ctrlKey || event.metaKey ? 'ctrl' : '',
    event.altKey ? 'alt' : '',
    // A sign such as ? already says that shift was held.
    event.shiftKey && !isSign ? 'shift' : '',
    name,
  ];
  return parts.filter((part) => part !== '').join('+');
}

/** The key an action has now: the person's own or the usual one. */
export function keyFor(action: KeyAction, own: Readonly<Record<string, string>>): string {
  return own[action] ?? keyActions[action].key;
}

/** The action of a key; null where it has none. Own keys go before usual ones. */
export function actionFor(key: string, own: Readonly<Record<string, string>>): KeyAction | null {
  return (
    actionNames.find((action) => own[action] === key) ??
    actionNames.find((action) => keyFor(action, own) === key) ??
    null
  );
}

const signs: Readonly<Record<string, string>> = {
  arrowleft: '←',
  arrowright: '→',
  arrowup: '↑',
  arrowdown: '↓',
  enter: '↵',
  space: 'Space',
  delete: 'Del',
  escape: 'Esc',
  ctrl: 'Ctrl',
  shift: 'Shift',
  alt: 'Alt',
  home: 'Home',
  end: 'End',
};

/** The parts of a key as its caps are labelled. */
export function keyCaps(key: string): readonly string[] {
  return key === '+' ? ['+'] : key.split('+').map((part) => signs[part] ?? part.toUpperCase());
}
