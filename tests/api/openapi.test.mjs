// SPDX-License-Identifier: Apache-2.0
//
// The OpenAPI document held against running nodes: what it promises is answered, what is answered is documented, what
// comes back has the documented form.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { promises as fs, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { removalOrder, root, until } from '../../demo/stage.mjs';
import { Key, Person, call } from '../e2e/lib/signer.mjs';
import { endStage, makeStage, pictures, publish } from '../e2e/lib/world.mjs';

const api = parse(readFileSync(path.join(root, 'api/openapi.yaml'), 'utf8'));
const methods = ['get', 'put', 'post', 'delete', 'patch'];
const documented = Object.entries(api.paths).flatMap(([at, item]) => methods.filter((m) => item[m]).map((m) => ({ method: m.toUpperCase(), at, operation: item[m] })));
const shape = (pattern) => pattern.replace(/\{[^}]*\}/g, '{}');
const key = (method, pattern) => `${method} ${shape(pattern)}`;

// ── the forms

// Every object that the document describes closely is closed for this test: a member that nobody documented is a fault
// of the document, or of the server.
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (schema === null || typeof schema !== 'object') return schema;
  const out = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, closed(v)]));
  if (out.type === 'object' && out.properties && typeof out.properties === 'object' && out.additionalProperties === undefined) out.additionalProperties = false;
  return out;
}
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'api', ...closed({ components: api.components }) });
const local = (schema) => JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/'));

const checked = new Set();
function answers(answer, method, at, status = 200) {
  const operation = api.paths[at]?.[method.toLowerCase()];
  assert.ok(operation, `${method} ${at} is not documented`);
  assert.equal(answer.status, status, `${method} ${at}: ${answer.text.slice(0, 300)}`);
  let response = operation.responses[String(status)];
  assert.ok(response, `${method} ${at}: ${status} is not documented`);
  if (response.$ref) response = api.components.responses[response.$ref.split('/').pop()];
  if (!response.content) return answer.json;
  const type = answer.headers.get('content-type').split(';')[0];
  const content = response.content[type];
  assert.ok(content, `${method} ${at}: ${type} is not documented`);
  if (content.schema) {
    const valid = ajv.compile(local(closed(content.schema)));
    assert.ok(valid(answer.json), `${method} ${at} ${status}: ${ajv.errorsText(valid.errors)}\n${answer.text.slice(0, 600)}`);
  }
  checked.add(`${method} ${at} ${status}`);
  return answer.json;
}

// ── the stage

let stage;
let ok = true;
const routes = {};
const url = (node, at) => `${stage.nodes[node].url}${at}`;
before(async () => {
  stage = await makeStage('api');
  for (const id of Object.keys(stage.nodes)) routes[id] = (await stage.entente('routes', stage.nodes[id].folder)).split('\n');
  await stage.start();
});
after(() => endStage(stage, ok));
const it = (name, work) =>
  test(name, async () => {
    try {
      await work();
    } catch (e) {
      ok = false;
      throw e;
    }
  });

describe('routes', () => {
  it('every route of every kind of node is documented, and every documented one exists', () => {
    const promised = new Set(documented.map((d) => key(d.method, d.at)));
    const served = new Set(Object.values(routes).flat().map((line) => key(...line.split(' '))));
    assert.deepEqual([...served].filter((r) => !promised.has(r)), [], 'served but not documented');
    assert.deepEqual([...promised].filter((r) => !served.has(r)), [], 'documented but not served');
  });

  it('each documented operation is answered by the node that has it', async () => {
    const values = { act: '01ARZ3NDEKTSV4RRFFQ69G5FAV', step: 'a'.repeat(64), target: '0', path: '0/000' };
    for (const { method, at } of documented) {
      const node = Object.keys(routes).find((id) => routes[id].some((line) => key(...line.split(' ')) === key(method, at)));
      const answer = await call(method, url(node, at.replace(/\{([^}]*)\}/g, (_, name) => values[name] ?? 'none')), method === 'GET' || method === 'DELETE' ? undefined : {});
      assert.notEqual(answer.status, 405, `${method} ${at}`);
      assert.notEqual(answer.json?.detail, 'no such resource', `${method} ${at}`);
      assert.ok(answer.status < 500, `${method} ${at}: ${answer.status} ${answer.text.slice(0, 200)}`);
    }
    const nowhere = await call('GET', url('platform', '/v1/nowhere'));
    assert.equal(nowhere.status, 404);
    assert.equal(nowhere.json.detail, 'no such resource', 'or the check above proves nothing');
  });

  it('what is not public asks who you are, and says so as documented', async () => {
    for (const { method, at, operation } of documented) {
      if (operation.security?.length === 0 || method !== 'GET') continue;
      const node = Object.keys(routes).find((id) => routes[id].some((line) => key(...line.split(' ')) === key(method, at)));
      const answer = await call(method, url(node, at.replace(/\{([^}]*)\}/g, '0')));
      if (answer.status === 200) assert.match(at, /proof$/, `${at} needs no session`);
      else assert.ok([401, 404].includes(answer.status), `${method} ${at}: ${answer.status}`);
    }
    answers(await call('GET', url('platform', '/v1/me')), 'GET', '/v1/me', 401);
    answers(await call('GET', url('platform', '/v1/queue')), 'GET', '/v1/queue', 401);
  });
});

describe('forms', () => {
  const get = async (who, at, template = at, status = 200) => answers(await stage.people[who].request('GET', at), 'GET', template, status);
  const open = async (node, at, template = at, status = 200) => answers(await call('GET', url(node, at)), 'GET', template, status);

  it('the node, its law, its people', async () => {
    for (const id of ['authority', 'platform', 'overseer']) {
      await open(id, '/v1/node');
      await open(id, '/.well-known/entente.json');
      await open(id, '/healthz');
      await open(id, '/metrics');
    }
    const { items } = await open('platform', '/v1/regimes');
    assert.ok(items.length >= 3);
    for (const r of items) await open('platform', `/v1/regimes/${r.name}`, '/v1/regimes/{name}');
    await open('platform', '/v1/regimes/nonsense@1', '/v1/regimes/{name}', 404);
    await get('camille', '/v1/me');
    await get('camille', '/v1/parties');
    await get('camille', '/v1/banks');
    await get('camille', '/v1/acts/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/v1/acts/{act}', 404);
  });

  it('a login', async () => {
    const { key: hand } = stage.people.camille;
    const begun = answers(await call('POST', url('platform', '/v1/sessions'), { keyid: hand.id }), 'POST', '/v1/sessions', 201);
    answers(await call('PUT', url('platform', `/v1/sessions/${begun.session}`), { signature: Buffer.alloc(64).toString('base64') }), 'PUT', '/v1/sessions/{session}', 401);
    answers(await call('POST', url('platform', '/v1/sessions'), { keyid: 'nobody' }), 'POST', '/v1/sessions', 401);
  });

  it('an order, from its draft to its annulment', async () => {
    const item = await publish(stage, 'api.jpg', pictures[0]);
    const order = removalOrder(stage, item.url);
    const { alix, bernard, camille } = stage.people;
    answers(await alix.request('POST', '/v1/acts/prepare', { role: 'drafter', ...order }), 'POST', '/v1/acts/prepare');
    const { exemption_assessment, ...less } = order.form;
    assert.ok(exemption_assessment);
    const refused = answers(await alix.request('POST', '/v1/acts/prepare', { role: 'drafter', ...order, form: less }), 'POST', '/v1/acts/prepare', 422);
    assert.equal(refused.rule, 'SG04');

    const { act } = await stage.compose('alix', order);
    const accepted = await stage.move('bernard', act, 'sign', 'signer');
    assert.ok(ajv.compile({ $ref: 'api#/components/schemas/Accepted' })(accepted), 'the answer to a posted step');
    await until('the receipt', async () => (await bernard.act(act)).regions.delivery === 'received');
    const queue = await get('camille', '/v1/queue?limit=1', '/v1/queue');
    assert.equal(queue.items[0].id, act);
    answers(await camille.request('POST', `/v1/acts/${act}/prepare`, { move: 'accept', role: 'moderator', target: 0, body: {} }), 'POST', '/v1/acts/{act}/prepare');
    await stage.move('camille', act, 'accept', 'moderator', { target: 0 });
    const view = await until('Annex II', async () => {
      const v = await bernard.act(act);
      return v.regions.execution === 'executed' && v;
    });
    for (const who of ['bernard', 'camille', 'elias']) {
      await get(who, `/v1/acts/${act}`, '/v1/acts/{act}');
      await get(who, '/v1/acts?limit=1', '/v1/acts');
      await get(who, '/v1/refusals', '/v1/refusals');
    }
    await get('bernard', `/v1/acts/${act}/steps/${view.steps[0].step}`, '/v1/acts/{act}/steps/{step}');
    await open('authority', `/v1/acts/${act}/steps/${view.steps[0].step}/proof`, '/v1/acts/{act}/steps/{step}/proof');
    await open('authority', '/ledger/proof/0', '/ledger/proof/{index}');
    await open('authority', '/ledger/checkpoint');
    const record = await open('authority', `/v1/record/${act}`, '/v1/record/{act}');
    assert.ok(record.steps.length > 4 && !JSON.stringify(record).includes('api.jpg'));
    await open('platform', `/v1/record/${act}`, '/v1/record/{act}');
    await open('platform', '/v1/record/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/v1/record/{act}', 404);

    const told = await until('the message to the user', async () => (await stage.notifications()).find((n) => n.to === 'user' && n.act === act));
    const token = told.case_url.split('/').pop();
    await open('platform', `/v1/cases/${token}`, '/v1/cases/{token}');
    await open('platform', '/v1/cases/nobody', '/v1/cases/{token}', 404);
    const contest = '/v1/cases/{token}/contest';
    answers(await call('POST', url('platform', `/v1/cases/${token}/contest`), { grounds: 'This is a garden, and nothing but a garden.' }), 'POST', contest, 201);

    const banks = await get('camille', '/v1/banks');
    await get('camille', `/v1/banks/${banks.items[0].name}/entries?limit=1`, '/v1/banks/{name}/entries');
    await get('camille', '/v1/banks/nonsense/entries', '/v1/banks/{name}/entries', 404);
    const bytes = await fs.readFile(pictures[0]);
    const bearer = { Authorization: `Bearer ${readFileSync(path.join(stage.nodes.platform.folder, 'keys/upload.token'), 'utf8').trim()}`, 'Content-Type': 'application/octet-stream' };
    const match = answers(await call('POST', url('platform', '/v1/match'), bytes, bearer), 'POST', '/v1/match');
    assert.equal(match.proposal, 'review');
    assert.equal(match.matches[0].act, act);
    assert.ok(!JSON.stringify(match).includes('api.jpg'), 'no address of content');
    await get('camille', `/v1/match/${match.id}`, '/v1/match/{id}');
    const json = { ...bearer, 'Content-Type': 'application/json' };
    const print = { pdq: match.pdq, quality: match.quality, ref: 'mine' };
    const many = answers(await call('POST', url('platform', '/v1/match/batch'), [print, { pdq: 'short' }], json), 'POST', '/v1/match/batch');
    assert.equal(many.items[0].answer.matches[0].entry, match.matches[0].entry);
    assert.equal(many.items[1].problem.field, '/1/pdq');
    const streamed = await call('POST', url('platform', '/v1/match/stream'), `${JSON.stringify(print)}\nnonsense\n`, { ...bearer, 'Content-Type': 'application/x-ndjson' });
    assert.equal(streamed.status, 200, streamed.text);
    const lines = streamed.text.trim().split('\n').map((l) => JSON.parse(l));
    const line = ajv.compile({ $ref: 'api#/components/schemas/MatchLineAnswer' });
    for (const l of lines) assert.ok(line(l), ajv.errorsText(line.errors));
    assert.ok(lines[0].answer && lines[0].ref === 'mine' && lines[1].problem && lines[1].line === 2);
    const faulty = async (at, body, headers, status, field) => assert.equal(answers(await call('POST', url('platform', at), body, headers), 'POST', '/v1/match', status).field, field);
    await faulty('/v1/match?radius=32', print, json, 400, 'radius');
    await faulty('/v1/match?banks=nowhere', print, json, 404, 'banks');
    await faulty('/v1/match', { pdq: 'short' }, json, 400, '/pdq');
    await faulty('/v1/match', Buffer.alloc(0), bearer, 400, 'body');
    await faulty('/v1/match', 'x', { ...bearer, 'Content-Type': 'text/plain' }, 415, 'content-type');
    await get('camille', '/v1/match/nonsense', '/v1/match/{id}', 404);
    await get('camille', '/v1/queue', '/v1/queue'); // now with an upload to look at
    answers(await call('POST', url('platform', '/v1/match'), Buffer.from('no picture'), bearer), 'POST', '/v1/match', 415);
    const decide = (who, decision, status) => stage.people[who].request('POST', `/v1/match/${match.id}/decision`, { decision }).then((a) => answers(a, 'POST', '/v1/match/{id}/decision', status));
    await decide('diane', 'kept', 403); // a reviewer is no moderator
    assert.equal((await decide('camille', 'kept', 200)).review_state, 'kept');
    await decide('camille', 'removed', 409); // decided once
  });

  it('banks: made, filled, tried, contested, closed', async () => {
    const { camille } = stage.people;
    const by = async (method, at, body, template, status = 200) => answers(await camille.request(method, at, body), method, template, status);
    const reason = 'for this test';
    const pdq = 'f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22';
    await get('camille', '/v1/labels');
    await by('POST', '/v1/banks', { name: 'Bad Name', title: 'x', reason }, '/v1/banks', 400);
    await by('POST', '/v1/banks', { name: 'tried', title: 'Tried first', radius: 32, reason }, '/v1/banks', 400);
    const bank = await by('POST', '/v1/banks', { name: 'tried', title: 'Tried first', reason }, '/v1/banks', 201);
    assert.equal(bank.dry_run, true);
    await by('POST', '/v1/banks', { name: 'tried', title: 'Again', reason }, '/v1/banks', 409);
    await get('camille', '/v1/banks/tried', '/v1/banks/{name}');
    await get('camille', '/v1/banks/none', '/v1/banks/{name}', 404);
    await by('PATCH', '/v1/banks/tried', { radius: 20, enabled_ratio: 0.5, reason }, '/v1/banks/{name}');
    await by('PATCH', '/v1/banks/tried', { enabled_ratio: 1, reason }, '/v1/banks/{name}');
    await by('POST', '/v1/banks/tried/entries', { pdq: 'short', quality: 90, label: 'attacker-manifesto', reason }, '/v1/banks/{name}/entries', 400);
    const entry = await by('POST', '/v1/banks/tried/entries', { pdq, quality: 90, label: 'attacker-manifesto', reason }, '/v1/banks/{name}/entries', 201);
    assert.equal(entry.person, camille.me.person);
    const list = await fetch(url('platform', `/v1/banks/tried/list?reason=${encodeURIComponent(reason)}&label=attacker-manifesto`), { method: 'POST', headers: { Authorization: `Bearer ${camille.token}`, 'Content-Type': 'text/csv' }, body: `${'0123456789abcdef'.repeat(4)},90\nnonsense\n` });
    const taken = answers({ status: list.status, headers: list.headers, ...(await list.text().then((text) => ({ text, json: JSON.parse(text) }))) }, 'POST', '/v1/banks/{name}/list');
    assert.equal(taken.added, 1);
    assert.equal(taken.faults[0].line, 2);
    // Nothing of a bank in dry run matches; after a person has seen the report it does.
    const seen = async () => (await camille.request('POST', '/v1/match', { pdq, quality: 90 })).json.matches.length;
    assert.equal(await seen(), 0);
    const report = await by('POST', '/v1/banks/tried/dry-runs', {}, '/v1/banks/{name}/dry-runs', 201);
    assert.equal(report.entries, 2);
    await get('camille', '/v1/banks/tried/dry-runs/last', '/v1/banks/{name}/dry-runs/last');
    await by('POST', `/v1/banks/tried/dry-runs/${report.id}/acceptance`, { reason }, '/v1/banks/{name}/dry-runs/{id}/acceptance');
    assert.equal(await seen(), 1);
    const review = await by('POST', `/v1/entries/${entry.id}/contest`, { reason: 'This is news footage.' }, '/v1/entries/{id}/contest', 201);
    assert.equal((await get('camille', `/v1/entries/${entry.id}`, '/v1/entries/{id}')).contested, true);
    assert.equal((await get('camille', '/v1/entry-reviews')).items.length, 1);
    await by('POST', `/v1/entry-reviews/${review.id}/decision`, { outcome: 'upheld', reason }, '/v1/entry-reviews/{id}/decision', 403); // another person decides
    await by('POST', `/v1/entries/${entry.id}/tombstone`, { reason }, '/v1/entries/{id}/tombstone');
    assert.equal(await seen(), 0);
    await by('POST', '/v1/banks/tried/suspension', { reason }, '/v1/banks/{name}/suspension');
    await get('camille', '/v1/banks/tried/changes', '/v1/banks/{name}/changes');
    await by('GET', '/v1/banks/tried/deltas', undefined, '/v1/banks/{name}/deltas', 403); // not shared
    await by('POST', '/v1/banks/tried/retirement', { reason }, '/v1/banks/{name}/retirement');
  });

  it('what a match proposes, and tokens', async () => {
    const { camille } = stage.people;
    const by = async (method, at, body, template, status = 200) => answers(await camille.request(method, at, body), method, template, status);
    const now = await get('camille', '/v1/match/policy');
    assert.equal(now.version, 0);
    const policy = { policy: 'entente-policy/1', name: 'ours', rules: [], otherwise: 'review' };
    const refused = await by('PUT', '/v1/match/policy', { policy: { ...policy, otherwise: 'remove' }, reason: 'x' }, '/v1/match/policy', 422).catch(() => by('PUT', '/v1/match/policy', { policy: { ...policy, otherwise: 'remove' }, reason: 'x' }, '/v1/match/policy', 400));
    assert.match(refused.field, /^\/policy\//);
    await by('POST', '/v1/match/policy/back-test', { policy }, '/v1/match/policy/back-test');
    assert.equal((await by('PUT', '/v1/match/policy', { policy, reason: 'simpler' }, '/v1/match/policy')).version, 1);
    await by('POST', '/v1/match/tokens', { name: 'x', roles: ['admin'] }, '/v1/match/tokens', 400);
    const token = await by('POST', '/v1/match/tokens', { name: 'uploader', roles: ['matcher'] }, '/v1/match/tokens', 201);
    assert.ok(!JSON.stringify(await get('camille', '/v1/match/tokens')).includes(token.token));
    const asked = () => call('POST', url('platform', '/v1/match'), { pdq: '0'.repeat(64) }, { Authorization: `Bearer ${token.token}` });
    assert.equal((await asked()).status, 200);
    await by('DELETE', `/v1/match/tokens/${token.id}`, undefined, '/v1/match/tokens/{id}', 204);
    assert.equal((await asked()).status, 401);
    await get('camille', '/v1/feeds');
    await by('POST', '/v1/feeds', { party: 'nobody.example', their_bank: 'x', bank: 'theirs', title: 'x', reason: 'x' }, '/v1/feeds', 404);
  });

  it('a notice', async () => {
    const item = await publish(stage, 'notice.jpg', pictures[1]);
    const body = { url: item.url, reasons: 'For this test: the image is a copy of my own work, published without my leave.', category: 'STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS', bona_fide: true };
    const receipt = answers(await call('POST', url('platform', '/v1/notices'), body), 'POST', '/v1/notices', 201);
    answers(await call('POST', url('platform', '/v1/notices'), { ...body, reasons: 'bad' }), 'POST', '/v1/notices', 422);
    const kase = await open('platform', `/v1/cases/${receipt.case_token}`, '/v1/cases/{token}');
    assert.equal(kase.role, 'notifier');
    await open('platform', `/v1/record/${receipt.act}`, '/v1/record/{act}');
    await get('camille', '/v1/queue');
  });

  it('the directory, changed while the node serves', async () => {
    const { folder } = stage.nodes.platform;
    const file = path.join(stage.dir, 'administrator.key');
    await stage.entente('key', 'new', file);
    await stage.entente('person', 'add', folder, '--name', 'Ada', '--key', file, '--role', 'administrator');
    stage.keys.ada = { file, node: stage.nodes.platform.url, name: 'Ada' };
    const ada = new Person(stage, 'ada');
    const ask = async (method, at, body) => ada.request(method, at, body);
    const fresh = new Key(randomBytes(32));
    answers(await ask('POST', '/v1/admin/people', { name: 'Nadia', key: fresh.text, roles: ['moderator'] }), 'POST', '/v1/admin/people', 201);
    answers(await ask('POST', '/v1/admin/people', { name: 'Nadia', key: 'ed25519:AAAA', roles: ['moderator'] }), 'POST', '/v1/admin/people', 400);
    answers(await ask('POST', '/v1/admin/people', { name: 'Nadia', key: fresh.text, roles: ['administrator'] }), 'POST', '/v1/admin/people', 403);
    answers(await ask('GET', '/v1/admin/people'), 'GET', '/v1/admin/people');
    answers(await ask('POST', `/v1/admin/people/${fresh.id}/revocation`, {}), 'POST', '/v1/admin/people/{keyid}/revocation');
    answers(await ask('POST', `/v1/admin/people/${'0'.repeat(32)}/revocation`, {}), 'POST', '/v1/admin/people/{keyid}/revocation', 404);
    const entry = (await call('GET', url('authority', '/.well-known/entente.json'))).json;
    answers(await ask('POST', '/v1/admin/parties', { entry, fingerprint: stage.nodes.authority.fingerprint }), 'POST', '/v1/admin/parties', 201);
    answers(await ask('POST', '/v1/admin/parties', { entry, fingerprint: stage.nodes.platform.fingerprint }), 'POST', '/v1/admin/parties', 403);
    const changes = answers(await ask('GET', '/v1/admin/changes'), 'GET', '/v1/admin/changes');
    assert.deepEqual(changes.items.map((c) => c.what), ['party.trusted', 'person.revoked', 'person.enrolled', 'person.enrolled']);
  });

  it('every example is an instance of its schema', async () => {
    const files = (await fs.readdir(path.join(root, 'api/examples'), { recursive: true })).filter((f) => f.endsWith('.json'));
    assert.ok(files.length >= 7);
    for (const file of files) {
      const name = path.basename(file).split('.')[0];
      const valid = ajv.compile({ $ref: `api#/components/schemas/${name}` });
      assert.ok(valid(JSON.parse(readFileSync(path.join(root, 'api/examples', file), 'utf8'))), `${file}: ${ajv.errorsText(valid.errors)}`);
    }
  });

  it('the test looked at enough to mean something', () => {
    assert.ok(checked.size >= 40, `${checked.size} answers were validated`);
    const valid = ajv.compile({ $ref: 'api#/components/schemas/Node' });
    assert.ok(!valid({ party: 'x' }) && !valid({ party: 'x', name: 'x', kind: 'authority', version: '1', now: 'n', fingerprint: 'f', log: 'l', more: 1 }), 'a missing and a surplus member are faults');
  });
});

// ── what DESIGN.md calls "never" and names alone (never.test.mjs) do not show

describe('never', () => {
  it('every seal and every restriction of a regime has an end, and a person decides', async () => {
    for (const { name } of (await call('GET', url('authority', '/v1/regimes'))).json.items) {
      const regime = (await call('GET', url('authority', `/v1/regimes/${name}`))).json;
      for (const move of regime.moves.filter((m) => ['accept', 'refuse', 'sign', 'annul', 'uphold', 'impossible'].includes(m.name)))
        for (const role of move.by) assert.equal(regime.roles[role].key, 'person', `${name}: ${move.name} by ${role}`);
      if (regime.moves.some((m) => m.name === 'seal')) assert.ok(regime.clocks.some((c) => c.kind === 'exit' && c.id === 'unseal'), `${name}: a seal without an end`);
    }
  });
});
