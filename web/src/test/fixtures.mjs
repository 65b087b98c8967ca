// SPDX-License-Identifier: Apache-2.0
// Canned answers of a node, to look at pages with. Never part of a build: only e2e/shots.mjs and tests import this.
import { readFileSync } from 'node:fs';

const regimesPath = new URL('./regimes.json', import.meta.url);
const forms = new URL('../../../regimes/forms/', import.meta.url);
export const regimes = JSON.parse(readFileSync(regimesPath, 'utf8'));
for (const r of Object.values(regimes)) {
  r.forms = Object.fromEntries(r.forms.map((f) => [f, JSON.parse(readFileSync(new URL(`${f}.json`, forms), 'utf8'))]));
}

export const at = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString().replace(/\.\d+Z$/, 'Z');
const hex = (c) => c.repeat(64);
const move = (regime, name) => regimes[regime].moves.find((m) => m.name === name);
const clockTitle = (regime, id) => regimes[regime].clocks.find((c) => c.id === id);
export const kAct = '01KAMZ3V9T6Q8W2R5X7Y1C4DEF';
export const kNotice = '01KAMZ5BBB6Q8W2R5X7Y1C4DEF';
export const kDraft = '01KAMZ7DDD6Q8W2R5X7Y1C4DEF';
export const kToken = 'c_8fA2hJ4kL6mN8pQ0rS2tU4vW6xY8z';

export const node = {
  party: 'agora.example',
  name: 'Agora',
  kind: 'platform',
  version: '0.1.0',
  now: at(0),
  fingerprint: '4F7A 19C2 88D0 E3B5 6A1F 02C7 9B44 D8E1',
  log: 'agora.example/ledger+3f1d0a77+AZbC3dEfGhIjKlMnOpQrStUvWxYz0123456789abcdEF',
};
export const parties = [
  { party: 'agora.example', name: 'Agora', kind: 'platform', url: 'https://agora.example', fingerprint: node.fingerprint, confirmed_at: at(-9000) },
  { party: 'videolane.example', name: 'Videolane GmbH', kind: 'platform', fingerprint: '91C2 77A0 5B3E 4D18 AA02 6F9C 13E7 B5D4', confirmed_at: at(-9000) },
  { party: 'ocltcti.example', name: 'Office central de lutte', kind: 'authority', fingerprint: 'C0FF 33A1 7B2D 9E54 0816 DAF3 42B9 66E0', confirmed_at: at(-9000) },
  { party: 'bka.example', name: 'Bundeskriminalamt', kind: 'authority', fingerprint: '5E1D 20B7 C3F9 8A46 D072 19EB 64A5 FC38', confirmed_at: at(-9000) },
  { party: 'arcom.example', name: 'Personnalité qualifiée (Arcom)', kind: 'overseer', fingerprint: '7D3A 51F8 0CB6 E294 B81D A35F 906C 4E27', confirmed_at: at(-9000) },
];
export const people = {
  moderator: { person: 'p-ines', name: 'Inès Aubert', party: 'agora.example', roles: ['moderator', 'reviewer'] },
  drafter: { person: 'p-marc', name: 'Marc Lenoir', party: 'ocltcti.example', roles: ['drafter'] },
};

const title = (r) => regimes[r].title;
export const queue = {
  now: at(0),
  next: null,
  items: [
    { kind: 'act', id: kNotice, mode: 'notice', title: title('eu-dsa-notice'), from: null, summary: 'Scams and fraud: “fake parcel fee page collecting card numbers”', target: 0, state: 'pending', due: null, received_at: at(-200) },
    { kind: 'act', id: kAct, mode: 'order', title: title('eu-tco-removal'), from: 'Office central de lutte', summary: '2 items, incites to commit an offence, instructs on explosives', target: 0, state: 'pending', clock: clockTitle('eu-tco-removal', 'execute').title, due: at(11.4), due_1182: at(60), received_at: at(-49) },
    { kind: 'act', id: '01KAMZ1AAA6Q8W2R5X7Y1C4DEF', mode: 'order', title: title('eu-tco-removal-cross-border'), from: 'Bundeskriminalamt', summary: '1 item, solicits participation in a terrorist group', target: 0, state: 'overdue', clock: clockTitle('eu-tco-removal', 'execute').title, due: at(-4.2), due_1182: at(50), received_at: at(-64) },
    { kind: 'act', id: '01KAMZ2CCC6Q8W2R5X7Y1C4DEF', mode: 'order', title: title('eu-tco-removal'), from: 'Office central de lutte', summary: '1 item, threatens to commit an offence', target: 0, state: 'pending', clock: clockTitle('eu-tco-removal', 'execute').title, due: at(48), due_1182: at(90), received_at: at(-12) },
    { kind: 'match', id: 'm-1', mode: 'match', title: { en: 'Upload close to a removed image', fr: 'Contenu proche d’une image retirée' }, summary: 'Distance 12 in bank tco-images', due: null, received_at: at(-31) },
    { kind: 'act', id: '01KAMZ6EEE6Q8W2R5X7Y1C4DEF', mode: 'notice', title: title('eu-dsa-notice'), summary: 'Illegal speech, hatred, defamation', target: 0, state: 'pending', due: null, received_at: at(-95) },
  ],
};
export const matchAnswer = { id: 'm-1', proposal: 'review', quality: 92, pdq: hex('a'), sha256: hex('b'), review_state: 'open', created_at: at(-31), matches: [{ bank: 'tco-images', entry: 4, distance: 12, label: 'a_incite', context: true, act: kAct }] };

const assess = (reason) => ({ answer: 'no', reason });
export const form = {
  legal_basis: 'Regulation (EU) 2021/784, Article 3',
  territory: 'all_member_states',
  language: 'en',
  reasons:
    'The video shows, from 00:42 to 03:10, step-by-step instructions for assembling an explosive belt, spoken over footage of a past attack whose authors are praised by name. It ends with a call to “do the same before the end of the month”. It therefore instructs on explosives and incites to commit offences of Directive (EU) 2017/541, Art. 3(1)(a) and (f).',
  a: { ms_issuing: 'FR', addressee: 'Agora', contact_point: 'orders@agora.example', ms_home: 'FR', issued_at: at(-55), ref: 'OC-2026-1187' },
  b: { types: ['a_incite', 'd_instruct'], additional: 'Account @north-star-07, second post of the day' },
  c: { no_disclosure: false },
  d: { cross_border: false, copy_sent: false },
  e: { type: 'law_enforcement', authority: 'Office central de lutte', representative: 'C. Moreau', post: 'Commissaire', file_no: '2026/1187', address: '101 rue des Trois-Fontanot, 92000 Nanterre', telephone: '+33 1 00 00 00 00', email: 'orders@ocltcti.example' },
  f: { feedback: 'orders@ocltcti.example, round the clock', home_authority: 'The same authority' },
  g: { body: 'Tribunal administratif de Cergy-Pontoise', deadline: '48 hours from receipt, or from being informed', law_url: 'https://www.legifrance.gouv.fr/' },
  exemption_assessment: {
    educational: assess('No commentary or teaching frame surrounds the footage.'),
    journalistic: assess('The account is no media outlet; nothing is reported.'),
    artistic: assess('No artistic treatment: raw footage and voice.'),
    research: assess('No source, method or archive purpose.'),
    counter_terrorism: assess('The attack is praised, not countered.'),
    public_debate: assess('It expresses no view to debate, it gives orders.'),
  },
  deconfliction: { asked_at: at(-120), outcome: 'no_conflict', with: 'Europol (PERCI)' },
  prior_information: { sent_at: at(-1000) },
};

const step = (regime, name, minutes, role, party, n, extra = {}) => ({
  step: hex(n),
  move: name,
  title: move(regime, name).title,
  role,
  role_title: regimes[regime].roles[role].title,
  party,
  at: at(minutes),
  document: move(regime, name).document,
  law: move(regime, name).law,
  status: 'applied',
  body: {},
  leaf: { origin: `${party}/ledger`, index: 4100 + Number.parseInt(n, 16) },
  ...extra,
});
const tco = 'eu-tco-removal';
const clock = (id, due, owner, extra = {}) => ({ id, title: clockTitle(tco, id).title, kind: clockTitle(tco, id).kind, owner, started: at(-49), due: at(due), due_1182: at(due + 49), law: clockTitle(tco, id).law, ...extra });
const named = (party) => ({ party, name: parties.find((p) => p.party === party)?.name ?? party });
const possible = (regime, name, role, extra = {}) => ({ move: name, title: move(regime, name).title, role, schema: move(regime, name).schema, ...extra });

export const act = {
  act: kAct,
  dossier: kAct,
  regime: { name: tco, type: 'RO', mode: 'order', title: title(tco), sources: regimes[tco].sources },
  position: 'addressee',
  participants: { issuer: named('ocltcti.example'), addressee: named('agora.example'), overseer: named('arcom.example') },
  form,
  draft: hex('1'),
  targets: [
    { kind: 'url', value: 'https://agora.example/@north-star-07/9913', state: 'pending', since: at(-49), has_content: true },
    { kind: 'url', value: 'https://agora.example/@north-star-07/9914', state: 'pending', since: at(-49), has_content: true },
  ],
  regions: { issue: 'signed', delivery: 'received', execution: 'pending', review: 'open', disclosure: 'open', retention: 'none', publication: 'committed', finality: 'provisional' },
  reviews: [{ id: hex('6'), route: 'recommendation', role: 'overseer', opened: at(-20), state: 'open' }],
  steps: [
    step(tco, 'compose', -55, 'drafter', 'ocltcti.example', '1', { person: 'p-marc', body: { form } }),
    step(tco, 'sign', -52, 'signer', 'ocltcti.example', '2', { person: 'p-claire', body: { draft: hex('1') } }),
    step(tco, 'send', -50, 'issuer_system', 'ocltcti.example', '3'),
    step(tco, 'receive', -49, 'platform_system', 'agora.example', '4'),
    step(tco, 'clarify', -40, 'moderator', 'agora.example', '5', { status: 'refused', leaf: undefined, why: { type: 'about:blank', title: 'Refused', status: 422, rule: 'form', detail: 'the explanation is missing', field: '/body/explanation' } }),
    step(tco, 'recommend', -20, 'overseer', 'arcom.example', '6', { body: { grounds: 'Item 2 may be a news report: the second half is a television excerpt.' } }),
  ],
  clocks: [
    clock('execute', 11.4, 'moderator', { target: 0 }),
    clock('execute', 11.4, 'moderator', { target: 1 }),
    clock('recommendation', 1400, 'signer'),
    clock('court_window', 2800, 'moderator'),
    clock('publication', 40000, 'issuer_system'),
  ],
  possible: [
    possible(tco, 'accept', 'moderator', { target: 0 }),
    possible(tco, 'accept', 'moderator', { target: 1 }),
    possible(tco, 'impossible', 'moderator', { target: 0 }),
    possible(tco, 'clarify', 'moderator', { target: 0 }),
    possible(tco, 'contest', 'moderator'),
    possible(tco, 'withdraw', 'signer', { restores: true }),
  ],
  record_url: `/record/${kAct}`,
  now: at(0),
};

const dsa = 'eu-dsa-notice';
export const noticeAct = {
  ...act,
  act: kNotice,
  regime: { name: dsa, type: 'NT', mode: 'notice', title: title(dsa), sources: regimes[dsa].sources },
  participants: { addressee: named('agora.example') },
  form: { legal_basis: 'Regulation (EU) 2022/2065, Article 16', territory: 'all_member_states', reasons: 'Fake parcel fee page collecting card numbers; it imitates the post office and asks for 1.99 euro.', category: 'STATEMENT_CATEGORY_SCAMS_AND_FRAUD', anonymous: true, bona_fide: true },
  targets: [{ kind: 'url', value: 'https://agora.example/p/parcel-fee', state: 'pending', since: at(-200), has_content: true }],
  regions: { ...act.regions, review: 'none' },
  reviews: [],
  steps: [step(dsa, 'notify', -200, 'notifier', 'agora.example', '7'), step(dsa, 'acknowledge', -200, 'platform_system', 'agora.example', '8')],
  clocks: [],
  possible: [possible(dsa, 'accept', 'moderator', { target: 0 }), possible(dsa, 'refuse', 'moderator', { target: 0 })],
  record_url: `/record/${kNotice}`,
};
export const acts = {
  items: [
    { act: kDraft, dossier: kDraft, regime: tco, mode: 'order', title: title(tco), regions: { issue: 'checked', execution: 'pending', review: 'none' }, due: null, updated_at: at(-2) },
    { act: kAct, dossier: kAct, regime: tco, mode: 'order', title: title(tco), regions: act.regions, due: at(11.4), updated_at: at(-20) },
    { act: kNotice, dossier: kNotice, regime: dsa, mode: 'notice', title: title(dsa), regions: { issue: 'signed', execution: 'refused', review: 'open' }, due: null, updated_at: at(-400) },
    { act: '01KAMZ0FFF6Q8W2R5X7Y1C4DEF', dossier: kAct, regime: tco, mode: 'order', title: title(tco), regions: { issue: 'withdrawn', execution: 'reversed', review: 'annulled' }, due: null, updated_at: at(-4000) },
  ],
  next: 'abc',
};

const recorded = (...args) => {
  const { move: name, title: heading, role_title, party, at: when, document, leaf, step: id } = step(...args);
  return { step: id, move: name, title: heading, role_title, party, at: when, document, leaf, proof: `/ledger/proof/${leaf.index}` };
};
export const record = {
  act: kAct,
  regime: tco,
  mode: 'order',
  title: title(tco),
  sources: regimes[tco].sources,
  sealed: false,
  unseal_at: null,
  parties: act.participants,
  state: { ...act.regions, execution: 'reversed', review: 'annulled' },
  targets: [{ kind: 'url', commitment: hex('c'), state: 'reversed' }],
  legal_basis: form.legal_basis,
  types: form.b.types,
  redress: form.g,
  clocks: [],
  steps: [
    recorded(tco, 'sign', -5000, 'signer', 'ocltcti.example', '2'),
    recorded(tco, 'receive', -4990, 'platform_system', 'agora.example', '4'),
    recorded(tco, 'execute', -4970, 'platform_system', 'agora.example', '9'),
    recorded(tco, 'inform_user', -4969, 'platform_system', 'agora.example', 'a'),
    recorded(tco, 'contest', -3000, 'user', 'agora.example', 'b'),
    recorded(tco, 'annul', -200, 'court_clerk', 'arcom.example', 'c'),
    recorded(tco, 'reversed', -195, 'platform_system', 'agora.example', 'd'),
  ],
  log: { origin: 'agora.example/ledger', vkey: node.log, checkpoint_url: '/ledger/checkpoint' },
};
export const caseView = {
  act: kAct,
  role: 'user',
  mode: 'order',
  title: title(tco),
  state: 'executed',
  authority: 'Office central de lutte',
  legal_basis: form.legal_basis,
  reasons: form.reasons,
  redress: form.g,
  item: 'https://agora.example/@north-star-07/9913',
  events: [
    { move: 'receive', title: move(tco, 'receive').title, at: at(-300) },
    { move: 'execute', title: move(tco, 'execute').title, at: at(-280) },
    { move: 'inform_user', title: move(tco, 'inform_user').title, at: at(-279) },
  ],
  remedies: [
    { move: 'contest', title: move(tco, 'contest').title, until: at(2600) },
    { move: 'request_scrutiny', title: move('eu-tco-removal-cross-border', 'request_scrutiny').title, until: at(2600) },
  ],
  record_url: `/record/${kAct}`,
};
export const receipt = { act: kNotice, case_token: kToken, case_url: `/case/${kToken}` };
export const refusal = {
  type: 'about:blank',
  title: 'Refused',
  status: 422,
  rule: 'SG04',
  detail: 'material with a journalistic purpose is not terrorist content',
  field: '/body/form/exemption_assessment/journalistic',
  mend: 'do not order its removal',
};
