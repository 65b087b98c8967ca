// SPDX-License-Identifier: Apache-2.0
//
// Prepare, look, sign, post. The node builds the bytes; an official answers for them. So before anything is signed
// the payload is decoded here and held against what was asked for: a node that slips in another act, another move,
// another hand or other words gets no signature (SG38).
import { fromBase64, sha256, toHex } from './crypto/bytes';
import { kStepType } from './crypto/dsse';
import type { Prepared } from './api/client';

export interface Payload {
  act: string;
  dossier: string;
  regime: string;
  move: string;
  at: string;
  by: { party: string; role: string; keyid: string; person?: string }[];
  target?: number;
  review?: string;
  body: Record<string, unknown>;
}

export interface Asked {
  act?: string;
  regime: string; // name, with or without its version
  move: string;
  role: string;
  keyid: string;
  target?: number;
  review?: string;
  body: Record<string, unknown>;
}

export class PayloadMismatch extends Error {
  constructor(readonly part: string) {
    super(`the bytes to sign are not what was asked for: ${part}`);
  }
}

// Equal as JSON values. Every member that was asked for must be there; `loose` allows the node to add members.
function same(asked: unknown, got: unknown, loose: boolean): boolean {
  if (Array.isArray(asked)) {
    return Array.isArray(got) && asked.length === got.length && asked.every((v, i) => same(v, got[i], loose));
  }
  if (typeof asked === 'object' && asked !== null) {
    if (typeof got !== 'object' || got === null || Array.isArray(got)) return false;
    const a = asked as Record<string, unknown>;
    const g = got as Record<string, unknown>;
    if (!loose && Object.keys(a).length !== Object.keys(g).length) return false;
    return Object.entries(a).every(([k, v]) => k in g && same(v, g[k], loose));
  }
  return asked === got;
}

// The payload of `prepared`, if it says what was asked. Throws PayloadMismatch.
export async function inspect(prepared: Prepared, asked: Asked): Promise<Payload> {
  const refuse = (part: string): never => {
    throw new PayloadMismatch(part);
  };
  if (prepared.payload_type !== kStepType) refuse('type');
  const bytes = fromBase64(prepared.payload);
  if (toHex(await sha256(bytes)) !== prepared.step) refuse('step');
  const p = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Payload;
  if (p.act !== prepared.act || (asked.act !== undefined && p.act !== asked.act)) refuse('act');
  if (p.regime !== asked.regime && p.regime.split('@')[0] !== asked.regime) refuse('regime');
  if (p.move !== asked.move) refuse('move');
  if (p.target !== asked.target) refuse('target');
  if ((p.review || undefined) !== asked.review) refuse('review');
  const hand = p.by.length === 1 ? p.by[0] : undefined;
  if (hand?.role !== asked.role || hand.keyid !== asked.keyid) refuse('by');
  // A target's canonical form and the act's participants may be completed; words never.
  const { form, ...rest } = asked.body;
  if (!same(rest, p.body, true)) refuse('body');
  if (form !== undefined && !same(form, p.body.form, false)) refuse('body');
  if (asked.body.targets === undefined && !same(asked.body, p.body, false)) refuse('body');
  return p;
}
