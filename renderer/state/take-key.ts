import { pressKey } from './key-deeds.ts';
import type { Workspace } from './workspace.svelte.ts';

/** Controls in which letters are typed. */
const typing = 'input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select';
/** Controls that arrows move within. */
const ownArrows =
  'input, select, textarea, [role=slider], [role=menu], [role=menuitem], [role=radio], [role=tab], summary';

/** Keys mean something wherever the focus is, unless the control that has it needs them itself. */
export function takeKey(event: KeyboardEvent, workspace: Workspace): void {
  if (event.defaultPrevented || event.isComposing || !(event.target instanceof Element)) return;
  const { overlay } = workspace;
  if (event.key === 'Escape' && (overlay?.kind === 'zoom' || overlay?.kind === 'compare')) {
    workspace.close();
    return;
  }
  if (event.key === 'Escape' && overlay === null && workspace.isPanelOpen) {
    // The focus must not stay in what is hidden.
    if (event.target.closest('#side-panel') !== null)
      document.querySelector<HTMLElement>('[aria-controls=side-panel]')?.focus();
    workspace.togglePanel();
    return;
  }
  if (document.querySelector('.dialog, .menu') !== null) return;
  const { target } = event;
  const isTyping = target.matches(typing);
  const isCommand = event.ctrlKey || event.metaKey;
  if (isTyping && (!isCommand || !['Enter', '1', '2', '3', '4', 'e'].includes(event.key))) return;
  if (event.key.startsWith('Arrow') && target.closest(ownArrows) !== null) return;
  if (['Home', 'End'].includes(event.key) && target.closest(ownArrows) !== null) return;
  const isControl = target.closest('button, a, summary, input, [role=menuitem]') !== null;
  if (isControl && (event.key === ' ' || (event.key === 'Enter' && !isCommand))) return;
  if (event.key === 'Enter' && target.getAttribute('role') === 'gridcell') {
    workspace.open({ kind: 'zoom' });
    event.preventDefault();
    return;
  }
  if (pressKey(event, workspace)) event.preventDefault();
}
