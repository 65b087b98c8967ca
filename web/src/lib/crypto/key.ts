// SPDX-License-Identifier: Apache-2.0
//
// An official's Ed25519 key in the browser. The key file is read once; what stays is a CryptoKey that no script can
// export, kept in this browser's IndexedDB. The server never sees the key. Key id: lower-case hex of the first
// 16 bytes of SHA-256("entente-key-v1\n" ‖ "ed25519" ‖ public key), as in src/crypto/keys.h.
import { concat, fromBase64, sha256, toHex, utf8, type Bytes } from './bytes';
import type { Signer } from './dsse';

const kPrefix = 'ENTENTE-PRIVATE-KEY-1 ';
// RFC 8410: PKCS#8 of an Ed25519 private key is this prefix and the 32-byte seed.
const kPkcs8 = Uint8Array.from([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20]);

export class KeyFileError extends Error {}

export interface StoredKey {
  keyid: string;
  key: CryptoKey;
}

// The 32-byte seed of a key file. Throws KeyFileError for anything else.
export function parseKeyFile(text: string): Bytes {
  const line = text.replace(/\r?\n$/, '');
  if (!line.startsWith(kPrefix)) throw new KeyFileError('prefix');
  let seed: Bytes;
  try {
    seed = fromBase64(line.slice(kPrefix.length));
  } catch {
    throw new KeyFileError('base64');
  }
  if (seed.length !== 32) throw new KeyFileError('length');
  return seed;
}

export async function keyIdOf(publicKey: Bytes): Promise<string> {
  const hash = await sha256(concat(utf8('entente-key-v1\n'), utf8('ed25519'), publicKey));
  return toHex(hash.slice(0, 16));
}

function fromBase64Url(text: string): Bytes {
  const padded = text.replaceAll('-', '+').replaceAll('_', '/');
  return fromBase64(padded + '='.repeat((4 - (padded.length % 4)) % 4));
}

// Imports a seed: once readable, to learn the public key, and once for good as a key that cannot be read. The
// seed's bytes are wiped before this returns.
export async function importSeed(seed: Bytes): Promise<StoredKey> {
  const pkcs8 = concat(kPkcs8, seed);
  try {
    const readable = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign']);
    const jwk = await crypto.subtle.exportKey('jwk', readable);
    const keyid = await keyIdOf(fromBase64Url(jwk.x ?? ''));
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign']);
    return { keyid, key };
  } finally {
    pkcs8.fill(0);
    seed.fill(0);
  }
}

export function signerOf(stored: StoredKey): Signer {
  return {
    keyid: stored.keyid,
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign('Ed25519', stored.key, bytes)),
  };
}
