// SPDX-License-Identifier: Apache-2.0
//
// One key per decision: the first free letter of the move's name, else a digit. The same move on another item always
// gets a digit, so that a letter never means one decision here and another there. Pure.
const kTaken = new Set(['j', 'k', 'q', '?']); // lists, back to the queue, help

export function assignKeys(names: string[]): string[] {
  const used = new Set(kTaken);
  const digits = '123456789';
  return names.map((name, i) => {
    const letters = names.indexOf(name) === i ? name.toLowerCase().replace(/[^a-z]/g, '') : '';
    const key = [...letters, ...digits].find((c) => !used.has(c)) ?? '';
    used.add(key);
    return key;
  });
}

// Keys belong to the page only when nobody is typing and no dialog is open.
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const at = event.target;
  if (at instanceof HTMLElement && (at.isContentEditable || at.closest('input, textarea, select, dialog'))) return true;
  return document.querySelector('dialog[open]') !== null;
}
