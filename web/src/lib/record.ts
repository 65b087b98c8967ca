// SPDX-License-Identifier: Apache-2.0
//
// A public record told as a story. Pure: it names sentences of the catalogue and fills them with what the record
// says; it draws no conclusion that a step does not carry.
import type { RecordView } from './api/client';
import type { Key } from './i18n/index.svelte';

export type Verdict = 'gone' | 'restored' | 'pending' | 'up' | 'sealed';

const kVerdicts: Record<string, Verdict> = {
  executed: 'gone',
  partial: 'gone',
  accepted: 'gone',
  reversing: 'restored',
  reversed: 'restored',
  lapsed: 'up',
  refused: 'up',
  impossible: 'up',
};

export function verdictOf(record: RecordView): Verdict {
  if (record.sealed) return 'sealed';
  return kVerdicts[String((record.state as Record<string, unknown>).execution)] ?? 'pending';
}

export interface Sentence {
  key: Key;
  at?: string;
  vars: Record<string, string>;
}

// A party of the record may be a domain or {party, name}.
export function partyName(party: unknown): string {
  if (typeof party === 'string') return party;
  const o = (party ?? {}) as Record<string, unknown>;
  return String(o.name ?? o.party ?? '');
}

const kTold: Record<string, Key> = {
  receive: 'story.received',
  execute: 'story.executed',
  impossible: 'story.impossible',
  clarify: 'story.clarify',
  refuse: 'story.refused',
  inform_user: 'story.informed',
  contest: 'story.contested',
  complain: 'story.complained',
  request_scrutiny: 'story.scrutiny',
  scrutinise: 'story.scrutiny',
  recommend: 'story.recommended',
  annul: 'story.annulled',
  infringe: 'story.infringed',
  uphold: 'story.upheld',
  no_infringement: 'story.upheld',
  withdraw: 'story.withdrawn',
  reversed: 'story.reversed',
};

export function storyOf(record: RecordView): Sentence[] {
  const parties = record.parties as Record<string, unknown>;
  const names = { issuer: partyName(parties.issuer), addressee: partyName(parties.addressee) };
  const out: Sentence[] = [];
  if (record.mode === 'notice') {
    const first = record.steps.find((s) => s.move === 'notify');
    out.push({ key: 'story.notified', at: first?.at ?? record.steps[0]?.at, vars: names });
  } else {
    const signed = record.steps.find((s) => s.move === 'sign');
    if (signed) out.push({ key: 'story.ordered', at: signed.at, vars: names });
    if (record.legal_basis) out.push({ key: 'story.law', vars: names });
    if (record.types && record.types.length > 0) out.push({ key: 'story.types', vars: names });
  }
  for (const s of record.steps) {
    const key = kTold[s.move];
    if (key) out.push({ key, at: s.at, vars: { ...names, party: s.party } });
  }
  return out;
}
