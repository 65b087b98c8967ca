// SPDX-License-Identifier: Apache-2.0
import { createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64, toHex, utf8 } from './bytes';
import { envelope, kSessionType, kStepType, pae, signAs } from './dsse';
import { importSeed, KeyFileError, keyIdOf, parseKeyFile, signerOf } from './key';

const seed = () => new Uint8Array(32).map((_, i) => i + 1);
const keyFile = (bytes: Uint8Array<ArrayBuffer>, end = '\n') => `ENTENTE-PRIVATE-KEY-1 ${toBase64(bytes)}${end}`;
const nodeKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed()]),
  format: 'der',
  type: 'pkcs8',
});
const rawPublic = createPublicKey(nodeKey).export({ format: 'der', type: 'spki' }).subarray(12);

describe('base64', () => {
  it.each(['QQ', 'QQ=', 'QR==', 'Q Q=', '=QQ=', 'QQ==\n', '-_8='])('refuses %j', (text) => {
    expect(() => fromBase64(text)).toThrow(RangeError);
  });
  it('goes there and back', () => {
    const bytes = new Uint8Array([0, 255, 127, 128]);
    expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    expect(fromBase64('')).toHaveLength(0);
  });
});

describe('pre-authentication encoding', () => {
  it('is the one of the DSSE protocol', () => {
    const got = new TextDecoder().decode(pae('http://example.com/HelloWorld', utf8('hello world')));
    expect(got).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });
  it('counts bytes, not characters', () => {
    expect(new TextDecoder().decode(pae('é', utf8('été')))).toBe('DSSEv1 2 é 5 été');
  });
  it('keeps two types apart for the same payload', () => {
    expect(pae(kStepType, utf8('x'))).not.toEqual(pae(kSessionType, utf8('x')));
  });
});

describe('key file', () => {
  it.each([
    ['another prefix', `ENTENTE-PRIVATE-KEY-2 ${toBase64(seed())}`],
    ['a short seed', keyFile(seed().slice(1))],
    ['a long seed', keyFile(new Uint8Array(33))],
    ['no base64', 'ENTENTE-PRIVATE-KEY-1 !!!!'],
    ['two lines', keyFile(seed()) + keyFile(seed())],
    ['nothing', ''],
  ])('refuses %s', (_, text) => {
    expect(() => parseKeyFile(text)).toThrow(KeyFileError);
  });
  it.each(['', '\n', '\r\n'])('reads a seed that ends with %j', (end) => {
    expect(parseKeyFile(keyFile(seed(), end))).toEqual(seed());
  });
});

describe('key', () => {
  it('has the id of its public key', async () => {
    const want = createHash('sha256').update('entente-key-v1\ned25519').update(rawPublic).digest('hex').slice(0, 32);
    expect(await keyIdOf(new Uint8Array(rawPublic))).toBe(want);
    expect((await importSeed(seed())).keyid).toBe(want);
  });
  it('cannot be read back, and its seed is wiped', async () => {
    const bytes = seed();
    const { key } = await importSeed(bytes);
    expect(key.extractable).toBe(false);
    await expect(crypto.subtle.exportKey('jwk', key)).rejects.toThrow();
    expect(toHex(bytes)).toBe('00'.repeat(32));
  });
  it('signs what Node verifies', async () => {
    const e = await envelope(toBase64(utf8('{"v":1}')), signerOf(await importSeed(seed())));
    const sig = Buffer.from(e.signatures[0]!.sig, 'base64');
    expect(verify(null, pae(kStepType, utf8('{"v":1}')), createPublicKey(nodeKey), sig)).toBe(true);
    expect(verify(null, pae(kStepType, utf8('{"v":2}')), createPublicKey(nodeKey), sig)).toBe(false);
  });
  it('refuses a step in the clothes of a log-in', async () => {
    const signer = signerOf(await importSeed(seed()));
    await expect(signAs(kSessionType, kStepType, 'QQ==', signer)).rejects.toThrow('will not sign');
  });
});
