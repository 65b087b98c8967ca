// SPDX-License-Identifier: Apache-2.0
//
// A canned node: serves the build under the real content security policy and answers the API from fixtures. It does
// check signatures, so that a page that signs wrongly is seen to fail. For looking at pages; the system test runs
// against real nodes.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import * as fx from './fixtures.mjs';

const kPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'; frame-ancestors 'none'";
const kTypes = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

// A picture to veil: loud shapes, so that a missing veil shows.
const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360"><rect width="640" height="360" fill="#c33"/><circle cx="200" cy="180" r="110" fill="#fc3"/><rect x="340" y="90" width="220" height="180" fill="#06a"/><text x="60" y="60" font-size="40" fill="#fff">CONTENT</text></svg>`;

const pae = (type, payload) => Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);

// people: role name -> { keyid, public: 32 raw bytes }
export function startNode(dist, who, key) {
  const state = { person: fx.people[who], refuse: false };
  const spki = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.public]), format: 'der', type: 'spki' });
  const good = (type, payload, sig) => verify(null, pae(type, payload), spki, Buffer.from(sig, 'base64'));
  const challenge = Buffer.alloc(32, 7);
  const session = () => ({ ...state.person, keyid: key.keyid, expires_at: fx.at(600) });
  const prepared = (act, regime, move, role, body, more = {}) => {
    const payload = Buffer.from(JSON.stringify({ v: 1, act, dossier: act, regime: `${regime}@1`, move, at: fx.at(0), after: [], by: [{ party: state.person.party, person: state.person.person, role, keyid: key.keyid }], ...more, body }));
    const step = createHash('sha256').update(payload).digest('hex');
    return { act, dossier: act, step, move, payload_type: 'application/vnd.entente.step+json', payload: payload.toString('base64') };
  };

  const answer = (method, path, body) => {
    const is = (m, p) => m === method && p.exec(path);
    if (is('GET', /^\/v1\/node$/)) return [200, { ...fx.node, now: fx.at(0) }];
    if (is('POST', /^\/v1\/sessions$/)) return [201, { session: 's1', challenge: challenge.toString('base64'), payload_type: 'application/vnd.entente.session' }];
    if (is('PUT', /^\/v1\/sessions\/s1$/)) {
      if (!good('application/vnd.entente.session', challenge, body.signature)) return [401, { type: 'about:blank', title: 'Bad signature', status: 401, detail: 'the signature does not verify' }];
      state.in = true;
      return [200, session()];
    }
    if (is('GET', /^\/v1\/me$/)) return state.in ? [200, session()] : [401, { type: 'about:blank', title: 'Not logged in', status: 401, detail: '' }];
    if (is('GET', /^\/v1\/parties$/)) return [200, { items: fx.parties }];
    const regime = is('GET', /^\/v1\/regimes\/([\w-]+)$/);
    if (regime) return [200, fx.regimes[regime[1]]];
    if (is('GET', /^\/v1\/queue$/)) return [200, { ...fx.queue, now: fx.at(0) }];
    if (is('GET', /^\/v1\/acts$/)) return [200, fx.acts];
    if (is('POST', /^\/v1\/acts\/prepare$/)) {
      if (state.refuse) return [422, fx.refusal];
      const { form, targets, participants } = body;
      return [200, prepared(body.act ?? fx.kDraft, body.regime, 'compose', body.role, { form, targets, participants })];
    }
    const prepare = is('POST', /^\/v1\/acts\/(\w+)\/prepare$/);
    if (prepare) {
      const act = prepare[1] === fx.kNotice ? fx.noticeAct : fx.act;
      const { target, review } = body;
      return [200, prepared(act.act, act.regime.name, body.move, body.role, body.body, { ...(target !== undefined && { target }), ...(review && { review }) })];
    }
    const act = is('GET', /^\/v1\/acts\/(\w+)$/);
    if (act) return [200, { ...(act[1] === fx.kNotice ? fx.noticeAct : fx.act), now: fx.at(0) }];
    if (is('POST', /^\/v1\/steps$/)) {
      if (!good(body.payloadType, Buffer.from(body.payload, 'base64'), body.signatures[0].sig)) return [422, { type: 'about:blank', title: 'Bad signature', status: 422, detail: 'forged' }];
      const p = JSON.parse(Buffer.from(body.payload, 'base64'));
      return [201, { act: p.act, step: 'x', move: p.move, status: 'applied' }];
    }
    if (is('POST', /^\/v1\/match\/[^/]+\/decision$/)) return [200, { ...fx.matchAnswer, review_state: body.decision, decided_by: state.person.name, decided_at: fx.at(0) }];
    if (is('GET', /^\/v1\/match\//)) return [200, fx.matchAnswer];
    if (is('GET', /^\/v1\/record\//)) return [200, fx.record];
    if (is('GET', /^\/v1\/cases\//)) return [200, fx.caseView];
    if (is('POST', /^\/v1\/cases\/[^/]+\/contest$/)) return [201, { act: fx.kAct, step: 'x', move: 'contest', status: 'applied' }];
    if (is('POST', /^\/v1\/notices$/)) return [201, fx.receipt];
    return [404, { type: 'about:blank', title: 'Not found', status: 404, detail: path }];
  };

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://x');
    const send = (status, type, body) => response.writeHead(status, { 'Content-Type': type, 'Content-Security-Policy': kPolicy, 'Cache-Control': 'no-store' }).end(body);
    if (pathname === '/v1/queue/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('event: queue\ndata: {}\n\n');
      return;
    }
    if (/\/targets\/\d+\/content$/.test(pathname)) return void send(200, 'image/svg+xml', picture);
    if (pathname.startsWith('/v1/')) {
      const chunks = [];
      request.on('data', (c) => chunks.push(c));
      request.on('end', () => {
        const [status, body] = answer(request.method, pathname, chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : undefined);
        send(status, status < 400 ? 'application/json' : 'application/problem+json', JSON.stringify(body));
      });
      return;
    }
    const file = join(dist, pathname);
    const wanted = pathname !== '/' && existsSync(file) ? file : pathname.includes('.') ? undefined : join(dist, 'index.html');
    if (!wanted) return void send(404, 'text/plain', 'no such file');
    send(200, kTypes[extname(wanted)] ?? 'application/octet-stream', readFileSync(wanted));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ url: `http://127.0.0.1:${server.address().port}`, state, close: () => server.close() || server.closeAllConnections() })));
}
