import type { Attachment } from 'svelte/attachments';

const canHaveFocus =
  'button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea, a[href], [tabindex="0"]';

/** Gives the focus to the first control inside, and back to where it was when the element goes. */
export const focusOnMount: Attachment<HTMLElement> = (element) => {
  const before = document.activeElement;
  element.querySelector<HTMLElement>(canHaveFocus)?.focus({ preventScroll: true });
  return () => {
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  };
};

/** Keeps Tab inside an element that lies over the rest. */
export const trapFocus: Attachment<HTMLElement> = (element) => {
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Tab') return;
    const controls = [...element.querySelectorAll<HTMLElement>(canHaveFocus)];
    const [first, last] = [controls[0], controls.at(-1)];
    if (first === undefined || last === undefined) return;
    const { activeElement } = document;
    if (event.shiftKey && activeElement === first) last.focus();
    else if (!event.shiftKey && activeElement === last) first.focus();
    else return;
    event.preventDefault();
  };
  element.addEventListener('keydown', onKey);
  return () => {
    element.removeEventListener('keydown', onKey);
  };
};
