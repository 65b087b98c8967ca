// SPDX-License-Identifier: Apache-2.0
//
// Roads beside the main one: an order under seal, an item that vanished by itself, an impossibility and its end.
import assert from 'node:assert/strict';
import { existsSync, promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Stage, defaultBinary, outside, photographs, removalOrder, until } from '../../demo/stage.mjs';

let stage;
before(async () => {
  stage = new Stage({ binary: defaultBinary(), dir: await fs.mkdtemp(path.join(os.tmpdir(), 'entente-paths-')), home: true });
  await stage.build();
  for (const name of ['Garden', 'Dune', 'Wood', 'Aqua']) await fs.copyFile(path.join(photographs, `${name}.jpg`), path.join(stage.site.root, 'photos', `${name}.jpg`));
  await stage.start();
});
after(async () => {
  await stage.stop();
  await fs.rm(stage.dir, { recursive: true, force: true });
});

const at = (view, move) => view.steps.find((s) => s.move === move);

test('a sealed order is executed in silence, counted in public, and the user is told when the seal is lifted', async () => {
  const url = `${stage.site.base}/photos/Garden.jpg`;
  const { act } = await stage.compose('alix', removalOrder(stage, url, { c: { no_disclosure: true } }));
  await assert.rejects(stage.move('bernard', act, 'sign', 'signer'), /SG13/, 'silence needs a decision');
  const weeks = (n) => new Date(Date.now() + n * 7 * 86400e3).toISOString();
  const reason = 'An arrest is being prepared; the suspect must not learn of it.';
  await assert.rejects(stage.move('bernard', act, 'seal', 'signer', { body: { reason, unseal_at: weeks(7) } }), /SG13/, 'seven weeks are more than six');
  await stage.move('bernard', act, 'seal', 'signer', { body: { reason, unseal_at: weeks(5) } });
  await stage.move('bernard', act, 'sign', 'signer');
  await until('delivery', async () => (await stage.act('camille', act)).regions.delivery === 'received');
  await stage.move('camille', act, 'accept', 'moderator', { target: 0 });
  await until('execution', async () => at(await stage.act('bernard', act), 'execute'));
  assert.equal((await outside(url)).status, 451);
  assert.deepEqual((await stage.notifications()).filter((n) => n.act === act), [], 'nobody is told while the seal lasts');
  const record = await (await fetch(`${stage.nodes.authority.url}/v1/record/${act}`)).json();
  assert.equal(record.sealed, true);
  assert.deepEqual(record.steps, []);
  assert.deepEqual(Object.keys(record.parties), ['issuer'], 'saying who must stay silent would break the silence');
  assert.ok(new Date(record.unseal_at) > Date.now());
  await stage.move('bernard', act, 'open_early', 'signer');
  await until('the user to be told', async () => (await stage.notifications()).find((n) => n.act === act && n.to === 'user'));
  await until('the record', async () => (await (await fetch(`${stage.nodes.authority.url}/v1/record/${act}`)).json()).steps.length > 5);
});

test('an item that vanished by itself is reported as removed, without a copy, and an annulment has nothing to restore', async () => {
  const url = `${stage.site.base}/photos/Dune.jpg`;
  const { act } = await stage.compose('alix', removalOrder(stage, url));
  await stage.move('bernard', act, 'sign', 'signer');
  await until('delivery', async () => (await stage.act('camille', act)).regions.delivery === 'received');
  await fs.unlink(path.join(stage.site.root, 'photos', 'Dune.jpg'));
  await stage.move('camille', act, 'accept', 'moderator', { target: 0 });
  const executed = await until('execution', async () => at(await stage.act('bernard', act), 'execute'));
  assert.equal(executed.body.measure, 'removed');
  assert.match(executed.body.not_reversible_reason, /no longer at its address/);
  assert.equal(executed.body.preserved_sha256, undefined);
  await stage.move('camille', act, 'contest', 'moderator', { body: { grounds: 'The order does not name which offence is incited.' } });
  const review = await until('the challenge at the overseer', async () => (await stage.act('elias', act)).reviews[0]);
  await stage.move('elias', act, 'annul', 'court_clerk', { review: review.id, body: { judgment_sha256: '0'.repeat(64), court: 'Court (demo)', reference: 'X', reasons: 'The reasons of the order are not sufficient.' } });
  await until('reversal', async () => (await stage.act('bernard', act)).regions.execution === 'reversed');
  assert.ok(!existsSync(path.join(stage.site.root, 'photos', 'Dune.jpg')));
});

test('an impossibility stops the hour, and its end starts a full hour anew', async () => {
  const url = `${stage.site.base}/photos/Wood.jpg`;
  const { act } = await stage.compose('alix', removalOrder(stage, url));
  await stage.move('bernard', act, 'sign', 'signer');
  await until('delivery', async () => (await stage.act('camille', act)).regions.delivery === 'received');
  const due = (v) => v.clocks.find((c) => c.id === 'execute')?.due;
  const first = due(await stage.act('camille', act));
  await stage.move('camille', act, 'impossible', 'moderator', { target: 0, body: { document: 'D03', ground: 'force_majeure', explanation: 'The data centre is without power; see the attached bulletin.', authorised_person: 'Camille Roux' } });
  await until('Annex III', async () => at(await stage.act('bernard', act), 'impossible'));
  assert.equal(due(await stage.act('bernard', act)), undefined, 'no hour runs while it is impossible');
  await stage.move('camille', act, 'ceased', 'moderator', { target: 0, body: { reasons: 'Power is back since a minute ago.' } });
  const view = await stage.act('camille', act);
  assert.equal(new Date(due(view)) - new Date(at(view, 'ceased').at), 3600e3);
  assert.ok(new Date(due(view)) > new Date(first));
});

test('across borders: the home authority holds the order at once, hears the issuer, and ends it', async () => {
  const url = `${stage.site.base}/photos/Aqua.jpg`;
  const draft = removalOrder(stage, url, { d: { cross_border: true, copy_sent: true } });
  draft.regime = 'eu-tco-removal-cross-border';
  draft.form.a.ms_home = 'IE';
  draft.participants.home = stage.nodes.home.party;
  const { act } = await stage.compose('alix', draft);
  await stage.move('bernard', act, 'sign', 'signer');
  const copy = await until('the copy at home', async () => {
    const v = await stage.act('fergus', act);
    return v.steps.some((s) => s.move === 'receive_copy' && s.party === stage.nodes.home.party) && v;
  });
  const receipt = copy.steps.find((s) => s.move === 'receive_copy' && s.party === stage.nodes.home.party);
  const own = copy.clocks.find((c) => c.id === 'scrutiny_own');
  assert.equal(new Date(own.due) - new Date(receipt.at), 72 * 3600e3, 'its 72 hours run from its own receipt');
  await stage.move('camille', act, 'accept', 'moderator', { target: 0 });
  await until('execution', async () => at(await stage.act('fergus', act), 'execute'));
  const told = await until('the user to be told', async () => (await stage.notifications()).find((n) => n.act === act && n.to === 'user'));
  const token = told.case_url.split('/').pop();
  const remedies = (await (await fetch(`${stage.nodes.platform.url}/v1/cases/${token}`)).json()).remedies;
  assert.ok(remedies.some((r) => r.move === 'request_scrutiny'));
  const lodged = await fetch(`${stage.nodes.platform.url}/v1/cases/${token}/contest`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'one' }, body: JSON.stringify({ grounds: 'The picture is a reproduction of a painting.', move: 'request_scrutiny' }) });
  assert.equal(lodged.status, 201);
  const again = await fetch(`${stage.nodes.platform.url}/v1/cases/${token}/contest`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'one' }, body: JSON.stringify({ grounds: 'The picture is a reproduction of a painting.', move: 'request_scrutiny' }) });
  assert.equal((await again.json()).step, (await lodged.json()).step, 'one key, one request');
  const review = await until('the request at home', async () => (await stage.act('fergus', act)).reviews.find((r) => r.route === 'scrutiny'));
  const reasons = 'None of the elements of Article 2(7) is present in a reproduction of a painting.';
  await assert.rejects(stage.move('fergus', act, 'infringe', 'home_officer', { review: review.id, body: { reasons } }), /needs event:intent|TCO-4-5/, 'the issuer is heard first');
  await stage.move('fergus', act, 'intent', 'home_officer', { review: review.id, body: { reasons } });
  await stage.move('fergus', act, 'infringe', 'home_officer', { review: review.id, body: { reasons } });
  await until('reversal', async () => (await stage.act('bernard', act)).regions.execution === 'reversed');
  assert.equal((await outside(url)).status, 200);
});
