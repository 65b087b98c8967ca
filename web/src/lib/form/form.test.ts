// SPDX-License-Identifier: Apache-2.0
// Forms are tested on the real schemas of regimes/forms, so that a change of the law's form is felt here.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kSections } from './annex1';
import { bodyOf, emptyOf, faultsOf, fill, find, flatten, formOf, leaves, lengthOf, type Schema, type Values } from './model';

const schema = (name: string): Schema =>
  JSON.parse(readFileSync(new URL(`../../../../regimes/forms/${name}.json`, import.meta.url), 'utf8')) as Schema;
const annex = formOf(schema('tco-annex-i'));

describe('form of a schema', () => {
  it('chooses a control for each field', () => {
    const kind = (p: string) => find(annex, p)?.kind;
    expect(kind('/reasons')).toBe('long');
    expect(kind('/a/ref')).toBe('text');
    expect(kind('/a/issued_at')).toBe('date');
    expect(kind('/b/types')).toBe('choices');
    expect(kind('/c/no_disclosure')).toBe('flag');
    expect(kind('/e/type')).toBe('choice');
    expect(kind('/exemption_assessment/research')).toBe('group');
    expect(find(formOf(schema('judgment')), '/judgment_sha256')?.kind).toBe('hash');
    expect(find(formOf(schema('tco-annex-iii')), '/document')?.kind).toBe('constant');
    expect(find(formOf(schema('attestation')), '/evidence')?.kind).toBe('open');
  });
  it('finds every fault of an empty order at once', () => {
    const at = faultsOf(annex, emptyOf(annex)).map((f) => f.pointer);
    expect(at).toContain('/reasons');
    expect(at).toContain('/b/types');
    expect(at).toContain('/exemption_assessment/artistic/reason');
    expect(at).toContain('/prior_information');
    expect(at).not.toContain('/b/additional');
    expect(at).not.toContain('/c/no_disclosure');
  });
  it('says what is wrong with a text', () => {
    const code = (text: string) => faultsOf(find(annex, '/e/email')!, text)[0]?.code;
    expect(code('')).toBe('required');
    expect(code('a@b')).toBe('short');
    expect(code('nobody')).toBe('pattern');
    expect(code(`${'x'.repeat(200)}@y`)).toBe('long');
    expect(code('a@b.example')).toBeUndefined();
  });
  it('counts characters as the server does', () => expect(lengthOf(' 👍é ')).toBe(2));
  it('demands the tick that the law demands', () => {
    const notice = formOf(schema('dsa-notice'));
    expect(faultsOf(find(notice, '/bona_fide')!, false)[0]?.code).toBe('tick');
    expect(faultsOf(find(notice, '/anonymous')!, false)).toEqual([]);
  });
});

describe('body', () => {
  const iii = formOf(schema('tco-annex-iii'));
  it('leaves out what is optional and empty, trims, and fills in constants', () => {
    const value = { ...(emptyOf(iii) as Values), ground: 'manifest_errors', explanation: '  The address has no such page. ', errors: ' ' };
    expect(bodyOf(iii, value)).toEqual({
      document: 'D03',
      ground: 'manifest_errors',
      explanation: 'The address has no such page.',
      authorised_person: '',
    });
  });
  it('is in the order of the form, not of the clicks', () => {
    expect(bodyOf(find(annex, '/b/types')!, ['e_threat', 'a_incite'])).toEqual(['a_incite', 'e_threat']);
  });
  it('keeps a required group that is empty, so that the refusal names it', () => {
    expect(bodyOf(find(annex, '/prior_information')!, { sent_at: '', emergency_reason: '' })).toEqual({});
  });
  it('takes from a saved draft only what the form knows', () => {
    const form = fill(annex, { reasons: 'x', evil: 1, a: { ref: 7, addressee: 'Agora' }, b: { types: ['a_incite', 'zzz'] } }) as Values;
    expect(form.reasons).toBe('x');
    expect(form).not.toHaveProperty('evil');
    expect((form.a as Values).ref).toBe('');
    expect((form.a as Values).addressee).toBe('Agora');
    expect((form.b as Values).types).toEqual(['a_incite']);
    expect(fill(annex, null)).toEqual(emptyOf(annex));
  });
  it('is listed leaf by leaf for the last look', () => {
    expect(flatten({ a: { b: true, c: ['x', 'y'] }, d: [{ e: 1 }] })).toEqual([
      ['/a/b', 'true'],
      ['/a/c', 'x, y'],
      ['/d/0/e', '1'],
    ]);
  });
});

describe('the layout of Annex I', () => {
  it('shows every field of the schema exactly once', () => {
    const laid = kSections.flatMap((s) => s.fields.flatMap((p) => leaves(find(annex, p)!).map((l) => l.pointer)));
    expect(laid.toSorted()).toEqual(leaves(annex).map((l) => l.pointer).toSorted());
  });
});
