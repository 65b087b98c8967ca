// SPDX-License-Identifier: Apache-2.0
//
// What must not work, tried from outside: forged, foreign, stale, oversized and malformed steps at a node's door for
// people, and lying peers at its inbox. Each attempt gets its refusal, leaves acts and ledger as they were, and is
// written down where the node's people can read it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { Peer, at, canonical, receiptBytes, results, signedRequest, ulid } from './lib/peer.mjs';
import { Key, Person, call, envelope, hex, stepType } from './lib/signer.mjs';
import { endStage, makeStage, metric, of, pictures, publish, quiet, wait, wholeOrder } from './lib/world.mjs';

let stage, ok, alix, bernard, camille, elias, authority, platform, overseer;
let prefecture, impostor, stranger, provider;
let photo, url;
let failures = 0;
const minute = 60_000;

before(async () => {
  stage = await makeStage('hostile');
  ({ alix, bernard, camille, elias } = stage.people);
  ({ authority, platform, overseer } = stage.nodes);
  const people = { drafter: ['drafter'], signer: ['signer'] };
  prefecture = new Peer('prefecture.example', 'authority', people); // known, and not honest
  impostor = new Peer('impostor.example', 'platform', people); // known as a platform
  stranger = new Peer('stranger.example', 'authority', people); // nobody confirmed its fingerprint
  provider = new Peer('provider.example', 'platform', {}); // an addressee that lies about time
  await prefecture.trustedBy(stage, 'platform');
  await impostor.trustedBy(stage, 'platform');
  await provider.trustedBy(stage, 'authority');
  // A colleague whose key will be revoked.
  const file = path.join(stage.dir, 'people', 'former.key');
  await stage.entente('key', 'new', file);
  await stage.entente('person', 'add', authority.folder, '--name', 'Former Official', '--key', file, '--role', 'drafter');
  stage.keys.former = { file, node: authority.url, name: 'Former Official' };
  await stage.start();
  photo = await publish(stage, 'hostile.jpg', pictures[0]);
  url = photo.url;
});
after(() => endStage(stage, ok && failures === 0));

const check = (name, fn) => test(name, async (t) => {
  try {
    await fn(t);
  } catch (e) {
    ++failures;
    throw e;
  }
});

const refusals = async (person) => (await person.get('/v1/refusals?limit=200')).items;
async function standing(node) {
  return { leaves: await metric(node, 'entente_ledger_leaves'), acts: await metric(node, 'entente_acts') };
}
const reader = (node) => (node === platform ? camille : node === overseer ? elias : bernard);

// The attempt's answer, its rule, nothing moved, and a line in the refusals.
async function refused(node, attempt, status, rule, { logged = true } = {}) {
  const [state, known] = [await standing(node), (await refusals(reader(node))).length];
  const answer = await attempt();
  assert.equal(answer.status, status, answer.text);
  if (rule !== undefined) assert.equal(answer.json.rule ?? '', rule, answer.text);
  assert.deepEqual(await standing(node), state, 'nothing has changed');
  const now = await refusals(reader(node));
  assert.equal(now.length, known + (logged ? 1 : 0), 'the refusals show it');
  if (logged && rule !== undefined) assert.equal(now[0].rule, rule);
  return answer;
}
// One step of a package: kept or not, but never part of the act.
async function stepRefused(node, peer, steps, status, rule) {
  const [state, known] = [await standing(node), (await refusals(reader(node))).length];
  const answer = await peer.send(node, steps);
  assert.equal(answer.status, 200, answer.text);
  const last = results(answer).at(-1);
  assert.deepEqual({ status: last.status, rule: last.rule }, { status, rule }, JSON.stringify(last));
  assert.deepEqual(await standing(node), state);
  const now = await refusals(reader(node));
  assert.equal(now.length, known + 1);
  assert.equal(now[0].rule, rule);
}
const post = (env, node = authority) => call('POST', `${node.url}/v1/steps`, env);
const draft = () => alix.draft(removalOrder(stage, url));
// The prepared bytes, changed by `change`, signed by `key`.
function reworked(env, change, key) {
  const payload = JSON.parse(Buffer.from(env.payload, 'base64'));
  change(payload);
  return envelope(canonical(payload), [key], stepType);
}

// ── at the door for people ──
check('a flipped byte of the payload', async () => {
  const env = await draft();
  const bytes = Buffer.from(env.payload, 'base64');
  const i = bytes.indexOf('DEMO-2026');
  bytes[i] ^= 1;
  await refused(authority, () => post({ ...env, payload: bytes.toString('base64') }), 401);
});

check('a forged signature', async () => {
  const env = await draft();
  const sig = randomBytes(64).toString('base64');
  await refused(authority, () => post({ ...env, signatures: [{ ...env.signatures[0], sig }] }), 401);
});

check('another type signed over the same bytes', async () => {
  const env = await draft();
  const other = envelope(Buffer.from(env.payload, 'base64'), [alix.key], 'application/vnd.entente.session');
  await refused(authority, () => post({ ...other, payloadType: env.payloadType }), 401);
  await refused(authority, () => post(other), 400);
});

check('an unknown key', async () => {
  const key = new Key(randomBytes(32));
  await refused(authority, async () => post(reworked(await draft(), (p) => { p.by[0].keyid = key.id; }, key)), 401, 'signature');
});

check('a signature by somebody who is not named as a hand', async () => {
  const env = await draft();
  await refused(authority, () => post(reworked(env, () => {}, bernard.key)), 401, 'signature');
});

check('a revoked key, whatever date the step bears', async () => {
  const former = new Person(stage, 'former');
  const before = await former.draft(removalOrder(stage, url));
  await stage.stopNode('authority');
  await stage.entente('person', 'revoke', authority.folder, former.key.id);
  await stage.startNode('authority');
  await refused(authority, () => post(before), 401, 'signature');
  await assert.rejects(former.login(), /cannot log in/);
});

check('a key without the role', async () => {
  const d = await alix.submit(await draft());
  const sign = await bernard.step(d.act, 'sign', 'signer', { body: { draft: d.step } });
  await refused(authority, () => post(reworked(sign, (p) => { Object.assign(p.by[0], { keyid: alix.key.id, person: alix.me.person }); }, alix.key)), 403, 'role');
  assert.equal((await bernard.act(d.act)).regions.issue, 'checked');
});

check('the key of another organisation', async () => {
  await camille.login();
  const env = await draft();
  const hand = { keyid: camille.key.id, person: camille.me.person };
  await refused(authority, () => post(reworked(env, (p) => { Object.assign(p.by[0], hand); }, camille.key)), 401, 'signature');
  await refused(authority, () => post(reworked(env, (p) => { Object.assign(p.by[0], hand, { party: platform.party }); }, camille.key)), 403);
});

check('a step for another organisation’s node, posted past that node and its ledger', async () => {
  const env = await draft();
  await refused(platform, () => post(env, platform), 403, 'SG12');
});

check('truncated JSON, a member twice, an unknown member, an object too deep', async () => {
  const text = JSON.stringify(await draft());
  await refused(authority, () => post(text.slice(0, -20)), 400);
  await refused(authority, () => post(text.replace('{', '{"payload":"",')), 400);
  await refused(authority, () => post(text.replace('{', '{"extra":1,')), 400);
  await refused(authority, () => post(`{"payload":${'['.repeat(100)}${']'.repeat(100)}}`), 400);
  await refused(authority, () => post(''), 400);
});

check('a payload with a member twice', async () => {
  const env = await draft();
  const text = Buffer.from(env.payload, 'base64').toString().replace('"move":', '"move":"sign","move":');
  await refused(authority, () => post(envelope(text, [alix.key], stepType)), 400);
});

check('a body beyond the limit', async () => {
  await refused(authority, () => post(JSON.stringify({ payload: 'A'.repeat(1 << 20) })), 413, undefined, { logged: false });
  // Small enough for the door, too large for an envelope.
  await refused(authority, () => post(JSON.stringify({ payload: 'A'.repeat(300 << 10), payloadType: stepType, signatures: [] })), 413);
  await refused(platform, () => call('POST', `${platform.url}/v1/inbox`, Buffer.alloc((8 << 20) + 1, 0x20)), 413, undefined, { logged: false });
});

check('the same step again gets the same answer, and no second leaf', async () => {
  const env = await draft();
  const first = await post(env);
  assert.equal(first.status, 201);
  const state = await standing(authority);
  for (let i = 0; i < 3; ++i) {
    const again = await post(env);
    assert.equal(again.status, 200);
    assert.deepEqual(again.json, first.json);
  }
  assert.deepEqual(await standing(authority), state);
});

check('a step dated 11 minutes ahead is refused, 9 minutes ahead accepted', async () => {
  const env = await draft();
  await refused(authority, () => post(reworked(env, (p) => { p.at = at(11 * minute); }, alix.key)), 422, 'clock');
  assert.equal((await post(reworked(env, (p) => { p.at = at(9 * minute); }, alix.key))).status, 201);
});

check('the machine cannot sign for a person, nor a person for the machine', async () => {
  const d = await alix.submit(await draft());
  const node = Key.load(path.join(authority.folder, 'keys', 'node.key'));
  const sign = await bernard.step(d.act, 'sign', 'signer', { body: { draft: d.step } });
  await refused(authority, () => post(reworked(sign, (p) => { p.by[0] = { keyid: node.id, party: authority.party, role: 'signer' }; }, node)), 422, 'SG21');
  await refused(authority, () => post(reworked(sign, (p) => { p.by[0].role = 'issuer_system'; p.move = 'send'; p.body = { leaf: { origin: 'interior.example/ledger', index: 0 } }; }, bernard.key)), 401, 'signature');
});

// ── at the inbox ──
check('a package from somebody whose fingerprint nobody confirmed', async () => {
  const o = stranger.order(stage, url);
  await refused(platform, () => stranger.send(platform, [o.compose]), 401, 'directory');
});

check('a package in the name of another', async () => {
  const o = prefecture.order(stage, url);
  await refused(platform, () => prefecture.post(platform, { ...prefecture.package([o.compose]), from: authority.party }), 401, 'message-signature');
});

check('a package that its node did not sign, for this address, now', async () => {
  const o = prefecture.order(stage, url);
  const body = JSON.stringify(prefecture.package([o.compose]));
  const inbox = `${platform.url}/v1/inbox`;
  await refused(platform, () => call('POST', inbox, body), 401, 'message-signature');
  await refused(platform, () => prefecture.post(platform, body, { key: stranger.node }), 401, 'message-signature');
  await refused(platform, () => prefecture.post(platform, body, { key: prefecture.people.drafter.key }), 401, 'message-signature');
  await refused(platform, () => prefecture.post(platform, body, { tag: 'entente-answer' }), 401, 'message-signature');
  await refused(platform, () => prefecture.post(platform, body, { created: new Date(Date.now() - 3_600_000) }), 401, 'message-signature');
  await refused(platform, () => prefecture.post(platform, body, { fields: ['@method', '@target-uri', 'content-type'] }), 401, 'message-signature');
  const elsewhere = await signedRequest(`${authority.url}/v1/inbox`, body, prefecture.node);
  await refused(platform, () => call('POST', inbox, body, elsewhere), 401, 'message-signature');
  const true_ones = await signedRequest(inbox, body, prefecture.node);
  await refused(platform, () => call('POST', inbox, body.replace('"sent_at"', '"sent_at" '), true_ones), 401, 'message-signature');
});

check('the same request played again', async () => {
  const o = prefecture.order(stage, url);
  const body = JSON.stringify(prefecture.package([prefecture.item(o.compose, { salt: randomBytes(32).toString('base64') })]));
  const inbox = `${platform.url}/v1/inbox`;
  const headers = await signedRequest(inbox, body, prefecture.node);
  await refused(platform, () => call('POST', inbox, body, headers), 422, 'SG12');
  await refused(platform, () => call('POST', inbox, body, headers), 401, 'replay');
});

check('steps of another party inside a package', async () => {
  const o = stranger.order(stage, url);
  await refused(platform, () => prefecture.send(platform, [prefecture.item(o.compose)]), 422, 'sender');
});

check('a malformed package', async () => {
  const o = prefecture.order(stage, url);
  const whole = JSON.stringify(prefecture.package([o.compose]));
  const inbox = (body) => call('POST', `${platform.url}/v1/inbox`, body);
  await refused(platform, () => inbox(whole.slice(0, -2)), 400);
  await refused(platform, () => inbox(whole.replace('{', '{"from":"prefecture.example",')), 400);
  await refused(platform, () => inbox({ from: prefecture.party, steps: [] }), 400);
  await refused(platform, () => inbox(prefecture.package(Array.from({ length: 65 }, () => o.compose))), 400);
});

check('the proof of another leaf, of another ledger, of a forged head; a leaf that is not in the tree; a wrong salt', async () => {
  const o = prefecture.order(stage, url);
  const send = (changes) => prefecture.send(platform, [prefecture.item(o.compose, changes)]);
  await refused(platform, () => send({ proof: prefecture.log.proof(o.sign.index) }), 422, 'SG12');
  await refused(platform, () => send({ proof: prefecture.log.proof(o.compose.index, { key: stranger.log.key }) }), 422, 'SG12');
  await refused(platform, () => send({ proof: stranger.log.proof(0) }), 422, 'SG12');
  await refused(platform, () => send({ proof: prefecture.log.proof(o.compose.index, { root: randomBytes(32) }) }), 422, 'SG12');
  await refused(platform, () => send({ proof: prefecture.log.proof(o.compose.index, { origin: 'interior.example/ledger' }) }), 422, 'SG12');
  await refused(platform, () => send({ salt: randomBytes(32).toString('base64') }), 422, 'SG12');
  await refused(platform, () => send({ leaf: o.sign.leaf, salt: o.sign.salt.toString('base64'), proof: prefecture.log.proof(o.sign.index) }), 422, 'SG12');
  const moved = o.compose.leaf.replace('"move":"compose"', '"move":"sign"');
  await refused(platform, () => send({ leaf: moved }), 422, 'SG12');
});

check('one bad step in a package: none of it is taken', async () => {
  const [good, bad] = [prefecture.order(stage, url), prefecture.order(stage, url)];
  await refused(platform, () => prefecture.send(platform, [good.compose, prefecture.item(bad.compose, { salt: randomBytes(32).toString('base64') })]), 422, 'SG12');
});

check('a peer’s step signed with a key it does not have', async () => {
  const [act, dossier] = [ulid(), ulid()];
  const order = removalOrder(stage, url);
  const body = { form: order.form, targets: order.targets, participants: { ...order.participants, issuer: prefecture.party } };
  const forged = prefecture.step({ act, dossier, move: 'compose', role: 'drafter', person: 'drafter', body, key: stranger.people.drafter.key });
  await stepRefused(platform, prefecture, [forged], 'rejected', 'signature');
});

check('a platform as the issuer of an order (I7)', async () => {
  const o = impostor.order(stage, url);
  await stepRefused(platform, impostor, [o.compose], 'refused', 'I7');
});

check('an order that this node takes no part in (I7)', async () => {
  const o = prefecture.order(stage, url, { participants: { addressee: impostor.party, overseer: 'elsewhere.example' } });
  await stepRefused(platform, prefecture, [o.compose], 'refused', 'I7');
});

check('an order without its exemption assessment, from a peer whose own node let it pass', async () => {
  const order = removalOrder(stage, url);
  delete order.form.exemption_assessment;
  const body = { form: order.form, targets: order.targets, participants: { ...order.participants, issuer: prefecture.party } };
  const bad = prefecture.step({ act: ulid(), dossier: ulid(), move: 'compose', role: 'drafter', person: 'drafter', body });
  await stepRefused(platform, prefecture, [bad], 'refused', 'SG04');
});

check('a peer’s step dated 11 minutes ahead is refused, 9 minutes ahead accepted', async () => {
  const late = prefecture.order(stage, url, { when: () => at(11 * minute) });
  await stepRefused(platform, prefecture, [late.compose], 'rejected', 'clock'); // not kept: its time may come
  const near = prefecture.order(stage, url, { when: () => at(9 * minute) });
  const answer = await prefecture.send(platform, [near.compose, near.sign, near.send]);
  assert.deepEqual(results(answer).map((r) => r.status), ['applied', 'applied', 'applied']);
  assert.equal((await camille.act(near.act)).regions.delivery, 'received');
});

check('the same package twice: the same receipt, byte for byte, and nothing new', async () => {
  const o = prefecture.order(stage, url);
  const first = await prefecture.send(platform, [o.compose, o.sign, o.send]);
  assert.deepEqual(results(first).map((r) => r.status), ['applied', 'applied', 'applied']);
  assert.deepEqual(first.json.steps.map((s) => JSON.parse(Buffer.from(s.envelope.payload, 'base64')).move), ['receive']);
  const state = await standing(platform);
  for (let i = 0; i < 3; ++i) {
    // Proofs and the time of sending differ from delivery to delivery: the steps are what counts.
    const again = await prefecture.send(platform, i === 2 ? [o.send, o.compose, o.sign] : [o.compose, o.sign, o.send]);
    assert.equal(again.status, 200);
    assert.equal(receiptBytes(again), receiptBytes(first));
  }
  assert.deepEqual(await standing(platform), state);
  assert.equal(of(await camille.act(o.act), 'receive').length, 1);
});

check('later steps first: they wait, and apply when their predecessor comes', async () => {
  const o = prefecture.order(stage, url);
  const first = await prefecture.send(platform, [o.send, o.sign]);
  assert.deepEqual(results(first).map((r) => r.status), ['waiting', 'waiting']);
  assert.equal((await camille.request('GET', `/v1/acts/${o.act}`)).status, 404, 'nothing is shown of an act without its draft');
  const second = await prefecture.send(platform, [o.compose]);
  assert.deepEqual(results(second).map((r) => r.status), ['applied']);
  const view = await camille.act(o.act);
  assert.deepEqual(view.steps.map((s) => s.status), Array(view.steps.length).fill('applied'));
  assert.deepEqual(view.steps.map((s) => s.move).sort(), ['compose', 'receive', 'send', 'sign']);
  assert.equal(view.regions.delivery, 'received');
});

check('an order sent without a signature', async () => {
  const [act, dossier] = [ulid(), ulid()];
  const order = removalOrder(stage, url);
  const body = { form: order.form, targets: order.targets, participants: { ...order.participants, issuer: prefecture.party } };
  const compose = prefecture.step({ act, dossier, move: 'compose', role: 'drafter', person: 'drafter', body });
  assert.equal(results(await prefecture.send(platform, [compose]))[0].status, 'applied');
  const send = prefecture.step({ act, dossier, move: 'send', role: 'issuer_system', after: [compose.id], body: { leaf: { origin: prefecture.log.origin, index: compose.index } } });
  await stepRefused(platform, prefecture, [send], 'refused', 'state');
  assert.equal((await camille.act(act)).regions.delivery, 'none');
  const self = prefecture.step({ act, dossier, move: 'sign', role: 'signer', person: 'drafter', after: [compose.id], body: { draft: compose.id } });
  await stepRefused(platform, prefecture, [self], 'rejected', 'role');
});

check('a receipt from the future cannot buy time; one that claims another’s place is refused', async () => {
  const order = removalOrder(stage, url);
  order.participants.addressee = provider.party;
  const d = await alix.submit(await alix.draft(order));
  await bernard.submit(await bernard.step(d.act, 'sign', 'signer', { body: { draft: d.step } }));
  const send = of(await bernard.act(d.act), 'send')[0];
  const { dossier } = await bernard.act(d.act);
  const receipt = (when) => provider.step({ act: d.act, dossier, move: 'receive', role: 'platform_system', after: [send.step], body: { received_at: when, contact_point: 'http://127.0.0.1:9' }, when });
  await stepRefused(authority, provider, [receipt(at(11 * minute))], 'rejected', 'clock');
  // Nor can it be dated before the sending, as if the hour had passed for somebody else.
  await stepRefused(authority, provider, [receipt(at(-11 * minute))], 'refused', 'clock');
  assert.equal((await bernard.act(d.act)).regions.delivery, 'sent');
  const honest = await provider.send(authority, [receipt(at())]);
  assert.equal(results(honest)[0].status, 'applied');
  assert.equal((await bernard.act(d.act)).regions.delivery, 'received');
  const overdue = provider.step({ act: d.act, dossier, move: 'overdue', role: 'issuer_system', after: [send.step], target: 0 });
  await stepRefused(authority, provider, [overdue], 'refused', 'role');
});

check('a known party that turns to a second ledger, or to another key', async () => {
  await stage.stopNode('platform');
  const file = path.join(stage.dir, 'turned.entry');
  const [log, node] = [prefecture.log, prefecture.node];
  const again = async (what) => {
    await fs.writeFile(file, prefecture.entry());
    return assert.rejects(stage.entente('party', 'add', platform.folder, file, '--fingerprint', prefecture.node.fingerprint), what);
  };
  prefecture.log = stranger.log;
  await again(/another ledger/);
  prefecture.log = log;
  prefecture.node = new Key(randomBytes(32));
  await again(/already trusted with another key/);
  prefecture.node = node;
  await stage.startNode('platform');
});

// ── the person concerned ──
let contested;
check('a repeated challenge is one challenge', async () => {
  // The whole job works beside all of the above; then the same request again.
  contested = await wholeOrder(stage, photo);
  const told = (await stage.notifications()).find((n) => n.act === contested && n.about === 'restricted');
  const link = `${platform.url}/v1/cases/${told.case_url.split('/').pop()}/contest`;
  const key = { 'Idempotency-Key': `contest-${contested}` };
  const same = { grounds: 'This is my photograph of a garden; it incites nobody to anything.' };
  const again = await call('POST', link, same, key);
  assert.equal(again.status, 200, again.text);
  assert.equal(again.json.step, of(await camille.act(contested), 'contest')[0].step);
  assert.equal((await call('POST', link, { grounds: 'Something else altogether, in many words.' }, key)).status, 422);
  assert.equal((await camille.act(contested)).reviews.length, 1);
});

check('a challenge after the window of 48 hours', async () => {
  const item = await publish(stage, 'late.jpg', pictures[1]);
  const d = await alix.submit(await alix.draft(removalOrder(stage, item.url)));
  await bernard.submit(await bernard.step(d.act, 'sign', 'signer', { body: { draft: d.step } }));
  await until('the order at the platform', async () => (await camille.request('GET', `/v1/acts/${d.act}`)).json?.regions?.delivery === 'received', wait);
  await camille.submit(await camille.step(d.act, 'accept', 'moderator', { target: 0 }));
  const told = await until('the user to be told', async () => (await stage.notifications()).find((n) => n.act === d.act), wait);
  await until('inform_user', async () => of(await camille.act(d.act), 'inform_user').length > 0, wait);
  const link = `${platform.url}/v1/cases/${told.case_url.split('/').pop()}/contest`;
  await stage.stopNode('platform');
  const toml = path.join(platform.folder, 'entente.toml');
  const text = await fs.readFile(toml, 'utf8');
  // Two days by themselves are not enough: Regulation 1182/71 lets the last day end.
  await fs.writeFile(toml, `clock_offset_ms = ${4 * 24 * 60 * minute}\n${text}`);
  await stage.startNode('platform');
  camille.token = undefined;
  await refused(platform, () => call('POST', link, { grounds: 'I was away and only saw the message today; this is my photograph.' }), 422, 'window');
  assert.equal((await camille.act(d.act)).reviews.length, 0);
  await stage.stopNode('platform');
  await fs.writeFile(toml, text);
  await stage.startNode('platform');
  camille.token = undefined;
  const inTime = await call('POST', link, { grounds: 'I was away and only saw the message today; this is my photograph.' });
  assert.equal(inTime.status, 201, inTime.text);
  const twice = await call('POST', link, { grounds: 'I press the button again, without any key.' });
  assert.equal(twice.status, 409, twice.text);
});

check('the command line shows the same refusals', async () => {
  const [shown, listed] = [await stage.json('refusals', '--node', platform.url, '--key', stage.keys.camille.file), await camille.get('/v1/refusals')];
  assert.deepEqual(shown.items, listed.items);
  assert.ok(shown.items.length >= 20);
  for (const rule of ['SG12', 'I7', 'SG04', 'sender', 'directory', 'clock', 'window', 'signature'])
    assert.ok((await refusals(camille)).some((r) => r.rule === rule), `${rule} is among them`);
  assert.equal((await call('GET', `${platform.url}/v1/refusals`)).status, 401, 'not for strangers');
  ok = true;
});
