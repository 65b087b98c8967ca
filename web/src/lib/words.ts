// SPDX-License-Identifier: Apache-2.0
// The words for a place in a form ("/e/type") and for what stands there: one voice for forms, faults and signatures.
import { formPointer } from './api/problem';
import { language, named, t } from './i18n/index.svelte';
import { formatInstant } from './time';

export function labelOf(pointer: string): string {
  const parts = (formPointer(pointer) ?? pointer).split('/').filter((x) => x !== '');
  const last = parts.at(-1) ?? '';
  if (parts[0] === 'participants') return named([`position.${last}`], last);
  if (parts[0] === 'targets') {
    const item = `${t('sign.target')} ${Number(parts[1] ?? 0) + 1}`;
    return parts.length > 2 ? `${item} · ${named([`target.${last}`], last)}` : item;
  }
  const own = named([`f.${parts.join('.')}`, `f.${last}`], last);
  const parent = parts.at(-2);
  return parts.length > 2 && parent ? `${named([`f.${parent}`], parent)} ${own}` : own;
}

// Codes of a form in words; anything else exactly as it is: people sign these words.
export function valueText(pointer: string, value: string): string {
  if (value === 'true' || value === 'false') return t(value === 'true' ? 'yes' : 'no');
  if (/^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)) return formatInstant(value, language.current);
  const last = pointer.split('/').at(-1) ?? '';
  const words = value.split(', ').map((v) => named([`o.${last}.${v}`], ''));
  return words.every((w) => w !== '') ? words.join('; ') : value;
}
