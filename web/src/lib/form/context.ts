// SPDX-License-Identifier: Apache-2.0
// What the fields of one form share: what is wrong with each, and options that only the page knows (countries, the
// provisions of this regime).
import type { Problem } from '../api/problem';
import { pointsAt, formPointer } from '../api/problem';
import { t } from '../i18n/index.svelte';
import type { Code, Fault, FormNode } from './model';

export const kForm = Symbol('form');

export interface Message {
  text: string;
  rule?: string;
  mend?: string;
}

export interface FormContext {
  messages(pointer: string): Message[];
  options(node: FormNode): string[] | undefined;
  optionText(node: FormNode, option: string): string | undefined;
}

const texts: Record<Code, (f: Fault) => string> = {
  required: () => t('fault.required'),
  short: (f) => t('fault.short', { min: f.min ?? 0 }),
  long: (f) => t('fault.long', { max: f.max ?? 0 }),
  pattern: () => t('fault.pattern'),
  tick: () => t('fault.tick'),
};

export const faultText = (f: Fault): string => texts[f.code](f);

// A refusal belongs to the deepest field that is shown: `shown` are the pointers on the page.
export function messagesAt(pointer: string, faults: Fault[], problem: Problem | undefined, shown: string[]): Message[] {
  const out: Message[] = faults.filter((f) => f.pointer === pointer).map((f) => ({ text: faultText(f) }));
  const at = formPointer(problem?.field);
  if (problem && at !== undefined && at !== '') {
    const owner = shown.filter((p) => p !== '' && pointsAt(at, p)).sort((a, b) => b.length - a.length)[0];
    if (owner === pointer) out.push({ text: problem.detail || problem.title, rule: problem.rule, mend: problem.mend });
  }
  return out;
}
