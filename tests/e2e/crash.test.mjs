// SPDX-License-Identifier: Apache-2.0
//
// kill -9 at 100 random points of the main job loses no acknowledged step and repeats no effect. Several orders run at
// once through three nodes and a real nginx while a seeded hand kills one node after another, some while they start;
// every client repeats the same request until it is acknowledged. SEED=n repeats a run's choices.
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { outside, sleep, until } from '../../demo/stage.mjs';
import { hex, posting, repeats, seeded } from './lib/signer.mjs';
import { checkProof } from './lib/tlog.mjs';
import { endStage, judge, makeStage, of, pictures, publish, quiet, rows, wholeOrder } from './lib/world.mjs';

const kills = Number(process.env.KILLS ?? 100);
const atOnce = 3;
const seed = Number(process.env.SEED ?? 20261122);
const ids = ['authority', 'platform', 'overseer'];

let stage;
let ok = false;
const acknowledged = new Map(); // step -> {act, move}
const items = new Map(); // act -> {url, sha256}
const killed = { authority: 0, platform: 0, overseer: 0, starting: 0 };

before(async () => {
  stage = await makeStage('crash');
  await stage.start();
});
after(() => endStage(stage, ok));

const total = () => killed.authority + killed.platform + killed.overseer;

// The child is gone at once, whatever it was doing; the next one begins from what is on the disk.
async function kill(id) {
  const child = stage.children.get(id);
  const alive = child.kill('SIGKILL');
  const end = await child.exited;
  assert.ok(alive && end.signal === 'SIGKILL', `${id} had ended by itself: ${JSON.stringify(end)}`);
  ++killed[id];
}

async function killAndRestart(id, dice) {
  await kill(id);
  for (;;) {
    const dead = stage.children.get(id);
    const ready = stage.startNode(id).then(() => true, () => false);
    if (total() < kills && dice() < 0.15) {
      // While it opens its store, replays and releases what its predecessor had begun.
      await until(`${id} to be there`, () => stage.children.get(id) !== dead);
      await sleep(dice() * 120);
      await kill(id);
      ++killed.starting;
      await ready;
      continue;
    }
    assert.ok(await ready, `${id} starts after a kill: see ${stage.nodes[id].log}`);
    return;
  }
}

async function reaper(done) {
  const dice = seeded(seed);
  while (total() < kills && !done.failed) {
    const d = dice();
    if (dice() < 0.4) {
      // Around the commit of a step: before it, or between it and the answer that never arrives.
      const url = await Promise.race([new Promise((r) => posting.once('post', r)), sleep(1600)]);
      await sleep(dice() * 12);
      if (url) await killAndRestart(ids.find((id) => stage.nodes[id].url === url), dice);
      continue;
    }
    await sleep(dice() * dice() * 1600);
    // The platform has most to lose: files, map, bank, notifications.
    await killAndRestart(d < 0.5 ? 'platform' : d < 0.8 ? 'authority' : 'overseer', dice);
  }
}

async function worker(number, done) {
  for (let i = 0; total() < kills && !done.failed; ++i) {
    const item = await publish(stage, `w${number}-${i}.jpg`, pictures[(number + i) % pictures.length]);
    try {
      const act = await wholeOrder(stage, item, (a, step, move) => {
        acknowledged.set(step, { act: a, move });
        items.set(a, item);
      });
      items.set(act, item);
    } catch (e) {
      done.failed = true;
      throw e;
    }
  }
}

test(`${kills} kills in the middle of the work (seed ${seed})`, { timeout: 230_000 }, async (t) => {
  const done = { failed: false };
  const all = await Promise.allSettled([reaper(done).catch((e) => { done.failed = true; throw e; }), ...Array.from({ length: atOnce }, (_, n) => worker(n, done))]);
  const wrong = all.filter((r) => r.status === 'rejected').map((r) => r.reason.message);
  assert.deepEqual(wrong, []);
  assert.equal(total(), kills);
  await quiet(stage);
  t.diagnostic(`${items.size} orders, ${acknowledged.size} acknowledged steps; kills: ${JSON.stringify(killed)}`);
  t.diagnostic(`${repeats.requests} requests had to be repeated; ${repeats.acknowledgedBefore} steps had been taken although the answer was lost`);
  assert.ok(items.size >= atOnce);
  assert.ok(repeats.requests >= kills / 4, 'the kills fell into the work');
});

const views = new Map(); // act -> {authority, platform, overseer}
test('every node holds the same steps, applied, and the same regions', async () => {
  const { bernard, camille, elias } = stage.people;
  for (const act of items.keys()) {
    const v = { authority: await bernard.act(act), platform: await camille.act(act), overseer: await elias.act(act) };
    views.set(act, v);
    const steps = (x) => x.steps.map((s) => `${s.step} ${s.move} ${s.status}`).sort();
    for (const id of ids) {
      assert.deepEqual(v[id].regions, v.authority.regions, `regions of ${act} at ${id}`);
      assert.deepEqual(steps(v[id]), steps(v.authority), `steps of ${act} at ${id}`);
      assert.ok(v[id].steps.every((s) => s.status === 'applied'), `all steps of ${act} are applied at ${id}`);
    }
    assert.equal(v.authority.regions.execution, 'reversed');
    assert.equal(v.authority.regions.publication, 'published');
  }
});

test('no acknowledged step is lost', () => {
  for (const [step, { act, move }] of acknowledged)
    for (const id of ids) assert.ok(views.get(act)[id].steps.some((s) => s.step === step && s.status === 'applied'), `${move} of ${act} at ${id}`);
});

test('nothing was said twice: one execution, one information, one restoration, one receipt', () => {
  for (const [act, v] of views)
    for (const move of ['compose', 'sign', 'send', 'receive', 'receive_copy', 'publish', 'accept', 'execute', 'inform_user', 'contest', 'annul', 'reversed'])
      assert.equal(of(v.platform, move).length, 1, `${move} of ${act}`);
});

test('each step’s leaf is proven on every node that holds it', async () => {
  const vkey = Object.fromEntries(Object.values(stage.nodes).map((n) => [`${n.party}/ledger`, n.vkey]));
  for (const [act] of views) {
    for (const id of ids) {
      const { url } = stage.nodes[id];
      const record = await (await fetch(`${url}/v1/record/${act}`)).json();
      assert.equal(record.steps.length, views.get(act)[id].steps.length);
      for (const s of record.steps) {
        const proof = await (await fetch(`${url}/v1/acts/${act}/steps/${s.step}/proof`)).text();
        checkProof(proof, s.entry, vkey[s.leaf.origin]);
        // A check that cannot fail proves nothing.
        assert.throws(() => checkProof(proof, s.entry.replace('"v":1', '"v":2'), vkey[s.leaf.origin]), /no proof/);
      }
    }
  }
});

test('the content is back, byte for byte, and each file was sealed, blocked, withdrawn, put back and unblocked once', async () => {
  const sealed = path.join(stage.nodes.platform.folder, 'sealed');
  for (const [act, { url, sha256 }] of items) {
    const answer = await outside(url);
    assert.equal(answer.status, 200);
    assert.equal(hex(answer.body), sha256);
    const accept = of(views.get(act).platform, 'accept')[0];
    const key = `${act}:0:${accept.step.slice(0, 16)}`;
    const lines = (await fs.readFile(path.join(sealed, 'journal', `${hex(key)}.jsonl`), 'utf8')).trim().split('\n').map((l) => JSON.parse(l));
    assert.deepEqual(lines.map((l) => l.effect).sort(), ['blocked', 'put_back', 'sealed', 'unblocked', 'withdrawn'], `journal of ${act}`);
  }
  assert.equal((await fs.readdir(path.join(sealed, 'journal'))).length, items.size);
});

test('the user was told once of the restriction and once of the restoration', async () => {
  const folder = path.join(stage.nodes.platform.folder, 'notifications');
  const told = await stage.notifications();
  for (const act of items.keys())
    assert.deepEqual(told.filter((n) => n.act === act).map((n) => n.about).sort(), ['restored', 'restricted'], act);
  assert.equal((await fs.readdir(folder)).length, 2 * items.size, 'no half file is left');
});

test('one bank entry per order, tombstoned', async () => {
  const found = await rows(stage.nodes.platform, 'SELECT act, COUNT(*) AS n, SUM(tombstoned_at IS NOT NULL) AS gone FROM bank_entry GROUP BY act');
  assert.equal(found.length, items.size);
  for (const r of found) assert.deepEqual({ n: r.n, gone: r.gone }, { n: 1, gone: 1 }, r.act);
  const failed = await rows(stage.nodes.platform, "SELECT key, last_error FROM effect_outbox WHERE state <> 'done'");
  assert.deepEqual(failed, []);
});

test('nothing was refused on the way', async () => {
  for (const id of ids) assert.deepEqual(await rows(stage.nodes[id], 'SELECT move, party, source, rule, detail FROM refusal'), [], id);
});

test('each ledger passes the independent judge, and the node’s own audit', async () => {
  const ask = await judge();
  for (const id of ids) assert.match((await ask(`${stage.nodes[id].url}/ledger`, stage.nodes[id].vkey)).stdout, /^ok /);
  for (const id of ids) await stage.stopNode(id);
  for (const id of ids) assert.match(await stage.entente('audit', stage.nodes[id].folder), /^ok /);
  ok = true;
});
