// SPDX-License-Identifier: Apache-2.0
//
// C2SP signed notes, checkpoints and tlog-proofs over an RFC 6962 tree, written apart from the product so that one
// does not agree with itself: a small log that a peer of ours keeps, and the check of a proof that a node hands out.
import { createPublicKey, verify as edVerify } from 'node:crypto';
import { sha256 } from './signer.mjs';

const leafHash = (entry) => sha256(Buffer.from([0]), Buffer.from(entry));
const nodeHash = (l, r) => sha256(Buffer.from([1]), l, r);
// The largest power of two below n.
const split = (n) => 2 ** (Math.ceil(Math.log2(n)) - 1);

export function rootOf(hashes) {
  if (hashes.length === 0) return sha256('');
  if (hashes.length === 1) return hashes[0];
  const k = split(hashes.length);
  return nodeHash(rootOf(hashes.slice(0, k)), rootOf(hashes.slice(k)));
}
function pathTo(index, hashes) {
  if (hashes.length <= 1) return [];
  const k = split(hashes.length);
  return index < k ? [...pathTo(index, hashes.slice(0, k)), rootOf(hashes.slice(k))] : [...pathTo(index - k, hashes.slice(k)), rootOf(hashes.slice(0, k))];
}

export function vkeyOf(name, publicKey, algorithm = 1) {
  const id = sha256(Buffer.from(name), Buffer.from([10, algorithm]), publicKey).subarray(0, 4);
  return { id, text: `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.from([algorithm]), publicKey]).toString('base64')}` };
}
export function signNote(text, name, key) {
  const blob = Buffer.concat([vkeyOf(name, key.public).id, key.sign(Buffer.from(text))]);
  return `${text}\n— ${name} ${blob.toString('base64')}\n`;
}

export class Log {
  constructor(origin, key) {
    Object.assign(this, { origin, key, entries: [] });
    this.vkey = vkeyOf(origin, key.public).text;
  }
  append(entry) {
    this.entries.push(entry);
    return this.entries.length - 1;
  }
  // Of one entry, under a checkpoint over all there are now. `changes` makes it a false one.
  proof(index, { key = this.key, origin = this.origin, root, signer = this.origin } = {}) {
    const hashes = this.entries.map(leafHash);
    const checkpoint = signNote(`${origin}\n${hashes.length}\n${(root ?? rootOf(hashes)).toString('base64')}\n`, signer, key);
    return `c2sp.org/tlog-proof@v1\nindex ${index}\n${pathTo(index, hashes).map((h) => `${h.toString('base64')}\n`).join('')}\n${checkpoint}`;
  }
}

// Throws unless `proof` shows that `entry` is in the log of that verification key.
export function checkProof(proof, entry, vkey) {
  const wrong = (why) => {
    throw new Error(`no proof: ${why}`);
  };
  const [name, id, key64] = [vkey.slice(0, vkey.indexOf('+')), ...vkey.slice(vkey.indexOf('+') + 1).split(/\+(.*)/s)];
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key64, 'base64').subarray(1)]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const blank = proof.indexOf('\n\n');
  const head = proof.slice(0, blank).split('\n');
  const note = proof.slice(blank + 2);
  if (head.shift() !== 'c2sp.org/tlog-proof@v1') wrong('another format');
  const index = Number(/^index (\d+)$/.exec(head.shift())?.[1]);
  const text = note.slice(0, note.lastIndexOf('\n\n') + 1);
  const signature = note.slice(text.length + 1).split('\n').map((l) => l.split(' ')).find((l) => l[1] === name);
  const blob = Buffer.from(signature?.[2] ?? '', 'base64');
  if (blob.subarray(0, 4).toString('hex') !== id || !edVerify(null, Buffer.from(text), key, blob.subarray(4))) wrong('the checkpoint is not signed by the log');
  const [origin, size, root] = text.split('\n');
  if (origin !== name || !(index < Number(size))) wrong('another log, or beyond its end');
  // RFC 9162, 2.1.3.2.
  let [fn, sn, hash] = [index, Number(size) - 1, leafHash(entry)];
  for (const p of head.map((h) => Buffer.from(h, 'base64'))) {
    if (sn === 0) wrong('too long');
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(p, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else hash = nodeHash(hash, p);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  if (sn !== 0 || hash.toString('base64') !== root) wrong('another root');
}
