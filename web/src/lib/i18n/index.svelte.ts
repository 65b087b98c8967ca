// SPDX-License-Identifier: Apache-2.0
// The catalogues. A language is one JSON file with the keys of en.json; the compiler and a test hold them together.
import type { Text } from '../api/client';
import en from './en.json';
import fr from './fr.json';

export type Key = keyof typeof en;
type PluralKey = Key extends infer K ? (K extends `${infer P}.other` ? P : never) : never;
type Vars = Record<string, string | number>;

const catalogues = { en, fr } satisfies Record<string, Record<Key, string>>;
export type Language = keyof typeof catalogues;
export const languages = Object.keys(catalogues) as Language[];
const kStored = 'entente-language';

function initial(): Language {
  const wanted = [localStorage.getItem(kStored), ...navigator.languages].map((l) => l?.slice(0, 2));
  return (wanted.find((l) => languages.includes(l as Language)) as Language | undefined) ?? 'en';
}

let current = $state<Language>(initial());
document.documentElement.lang = current;

export const language = {
  get current(): Language {
    return current;
  },
  set(to: Language): void {
    current = to;
    document.documentElement.lang = to;
    localStorage.setItem(kStored, to);
  },
};

const put = (text: string, vars: Vars): string => text.replace(/\{(\w+)\}/g, (all, n: string) => String(vars[n] ?? all));

export const t = (key: Key, vars: Vars = {}): string => put(catalogues[current][key], vars);

export function tn(key: PluralKey, n: number): string {
  const form = new Intl.PluralRules(current).select(n) === 'one' ? 'one' : 'other';
  return put(catalogues[current][`${key}.${form}` as Key], { n });
}

// For names that come from a regime: the first key the catalogue has, else the name itself made readable.
export function named(keys: string[], name: string): string {
  const texts = catalogues[current] as Record<string, string>;
  const key = keys.find((k) => k in texts);
  const readable = name.replaceAll('_', ' ');
  return (key && texts[key]) ?? readable.charAt(0).toUpperCase() + readable.slice(1);
}

export const has = (key: string): boolean => key in catalogues[current];
export const both = (text: Text | undefined): string => text?.[current] ?? text?.en ?? '';
export const list = (items: string[]): string => new Intl.ListFormat(current).format(items);
