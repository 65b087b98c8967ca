// SPDX-License-Identifier: Apache-2.0
//
// Clocks differ. The platform's runs nine minutes fast, then nine minutes slow (the most that is accepted is ten): the
// hour is counted from the platform's own receipt on the platform's own clock, the authority never records "overdue"
// before that hour has really passed, the difference is measured and written down on both sides, and the whole order
// goes through.
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { endStage, makeStage, of, pictures, publish, quiet, rows, wait, wholeOrder } from './lib/world.mjs';

const minute = 60_000;
const near = (actual, expected, what, slack = 5_000) => assert.ok(Math.abs(actual - expected) < slack, `${what}: ${actual}, expected about ${expected}`);

// The node wakes up at another time. `ms` is the whole difference to the real clock.
async function setClock(stage, id, ms) {
  await stage.stopNode(id);
  const file = path.join(stage.nodes[id].folder, 'entente.toml');
  const text = (await fs.readFile(file, 'utf8')).replace(/^clock_offset_ms = .*\n/m, '');
  await fs.writeFile(file, `clock_offset_ms = ${ms}\n${text}`);
  await stage.startNode(id);
  for (const p of Object.values(stage.people)) p.token = undefined; // sessions have their time too
}

async function untouchedOrder(stage, url) {
  const { alix, bernard, camille } = stage.people;
  const { act, step: draft } = await alix.submit(await alix.draft(removalOrder(stage, url)));
  await bernard.submit(await bernard.step(act, 'sign', 'signer', { body: { draft } }));
  await until('receipt at the authority', async () => (await bernard.act(act)).regions.delivery === 'received', wait);
  await until('receipt at the platform', async () => (await camille.act(act)).regions.delivery === 'received', wait);
  return act;
}

for (const [name, skew] of [['fast', 9 * minute], ['slow', -9 * minute]]) {
  test(`the platform’s clock is nine minutes ${name}`, { timeout: 120_000 }, async (t) => {
    const stage = await makeStage(`skew-${name}`, { clockOffsets: { platform: skew } });
    let ok = false;
    try {
      await stage.start();
      const { bernard, camille } = stage.people;
      const { authority, platform } = stage.nodes;

      await t.test('the whole order goes through', async () => {
        const act = await wholeOrder(stage, await publish(stage, 'skew.jpg', pictures[0]));
        await quiet(stage);
        const view = await bernard.act(act);
        assert.ok(view.steps.every((s) => s.status === 'applied'), 'no step is refused for its date');
        near(new Date(of(view, 'receive')[0].at) - new Date(of(view, 'send')[0].at), skew, 'the receipt bears the platform’s time');
        assert.deepEqual(await rows(platform, 'SELECT rule, detail FROM refusal'), []);
        assert.deepEqual(await rows(authority, 'SELECT rule, detail FROM refusal'), []);
      });

      await t.test('the difference is measured on both sides', async () => {
        const [seen] = await rows(authority, "SELECT ms FROM peer_skew WHERE party = 'photos.example'");
        near(seen.ms, skew, 'what the authority measured of the platform');
        const [back] = await rows(platform, "SELECT ms FROM peer_skew WHERE party = 'interior.example'");
        near(back.ms, -skew, 'what the platform measured of the authority');
      });

      let act;
      await t.test('the hour runs from the platform’s receipt, on every node', async () => {
        act = await untouchedOrder(stage, `${stage.site.base}/photos/skew.jpg`);
        const [there, here] = [await camille.act(act), await bernard.act(act)];
        const receive = of(there, 'receive')[0];
        near(receive.body.sender_skew_ms, -skew, 'the receipt says how the sender’s clock differs');
        for (const v of [there, here]) {
          const clock = v.clocks.find((c) => c.id === 'execute');
          assert.equal(new Date(clock.due) - new Date(receive.at), 60 * minute);
        }
        const item = (await camille.get('/v1/queue')).items.find((i) => i.id === act);
        near(new Date(item.due) - (Date.now() + skew), 60 * minute, 'a moderator sees a whole hour on the platform’s clock');
        assert.equal(of(here, 'overdue').length, 0);
      });

      // Both nodes wake up later together, the difference between them unchanged; `t` is on the platform's clock.
      const platformWakesAt = async (t) => {
        const ms = t - skew - Date.now();
        await setClock(stage, 'platform', ms + skew);
        await setClock(stage, 'authority', ms);
      };
      let due;
      await t.test('one minute before the time is up on the platform’s clock: not overdue', async () => {
        due = new Date((await bernard.act(act)).clocks.find((c) => c.id === 'execute').due_1182).getTime();
        assert.equal(new Date((await camille.act(act)).clocks.find((c) => c.id === 'execute').due_1182).getTime(), due);
        const now = due - minute;
        await platformWakesAt(now);
        // On the authority's clock a slow platform's hour seems long past. Its scheduler looks, and puts the act off; a
        // fast platform's hour is not even worth a look.
        const next = async () => (await rows(authority, `SELECT next_at FROM act WHERE act = '${act}'`))[0].next_at;
        if (skew < 0) await until('the scheduler to have looked and put it off', async () => (await next()) > due, wait);
        else assert.equal(await next(), due);
        assert.equal(of(await bernard.act(act), 'overdue').length, 0);
        assert.equal((await camille.act(act)).regions.execution, 'pending');
      });

      await t.test('the authority records it once the hour and the tolerance of Regulation 1182/71 have passed', async () => {
        // Both clocks have to be past it: neither organisation may say "late" before its own clock does.
        await platformWakesAt(due + minute + Math.max(0, skew));
        await until('overdue at the authority', async () => of(await bernard.act(act), 'overdue').length === 1, wait);
        await until('overdue at the platform', async () => of(await camille.act(act), 'overdue').some((s) => s.status === 'applied'), wait);
        // Late is still possible, and better than never.
        await camille.submit(await camille.step(act, 'accept', 'moderator', { target: 0 }));
        await until('execution', async () => of(await bernard.act(act), 'execute').length === 1, wait);
      });
      ok = true;
    } finally {
      await endStage(stage, ok);
    }
  });
}
