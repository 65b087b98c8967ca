// SPDX-License-Identifier: Apache-2.0
//
// A person's step enters by their own organisation's node only. Signed well but posted to a partner's node directly, it
// would move the act there without a leaf in any ledger, also under a key that its own node has revoked since.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { endStage, makeStage, pictures, publish } from './lib/world.mjs';

let stage;
let ok = false;
before(async () => {
  stage = await makeStage('own-steps');
  await stage.start();
});
after(() => endStage(stage, ok));

test('an annulment posted to the platform past its author’s ledger is refused, and arrives with its proof later', async () => {
  const { url } = await publish(stage, 'own.jpg', pictures[0]);
  const { act } = await stage.compose('alix', removalOrder(stage, url));
  await stage.move('bernard', act, 'sign', 'signer');
  await until('the order at the platform', async () => (await stage.act('camille', act)).regions.delivery === 'received');
  await stage.move('camille', act, 'contest', 'moderator', { body: { grounds: 'The image shows a garden and nothing else at all.' } });
  const review = await until('the challenge at the overseer', async () => (await stage.act('elias', act)).reviews[0]);

  await stage.stopNode('platform');
  const annulled = await stage.move('elias', act, 'annul', 'court_clerk', {
    review: review.id,
    body: { judgment_sha256: 'a'.repeat(64), court: 'Court (test)', reference: 'T-1', reasons: 'The image shows a garden; none of the elements is present.' },
  });
  const { node, file } = stage.keys.elias;
  const envelope = await stage.json('act', 'show', '--node', node, '--key', file, `${act}/steps/${annulled.step}`);
  await stage.stopNode('overseer');
  await stage.startNode('platform');

  const answer = await fetch(`${stage.nodes.platform.url}/v1/steps`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(envelope),
  });
  const problem = await answer.json();
  assert.equal(answer.status, 403);
  assert.equal(problem.rule, 'SG12');
  assert.equal((await stage.act('camille', act)).regions.review, 'open');

  await stage.startNode('overseer');
  const view = await until('the annulment by the road', async () => {
    const v = await stage.act('camille', act);
    return v.regions.review === 'annulled' && v;
  });
  assert.equal(view.steps.find((s) => s.move === 'annul').leaf.origin, 'overseer.example/ledger');
  ok = true;
});
