import { actionFor, keyOf, type KeyAction } from './keys.ts';
import type { Move } from './selection.svelte.ts';
import type { Workspace } from './workspace.svelte.ts';

/** Does what a key stands for; false when it means nothing here. */
export function pressKey(event: KeyboardEvent, workspace: Workspace): boolean {
  const key = keyOf(event);
  if (key === null) return false;
  const withoutShift = key.replace('shift+', '');
  const own = workspace.preferences.value.keys;
  const action = actionFor(key, own) ?? (withoutShift.startsWith('arrow') ? actionFor(withoutShift, own) : null);
  if (action === null) return false;
  return act(workspace, action, event.shiftKey);
}

/** Does an action, with Shift or without; false when it means nothing here. */
export function act(workspace: Workspace, action: KeyAction, isExtending = false): boolean {
  const { culler } = workspace;
  const showsImages = workspace.view === 'generate' || workspace.view === 'gallery';
  switch (action) {
    case 'viewGenerate':
      workspace.go('generate');
      return true;
    case 'viewGallery':
      workspace.go('gallery');
      return true;
    case 'viewModels':
      workspace.go('models');
      return true;
    case 'viewSettings':
      workspace.go('settings');
      return true;
    case 'help':
      workspace.open({ kind: 'keys' });
      return true;
    case 'panel':
      workspace.togglePanel();
      return true;
    case 'generate':
      void workspace.generate();
      return true;
    case 'search':
      workspace.go('gallery');
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-search]')?.focus());
      return true;
    default:
      if (!showsImages || (culler.list.total === 0 && action !== 'undo')) return false;
      return actOnImages(workspace, action, isExtending);
  }
}

function actOnImages(workspace: Workspace, action: KeyAction, isExtending: boolean): boolean {
  const { culler } = workspace;
  const { selection } = culler;
  const moves: Partial<Record<KeyAction, Move>> = {
    left: 'left',
    right: 'right',
    up: 'up',
    down: 'down',
    first: 'first',
    last: 'last',
  };
  const move = moves[action];
  if (move !== undefined) {
    if (workspace.overlay?.kind === 'compare') return false;
    selection.move(move, isExtending && workspace.overlay === null);
    culler.list.ensure(selection.place - 50, selection.place + 50);
    return true;
  }
  if (action.startsWith('rate')) {
    culler.rate(Number(action.slice('rate'.length)));
    return true;
  }
  const deeds: Partial<Record<KeyAction, () => void>> = {
    pick: () => {
      culler.flag('pick');
    },
    reject: () => {
      culler.flag('reject');
    },
    unflag: () => {
      culler.flag('none');
    },
    rescue: () => {
      culler.rescue();
    },
    trash: () => {
      if (culler.list.query.deleted) workspace.askToDiscard([...selection.ids]);
      else culler.trash();
    },
    undo: () => {
      culler.undo();
    },
    redo: () => {
      culler.redo();
    },
    zoom: () => {
      if (workspace.overlay?.kind === 'zoom') workspace.close();
      else workspace.open({ kind: 'zoom' });
    },
    compare: () => {
      if (workspace.overlay?.kind === 'compare') workspace.close();
      else workspace.compare();
    },
    similar: () => {
      void culler.arrange('similar');
    },
    vary: () => {
      void workspace.vary();
    },
    tag: () => {
      workspace.open({ kind: 'tag' });
    },
    export: () => {
      workspace.open({ kind: 'export' });
    },
    selectAll: () => {
      void culler.list.allIds().then((ids) => {
        selection.choose(ids);
      });
    },
  };
  deeds[action]?.();
  return deeds[action] !== undefined;
}
