// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Prepared, QueueItem, RecordView } from './api/client';
import { formPointer, pointsAt, problemOf } from './api/problem';
import en from './i18n/en.json';
import fr from './i18n/fr.json';
import { assignKeys } from './keys';
import { match } from './path';
import { groupQueue } from './queue';
import { storyOf, verdictOf } from './record';
import { inspect, PayloadMismatch, type Asked } from './step';

describe('catalogues', () => {
  const holes = (s: string) => (s.match(/\{\w+\}/g) ?? []).toSorted();
  it('have the same keys in the same order', () => expect(Object.keys(fr)).toEqual(Object.keys(en)));
  it.each(Object.keys(en) as (keyof typeof en)[])('%s has words and the same variables in both', (key) => {
    expect(en[key]).not.toBe('');
    expect(fr[key]).not.toBe('');
    expect(holes(fr[key])).toEqual(holes(en[key]));
  });
});

describe('what is about to be signed', () => {
  const body = { ground: 'manifest_errors' };
  const asked: Asked = { act: 'A', regime: 'eu-tco-removal', move: 'impossible', role: 'moderator', keyid: 'k1', target: 0, body };
  const honest = { v: 1, act: 'A', dossier: 'D', regime: 'eu-tco-removal@1', move: 'impossible', at: 'x', after: [], by: [{ party: 'p', role: 'moderator', keyid: 'k1' }], target: 0, body };
  const prepared = (payload: object): Prepared => {
    const bytes = Buffer.from(JSON.stringify(payload));
    return { act: 'A', dossier: 'D', step: createHash('sha256').update(bytes).digest('hex'), move: 'impossible', payload_type: 'application/vnd.entente.step+json', payload: bytes.toString('base64') };
  };
  it('is accepted when it is what was asked', async () => {
    expect((await inspect(prepared(honest), asked)).body).toEqual(body);
  });
  it.each([
    ['act', { act: 'B' }],
    ['regime', { regime: 'eu-dsa-notice@1' }],
    ['move', { move: 'accept' }],
    ['target', { target: 1 }],
    ['target', { target: undefined }],
    ['review', { review: 'r' }],
    ['by', { by: [{ party: 'p', role: 'signer', keyid: 'k1' }] }],
    ['by', { by: [{ party: 'p', role: 'moderator', keyid: 'k2' }] }],
    ['by', { by: [honest.by[0], honest.by[0]] }],
    ['body', { body: { ground: 'force_majeure' } }],
    ['body', { body: { ...body, errors: 'slipped in' } }],
    ['body', { body: {} }],
  ])('is refused when its %s differs', async (part, change) => {
    await expect(inspect(prepared({ ...honest, ...change }), asked)).rejects.toMatchObject({ part });
  });
  it('is refused under another type, or with another hash', async () => {
    await expect(inspect({ ...prepared(honest), payload_type: 'text/plain' }, asked)).rejects.toBeInstanceOf(PayloadMismatch);
    await expect(inspect({ ...prepared(honest), step: '0'.repeat(64) }, asked)).rejects.toMatchObject({ part: 'step' });
  });
  it('may complete an order’s targets, never its words or its parties', async () => {
    const order: Asked = { regime: 'r', move: 'compose', role: 'drafter', keyid: 'k1', body: { form: { reasons: 'x' }, targets: [{ kind: 'url', value: 'https://a/1' }], participants: { issuer: 'i' } } };
    const made = (b: object) => prepared({ ...honest, regime: 'r@2', move: 'compose', target: undefined, by: [{ party: 'p', role: 'drafter', keyid: 'k1' }], body: b });
    const whole = { ...order.body, targets: [{ kind: 'url', value: 'https://a/1', canonical: 'https://a/1' }] };
    await expect(inspect(made(whole), order)).resolves.toBeTruthy();
    await expect(inspect(made({ ...whole, form: { reasons: 'x', more: 1 } }), order)).rejects.toMatchObject({ part: 'body' });
    await expect(inspect(made({ ...whole, targets: [...whole.targets, { kind: 'url', value: 'https://a/2' }] }), order)).rejects.toMatchObject({ part: 'body' });
    await expect(inspect(made({ ...whole, participants: { issuer: 'j' } }), order)).rejects.toMatchObject({ part: 'body' });
  });
});

describe('queue', () => {
  const item = (id: string, mode: QueueItem['mode'], due: string | null, received_at: string): QueueItem => ({ kind: 'act', id, mode, title: { en: '', fr: '' }, summary: '', due, received_at });
  const groups = groupQueue([
    item('n1', 'notice', '2026-01-01T00:00:00Z', '1'),
    item('o2', 'order', '2026-01-02T00:00:00Z', '1'),
    item('o3', 'order', null, '1'),
    item('o1', 'order', '2026-01-01T00:00:00Z', '2'),
    item('m1', 'match', null, '1'),
  ]);
  it('puts orders by time left, and never mixes them with matches and notices', () => {
    expect(groups.map((g) => [g.mode, ...g.items.map((i) => i.id)])).toEqual([
      ['order', 'o1', 'o2', 'o3'],
      ['match', 'm1'],
      ['notice', 'n1'],
    ]);
  });
  it('shows no deadline on a notice, even if a node sends one (SG32)', () => {
    expect(groups.at(-1)?.items[0]?.due).toBeNull();
  });
});

describe('public record', () => {
  const record = (over: object): RecordView =>
    ({ act: 'A', regime: 'r', mode: 'order', title: { en: '', fr: '' }, sources: [], sealed: false, parties: { issuer: { name: 'Police' }, addressee: 'agora.example' }, state: { execution: 'executed' }, steps: [], log: { origin: '', vkey: '', checkpoint_url: '' }, ...over }) as unknown as RecordView;
  it('draws its verdict from the state, and none from a sealed act', () => {
    expect(verdictOf(record({}))).toBe('gone');
    expect(verdictOf(record({ state: { execution: 'reversed' } }))).toBe('restored');
    expect(verdictOf(record({ state: { execution: 'refused' } }))).toBe('up');
    expect(verdictOf(record({ state: {} }))).toBe('pending');
    expect(verdictOf(record({ sealed: true }))).toBe('sealed');
  });
  it('tells only what steps say', () => {
    const steps = [{ move: 'sign', at: '1' }, { move: 'receive', at: '2' }, { move: 'publish', at: '3' }];
    const story = storyOf(record({ steps, legal_basis: 'Art. 3' }));
    expect(story.map((s) => s.key)).toEqual(['story.ordered', 'story.law', 'story.received']);
    expect(story[0]?.vars).toMatchObject({ issuer: 'Police', addressee: 'agora.example' });
    expect(storyOf(record({}))).toEqual([]);
  });
});

describe('problems', () => {
  it('come out of anything a proxy may answer', () => {
    expect(problemOf('<html>', 502)).toMatchObject({ title: 'HTTP 502', status: 502 });
    expect(problemOf({ title: 'Refused', rule: 'SG04', field: '/body/form/a' }, 422)).toMatchObject({ rule: 'SG04' });
  });
  it('point at fields of the form', () => {
    expect(formPointer('/body/form/a/ref')).toBe('/a/ref');
    expect(formPointer('/body/targets/0')).toBe('/targets/0');
    expect(formPointer('/formal')).toBe('/formal');
    expect(pointsAt('/body/form/a/ref', '/a')).toBe(true);
    expect(pointsAt('/body/form/ab', '/a')).toBe(false);
  });
});

describe('keys', () => {
  it('are letters of the move, unique, and never those of the page', () => {
    expect(assignKeys(['accept', 'impossible', 'clarify', 'contest', 'judge'])).toEqual(['a', 'i', 'c', 'o', 'u']);
  });
  it('never let a letter mean another item', () => expect(assignKeys(['accept', 'accept', 'accept'])).toEqual(['a', '1', '2']));
});

describe('paths', () => {
  it('match whole paths only', () => {
    expect(match('/acts/:id', '/acts/A1')).toEqual({ id: 'A1' });
    expect(match('/acts/:id', '/acts/')).toBeNull();
    expect(match('/acts/:id', '/acts/A1/x')).toBeNull();
    expect(match('/case/:token', '/case/%E0%A4%A')).toBeNull();
  });
});
