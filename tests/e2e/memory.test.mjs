// SPDX-License-Identifier: Apache-2.0
//
// A node's memory: under 64 MiB when it has just started and nothing happens, under 512 MiB after 2000 steps on each
// node and 200 checked uploads on the platform. Counted is what the node's processes hold together: resident memory of
// the node itself, and its share with its decoders (Pss), which are forked from it.
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { after, before, test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { call } from './lib/signer.mjs';
import { endStage, makeStage, pictures, publish, quiet, rows } from './lib/world.mjs';

const MiB = 1024; // of the kB in /proc
const steps = 2000;
const matches = 200;
const perAct = 6; // compose, sign, send, receive, receive_copy, publish

let stage;
let passed = 0;
before(async () => {
  stage = await makeStage('memory');
  await stage.start();
});
after(() => endStage(stage, passed === 2));

const kib = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
async function family(pid) {
  const out = [pid];
  for (const task of await fs.readdir(`/proc/${pid}/task`)) {
    const text = await fs.readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '');
    for (const child of text.trim().split(' ').filter(Boolean)) out.push(...(await family(Number(child))));
  }
  return out;
}
async function memory(id) {
  const { pid } = stage.children.get(id);
  const status = await fs.readFile(`/proc/${pid}/status`, 'utf8');
  const pids = await family(pid);
  let pss = 0;
  for (const p of pids) pss += kib(await fs.readFile(`/proc/${p}/smaps_rollup`, 'utf8').catch(() => ''), 'Pss');
  return { rss: kib(status, 'VmRSS') / MiB, peak: kib(status, 'VmHWM') / MiB, pss: pss / MiB, processes: pids.length };
}
async function below(t, limit, when) {
  for (const id of ['authority', 'platform', 'overseer']) {
    const m = await memory(id);
    t.diagnostic(`${id} ${when}: RSS ${m.rss.toFixed(1)} MiB (peak ${m.peak.toFixed(1)}), with its ${m.processes - 1} child processes ${m.pss.toFixed(1)} MiB`);
    assert.ok(m.rss > 1 && m.rss < limit, `${id}: ${m.rss} MiB`);
    assert.ok(m.pss > 1 && m.pss < limit, `${id} with its children: ${m.pss} MiB`);
  }
}

test('idle: under 64 MiB', async (t) => {
  await quiet(stage);
  await below(t, 64, 'idle');
  ++passed;
});

test(`after ${steps} steps and ${matches} checked uploads: under 512 MiB`, { timeout: 180_000 }, async (t) => {
  const { alix, bernard } = stage.people;
  const { url } = await publish(stage, 'memory.jpg', pictures[0]);
  await Promise.all([alix.login(), bernard.login()]);
  let left = Math.ceil(steps / perAct);
  const official = async () => {
    while (left-- > 0) {
      const d = await alix.submit(await alix.draft(removalOrder(stage, url)));
      await bernard.submit(await bernard.step(d.act, 'sign', 'signer', { body: { draft: d.step } }));
    }
  };
  const images = await Promise.all(pictures.map((p) => fs.readFile(p)));
  const token = (await fs.readFile(`${stage.nodes.platform.folder}/keys/upload.token`, 'utf8')).trim();
  let checked = 0;
  const uploader = async () => {
    while (checked < matches) {
      const image = images[checked++ % images.length];
      const answer = await call('POST', `${stage.nodes.platform.url}/v1/match`, image, { Authorization: `Bearer ${token}`, 'Content-Type': 'image/jpeg' });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.proposal, 'none');
    }
  };
  await Promise.all([official(), official(), official(), official(), uploader(), uploader()]);
  for (const node of Object.values(stage.nodes))
    await until(`${steps} steps at ${node.id}`, async () => (await rows(node, 'SELECT COUNT(*) AS n FROM step'))[0].n >= steps, 120_000);
  await quiet(stage, 120_000);
  await below(t, 512, `after ${steps} steps and ${checked} uploads`);
  ++passed;
});
