// SPDX-License-Identifier: Apache-2.0
//
// A person's hand over HTTP, written apart from the product: reads the private key file, logs in, signs what the node
// prepared (DSSE, Ed25519) and posts it. A step is signed once and posted until it is acknowledged, as a careful
// client does: a second signing would be a second step.
import { createHash, createPrivateKey, createPublicKey, sign as edSign } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { sleep } from '../../../demo/stage.mjs';

export const stepType = 'application/vnd.entente.step+json';
export const sha256 = (...parts) => {
  const h = createHash('sha256');
  for (const p of parts) h.update(p);
  return h.digest();
};
export const hex = (...parts) => sha256(...parts).toString('hex');

// The pre-authentication encoding of DSSE v1.
export function pae(type, payload) {
  const t = Buffer.from(type);
  const p = Buffer.from(payload);
  return Buffer.concat([Buffer.from(`DSSEv1 ${t.length} ${type} ${p.length} `), p]);
}

export class Key {
  constructor(seed) {
    this.private = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
    this.public = createPublicKey(this.private).export({ format: 'der', type: 'spki' }).subarray(-32);
    this.id = hex('entente-key-v1\n', 'ed25519', this.public).slice(0, 32);
  }
  static load(file) {
    const line = readFileSync(file, 'utf8');
    if (!line.startsWith('ENTENTE-PRIVATE-KEY-1 ')) throw new Error(`${file} is no private key`);
    return new Key(Buffer.from(line.slice(22).trim(), 'base64'));
  }
  get text() {
    return `ed25519:${this.public.toString('base64')}`;
  }
  get fingerprint() {
    return hex(this.public);
  }
  sign(bytes) {
    return edSign(null, bytes, this.private);
  }
}

export function envelope(payload, keys, type) {
  const bytes = Buffer.from(payload);
  return {
    payload: bytes.toString('base64'),
    payloadType: type,
    signatures: keys.map((k) => ({ keyid: k.id, sig: k.sign(pae(type, bytes)).toString('base64') })),
  };
}
export const stepId = (env) => hex(Buffer.from(env.payload, 'base64'));

// What came back, whole: the status is what a test of refusals asks about.
export async function call(method, url, body, headers = {}) {
  const raw = typeof body === 'string' || Buffer.isBuffer(body);
  const answer = await fetch(url, {
    method,
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await answer.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: answer.status, text, json, headers: answer.headers };
}

// Says `post` with the node's address when a signed step is on its way there.
export const posting = new EventEmitter();
// How often clients had to repeat themselves: a crash test in which nobody had to has tested nothing.
export const repeats = { requests: 0, acknowledgedBefore: 0 };

// Repeats the very same request while nobody answers, or the answer is that the server had a fault.
export async function persist(request, ms = 60_000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await request();
      if (answer.status < 500) return answer;
      last = `status ${answer.status}: ${answer.text.slice(0, 200)}`;
    } catch (e) {
      last = e.cause?.code ?? e.message;
    }
    ++repeats.requests;
    await sleep(20);
  }
  throw new Error(`no answer within ${ms} ms: ${last}`);
}

export class Person {
  constructor(stage, who) {
    this.who = who;
    this.node = stage.keys[who].node;
    this.key = Key.load(stage.keys[who].file);
  }
  // One at a time: several tasks act through the same person.
  login() {
    this.opening ??= this.open().finally(() => (this.opening = undefined));
    return this.opening;
  }
  async open(attempts = 10) {
    const c = await persist(() => call('POST', `${this.node}/v1/sessions`, { keyid: this.key.id }));
    if (c.status !== 201) throw new Error(`${this.who} cannot log in: ${c.text}`);
    const signature = this.key.sign(pae(c.json.payload_type, Buffer.from(c.json.challenge, 'base64'))).toString('base64');
    const s = await persist(() => call('PUT', `${this.node}/v1/sessions/${c.json.session}`, { signature }));
    // An answer lost on the way leaves the challenge used up: ask for another.
    if (s.status === 401 && attempts > 1) return this.open(attempts - 1);
    if (s.status !== 200) throw new Error(`${this.who} cannot log in: ${s.text}`);
    this.me = s.json;
    this.token = s.json.token;
  }
  async request(method, path, body) {
    if (!this.token) await this.login();
    const go = () => persist(() => call(method, this.node + path, body, { Authorization: `Bearer ${this.token}` }));
    let answer = await go();
    if (answer.status === 401) {
      await this.login();
      answer = await go();
    }
    return answer;
  }
  async get(path) {
    const answer = await this.request('GET', path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.json;
  }
  act(act) {
    return this.get(`/v1/acts/${act}`);
  }
  async prepared(path, wish) {
    const answer = await this.request('POST', path, wish);
    if (answer.status !== 200) throw new Error(`${this.who} ${wish.move ?? 'draft'}: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.json;
  }
  signed(prepared) {
    return envelope(Buffer.from(prepared.payload, 'base64'), [this.key], prepared.payload_type);
  }
  async draft(order, role = 'drafter') {
    return this.signed(await this.prepared('/v1/acts/prepare', { role, ...order }));
  }
  async step(act, move, role, { target, review, body = {} } = {}) {
    return this.signed(await this.prepared(`/v1/acts/${act}/prepare`, { move, role, body, ...(target === undefined ? {} : { target }), ...(review ? { review } : {}) }));
  }
  post(env) {
    return persist(() => {
      const answer = call('POST', `${this.node}/v1/steps`, env);
      posting.emit('post', this.node);
      return answer;
    });
  }
  // Until acknowledged; the answer of a repeated request counts as much as the first one's.
  async submit(env) {
    const answer = await this.post(env);
    if (answer.status !== 201 && answer.status !== 200) throw new Error(`${this.who}: ${answer.status} ${answer.text.slice(0, 300)}`);
    if (answer.status === 200) ++repeats.acknowledgedBefore;
    return answer.json;
  }
}

// A small generator whose sequence a failing run can be repeated with.
export function seeded(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
