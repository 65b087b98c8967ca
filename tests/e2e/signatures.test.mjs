// SPDX-License-Identifier: Apache-2.0
//
// What a node of ours sends and answers, read by an implementation of RFC 9421 that is not ours.
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { removalOrder, until } from '../../demo/stage.mjs';
import { Peer, digest, verifyRequest } from './lib/peer.mjs';
import { Key } from './lib/signer.mjs';
import { endStage, makeStage } from './lib/world.mjs';

let stage;
let server;
let ok = true;
const received = [];
let provider;
before(async () => {
  server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (d) => parts.push(d));
    request.on('end', () => {
      received.push({ method: request.method, path: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
      response.writeHead(503).end();
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  provider = new Peer('video.example', 'platform', {}, `http://127.0.0.1:${server.address().port}`);
  stage = await makeStage('signatures');
  await provider.trustedBy(stage, 'authority');
  await stage.start();
});
after(async () => {
  server.close();
  await endStage(stage, ok);
});
const it = (name, work) =>
  test(name, async () => {
    try {
      await work();
    } catch (e) {
      ok = false;
      throw e;
    }
  });

it('a package is signed over method, address, type and digest, for five minutes, anew for each attempt', async () => {
  const { alix, bernard } = stage.people;
  const order = removalOrder(stage, 'https://video.example/watch/1');
  order.participants = { ...order.participants, addressee: provider.party };
  const { act, step: draft } = await alix.submit(await alix.draft(order));
  await bernard.submit(await bernard.step(act, 'sign', 'signer', { body: { draft } }));
  const packages = await until('two attempts at delivery', async () => {
    const own = received.filter((r) => r.path === '/v1/inbox');
    return own.length >= 2 && own;
  }, 30_000);
  const node = Key.load(path.join(stage.nodes.authority.folder, 'keys', 'node.key'));
  const seen = new Set();
  for (const { method, headers, body } of packages) {
    const request = { method, url: `${provider.url}/v1/inbox`, headers };
    assert.equal(headers['content-digest'], digest(body));
    assert.equal(await verifyRequest(request, node), true);
    assert.match(headers['signature-input'], /tag="entente-order"/);
    assert.equal(await verifyRequest({ ...request, url: `${provider.url}/v1/inbox?x=1` }, node), false);
    seen.add(/nonce="([^"]*)"/.exec(headers['signature-input'])[1]);
  }
  assert.equal(seen.size, packages.length, 'a nonce for each');
});
