// SPDX-License-Identifier: Apache-2.0
//
// A draft order between two visits, in this browser only and under the key of who writes it. It names the content,
// so it is removed as soon as the order is signed, and with "discard".
import type { Values } from './form/model';

export interface Target {
  value: string;
  evidence: string;
}

export interface Draft {
  regime: string;
  form: Values;
  targets: Target[];
  participants: Record<string, string>;
}

const nameOf = (keyid: string): string => `entente-draft-${keyid}`;

export function loadDraft(keyid: string): Draft | undefined {
  try {
    const saved = JSON.parse(localStorage.getItem(nameOf(keyid)) ?? 'null') as Partial<Draft> | null;
    if (!saved || typeof saved.regime !== 'string' || !Array.isArray(saved.targets)) return undefined;
    return { regime: saved.regime, form: saved.form ?? {}, targets: saved.targets, participants: saved.participants ?? {} };
  } catch {
    return undefined;
  }
}

// False when the browser has no room or forbids it: the page then says that nothing is kept.
export function saveDraft(keyid: string, draft: Draft): boolean {
  try {
    localStorage.setItem(nameOf(keyid), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export const dropDraft = (keyid: string): void => localStorage.removeItem(nameOf(keyid));
