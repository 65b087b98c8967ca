// SPDX-License-Identifier: Apache-2.0
//
// People and partners change while the nodes serve: the command line finds the node that holds the folder, and a
// revocation ends a person's sessions and steps at once, at home and, when the next package comes, at the partners.
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { Person, call } from './lib/signer.mjs';
import { endStage, makeStage, pictures, publish } from './lib/world.mjs';

let stage;
let ok = true;
before(async () => {
  stage = await makeStage('people');
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
const refused = async (...args) => {
  try {
    await stage.entente(...args);
  } catch (e) {
    return e.message;
  }
  throw new Error(`${args.join(' ')} was not refused`);
};
async function enrol(id, name, node, ...roles) {
  const file = path.join(stage.dir, 'people', `${id}.key`);
  await stage.entente('key', 'new', file);
  const line = await stage.entente('person', 'add', stage.nodes[node].folder, '--name', name, '--key', file, ...roles.flatMap((r) => ['--role', r]));
  stage.keys[id] = { file, node: stage.nodes[node].url, name };
  return { person: new Person(stage, id), keyid: line.trim().split(' ')[1] };
}

it('what a stopped node refuses a serving one refuses too, in one line', async () => {
  const { folder } = stage.nodes.platform;
  assert.match(await refused('person', 'revoke', folder, '0'.repeat(32)), /nobody of this organisation/);
  const entry = path.join(stage.dir, 'authority.entry');
  assert.match(await refused('party', 'add', folder, entry, '--fingerprint', stage.nodes.overseer.fingerprint), /another key than the one you confirmed/);
  assert.match(await refused('person', 'add', folder, '--name', 'X', '--public', 'ed25519:AAAA', '--role', 'moderator'), /32 bytes/);
});

it('lists read the same beside a running node and after it', async () => {
  const { folder, id } = stage.nodes.authority;
  const ask = async () => [await stage.entente('person', 'list', folder), await stage.entente('party', 'list', folder)];
  const serving = await ask();
  await stage.stopNode(id);
  assert.deepEqual(await ask(), serving);
  await stage.startNode(id);
  assert.ok(serving[0].split('\n').length >= 2 && serving[1].split('\n').length === 3, serving.join('\n'));
});

it('a person enrolled beside a running node works at once; revoked, they do nothing more', async () => {
  const item = await publish(stage, 'people.jpg', pictures[0]);
  const { person: nina, keyid } = await enrol('nina', 'Nina', 'authority', 'drafter');
  const draft = await nina.draft(removalOrder(stage, item.url));
  const token = nina.token;
  assert.equal((await nina.post(draft)).status, 201);
  const second = await nina.draft(removalOrder(stage, item.url)); // signed while the key was good
  assert.equal(await stage.entente('person', 'revoke', stage.nodes.authority.folder, keyid), `revoked ${keyid}`);
  assert.equal((await call('GET', `${nina.node}/v1/me`, undefined, { Authorization: `Bearer ${token}` })).status, 401, 'the session ended');
  const late = await nina.post(second);
  assert.equal(late.status, 401, late.text);
  assert.match(late.json.detail, /revoked/);
  assert.equal((await call('POST', `${nina.node}/v1/sessions`, { keyid })).status, 401);
});

it('partners learn of new people and of revocations by themselves', async () => {
  const item = await publish(stage, 'people-2.jpg', pictures[1]);
  const { person: omar, keyid } = await enrol('omar', 'Omar', 'authority', 'signer');
  const alix = stage.people.alix;
  const { act, step: draft } = await alix.submit(await alix.draft(removalOrder(stage, item.url)));
  await omar.submit(await omar.step(act, 'sign', 'signer', { body: { draft } }));
  await until('the order of a signer the platform had never heard of', async () => (await stage.people.camille.request('GET', `/v1/acts/${act}`)).json?.regions?.delivery === 'received', 60_000);
  await stage.entente('person', 'revoke', stage.nodes.authority.folder, keyid);
  const entry = (await call('GET', `${stage.nodes.authority.url}/.well-known/entente.json`)).json;
  const officials = JSON.parse(Buffer.from(entry.payload, 'base64')).officials;
  assert.ok(officials.some((o) => o.revoked_at), 'the directory entry says so at once');
});

it('a process that holds the database without being its node is named', async () => {
  const copy = path.join(stage.dir, 'elsewhere');
  await fs.cp(stage.nodes.overseer.folder, copy, { recursive: true });
  const toml = path.join(copy, 'entente.toml');
  await fs.writeFile(toml, (await fs.readFile(toml, 'utf8')).replace(/^port = .*$/m, 'port = 9'));
  const { spawn } = await import('node:child_process');
  const holder = spawn('flock', [path.join(copy, 'entente.db.lock'), 'sleep', '60'], { stdio: 'ignore', detached: true });
  try {
    await until('the lock', async () => !(await stage.entente('person', 'list', copy).then(() => true, () => false)), 10_000);
    assert.match(await refused('person', 'list', copy), /holds the folder's database/);
  } finally {
    process.kill(-holder.pid, 'SIGKILL');
  }
});
