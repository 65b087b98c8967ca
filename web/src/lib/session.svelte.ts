// SPDX-License-Identifier: Apache-2.0
//
// Who is logged in, and the key they sign with. Only the pages behind the log-in import this: public pages never ask
// who is reading. The session itself is an HttpOnly cookie that no script sees.
import { api, ApiError, must, type Session } from './api/client';
import { kSessionType, signAs, type Signer } from './crypto/dsse';
import { signerOf, type StoredKey } from './crypto/key';
import { forgetKey, loadKey, saveKey } from './crypto/keystore';

let me = $state.raw<Session | null>(null);
let signer = $state.raw<Signer | null>(null);
let asked = false;

export const session = {
  get me(): Session | null {
    return me;
  },
  get signer(): Signer | null {
    return signer;
  },
};

// Asks the node once; later calls are free. Throws ApiError for anything but "not logged in".
export async function resume(): Promise<Session | null> {
  if (asked) return me;
  try {
    me = await must(api.GET('/v1/me'));
  } catch (e) {
    if (!(e instanceof ApiError) || e.problem.status !== 401) throw e;
  }
  const stored = await loadKey();
  if (me && stored?.keyid === me.keyid) signer = signerOf(stored);
  // A session whose key is not in this browser could look but not decide: better to log in again.
  if (!signer) me = null;
  asked = true;
  return me;
}

export async function logIn(stored: StoredKey): Promise<Session> {
  const hand = signerOf(stored);
  const challenge = await must(api.POST('/v1/sessions', { body: { keyid: stored.keyid } }));
  const signature = await signAs(kSessionType, challenge.payload_type, challenge.challenge, hand);
  me = await must(
    api.PUT('/v1/sessions/{session}', { params: { path: { session: challenge.session } }, body: { signature } }),
  );
  await saveKey(stored);
  signer = hand;
  asked = true;
  return me;
}

// Ends the session and removes the key from this browser, whether or not the node answers.
export async function logOut(): Promise<void> {
  try {
    await api.DELETE('/v1/sessions/{session}', { params: { path: { session: 'current' } } });
  } finally {
    await forgetKey();
    me = null;
    signer = null;
  }
}
