// SPDX-License-Identifier: Apache-2.0
//
// An organisation that speaks the protocol and is not our program: it makes steps, logs them and packs them as
// api/openapi.yaml says, and lies wherever a test asks it to. It has no server: what is delivered to it fails.
import { createPublicKey, randomBytes, verify as edVerify } from 'node:crypto';
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { httpbis } from 'http-message-signatures';
import { removalOrder } from '../../../demo/stage.mjs';
import { Key, call, envelope, hex, sha256, stepId, stepType } from './signer.mjs';
import { Log } from './tlog.mjs';

export const regime = 'eu-tco-removal@1';
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
export const ulid = () => `0${[...randomBytes(25)].map((b) => alphabet[b % 32]).join('')}`;
export const at = (offsetMs = 0) => new Date(Date.now() + offsetMs).toISOString().replace('.000Z', 'Z');

// Members in the order of their names, no white space.
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(',')}}`;
}

export const digest = (body) => `sha-256=:${sha256(body).toString('base64')}:`;
const publicKey = (key) => createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key.public]), format: 'der', type: 'spki' });
const required = ['created', 'expires', 'nonce', 'keyid', 'alg', 'tag'];

// A request signed as RFC 9421 has it, by a library that is not ours.
export async function signedRequest(url, body, key, { tag = 'entente-order', created = new Date(), fields } = {}) {
  const request = { method: 'POST', url, headers: { 'Content-Type': 'application/json', 'Content-Digest': digest(body) } };
  const signed = await httpbis.signMessage(
    {
      key: { id: key.id, alg: 'ed25519', sign: async (bytes) => key.sign(bytes) },
      name: 'peer',
      params: required,
      fields: fields ?? ['@method', '@target-uri', 'content-type', 'content-digest'],
      paramValues: { created, expires: new Date(created.getTime() + 120_000), nonce: randomBytes(12).toString('hex'), tag },
    },
    request,
  );
  return signed.headers;
}
// What that library says of a request that a node of ours sent.
export function verifyRequest(request, key) {
  return httpbis.verifyMessage(
    {
      keyLookup: async () => ({ id: key.id, algs: ['ed25519'], verify: async (data, signature) => edVerify(null, data, publicKey(key), signature) }),
      requiredParams: required,
      requiredFields: ['@method', '@target-uri', 'content-type', 'content-digest'],
      maxAge: 300,
      tolerance: 5,
    },
    request,
  );
}

export class Peer {
  constructor(party, kind, people = {}, url = 'http://127.0.0.1:9') {
    Object.assign(this, { party, kind, url });
    this.node = new Key(randomBytes(32));
    this.log = new Log(`${party}/ledger`, new Key(randomBytes(32)));
    this.people = Object.fromEntries(Object.entries(people).map(([name, roles]) => [name, { person: `p-${name}-${party.split('.')[0]}`, key: new Key(randomBytes(32)), roles }]));
  }
  entry() {
    const officials = Object.values(this.people).map((p) => ({ person: p.person, key: p.key.text, roles: p.roles }));
    const body = { v: 1, party: this.party, name: this.party, kind: this.kind, url: this.url, node_key: this.node.text, log_vkey: this.log.vkey, witness_vkey: '', officials, issued_at: at() };
    return JSON.stringify(envelope(canonical(body), [this.node], 'application/vnd.entente.directory+json'));
  }
  // As an operator does after comparing fingerprints; the node is not running.
  async trustedBy(stage, id) {
    const file = path.join(stage.dir, `${this.party}.entry`);
    await fs.writeFile(file, this.entry());
    await stage.entente('party', 'add', stage.nodes[id].folder, file, '--fingerprint', this.node.fingerprint);
  }
  hand(role, name) {
    const p = this.people[name];
    return { party: this.party, role, keyid: p ? p.key.id : this.node.id, ...(p ? { person: p.person } : {}) };
  }
  key(name) {
    return this.people[name]?.key ?? this.node;
  }
  // A signed step with its leaf in this party's ledger.
  step({ act, dossier, move, role, person, after = [], body = {}, target, review, when = at(), hand, key }) {
    const payload = canonical({ v: 1, act, dossier, regime, move, at: when, after: [...after].sort(), by: [hand ?? this.hand(role, person)], body, ...(target === undefined ? {} : { target }), ...(review ? { review } : {}) });
    const env = envelope(payload, [key ?? this.key(person)], stepType);
    const salt = randomBytes(32);
    const said = hand ?? this.hand(role, person);
    const leaf = canonical({ v: 1, type: 'step', act, regime, move, party: this.party, role: said.role, at: when, step: sha256(salt, payload).toString('hex'), fields: {} });
    return { id: stepId(env), env, salt, leaf, index: this.log.append(leaf), act, dossier };
  }
  item(step, changes = {}) {
    return { envelope: step.env, leaf: step.leaf, salt: step.salt.toString('base64'), proof: this.log.proof(step.index), ...changes };
  }
  package(steps) {
    return { from: this.party, sent_at: at(), steps: steps.map((s) => (s.envelope ? s : this.item(s))) };
  }
  send(node, steps) {
    return this.post(node, this.package(steps));
  }
  async post(node, value, options = {}) {
    const body = typeof value === 'string' ? value : JSON.stringify(value);
    const url = `${node.url}/v1/inbox`;
    return call('POST', url, body, await signedRequest(url, body, options.key ?? this.node, options));
  }
  // Draft, signature and sending of an order, as three steps ready to be delivered in any order.
  order(stage, url, { when = () => at(), participants = {} } = {}) {
    const [act, dossier] = [ulid(), ulid()];
    const order = removalOrder(stage, url);
    const body = { form: order.form, targets: order.targets, participants: { ...order.participants, issuer: this.party, ...participants } };
    const compose = this.step({ act, dossier, move: 'compose', role: 'drafter', person: 'drafter', body, when: when() });
    const sign = this.step({ act, dossier, move: 'sign', role: 'signer', person: 'signer', after: [compose.id], body: { draft: compose.id }, when: when() });
    const send = this.step({ act, dossier, move: 'send', role: 'issuer_system', after: [sign.id], body: { leaf: { origin: this.log.origin, index: sign.index } }, when: when() });
    return { act, dossier, compose, sign, send };
  }
}

// What a package's receipt says of each step.
export function results(answer) {
  const receipt = JSON.parse(Buffer.from(answer.json.receipt.payload, 'base64'));
  return receipt.results;
}
// The receipt as bytes: everything after the moment of the answer.
export const receiptBytes = (answer) => answer.text.slice(answer.text.indexOf('"receipt":'));
export { hex };
