// SPDX-License-Identifier: Apache-2.0
//
// A node restored from a backup that is older than its last cosigned head holds another history than the public has
// seen. Its witness refuses to cosign it, and the node says so loudly; nothing covers it up.
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { endStage, makeStage, pictures, publish } from './lib/world.mjs';

let stage;
let ok = false;
before(async () => {
  stage = await makeStage('rollback');
  await stage.start();
});
after(() => endStage(stage, ok));

const ledger = async (what) => (await fetch(`${stage.nodes.authority.url}/ledger/${what}`)).text();
const cosigned = (size) => async () => {
  const note = await ledger('checkpoint');
  return note.split('\n')[1] === String(size) && note.includes('— overseer.example/witness ');
};
async function order(name) {
  const { url } = await publish(stage, name, pictures[0]);
  const { act } = await stage.compose('alix', removalOrder(stage, url));
  await stage.move('bernard', act, 'sign', 'signer');
  await until('the record', async () => (await stage.act('bernard', act)).regions.publication === 'published');
}
const size = async () => Number((await ledger('checkpoint')).split('\n')[1]);

test('a ledger restored from an old backup is not cosigned, and its operator hears of it', async () => {
  await order('first.jpg');
  await until('the cosignature', cosigned(await size()));
  const { folder, log } = stage.nodes.authority;
  await stage.stopNode('authority');
  const copy = path.join(stage.dir, 'old.db');
  await fs.copyFile(path.join(folder, 'entente.db'), copy);

  await stage.startNode('authority');
  await order('second.jpg');
  const seen = await size();
  await until('the cosignature of what the backup lacks', cosigned(seen));
  await stage.stopNode('authority');
  assert.ok(!(await fs.readFile(log, 'utf8')).includes('witness.contradiction'));

  await fs.copyFile(copy, path.join(folder, 'entente.db'));
  await stage.startNode('authority');
  assert.ok((await size()) < seen);
  const line = await until('the alarm', async () => (await fs.readFile(log, 'utf8')).split('\n').find((l) => l.includes('witness.contradiction')));
  assert.equal(JSON.parse(line).level, 'error');
  assert.equal(JSON.parse(line).party, 'overseer.example');
  await order('third.jpg');
  const forked = await ledger('checkpoint');
  assert.ok(!forked.includes('— overseer.example/witness '), 'the second history has no cosignature');
  ok = true;
});
