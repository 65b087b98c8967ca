// SPDX-License-Identifier: Apache-2.0
//
// DSSE: what is signed is never the payload alone but its pre-authentication encoding, so that bytes signed as a
// log-in can never be read as a step. `signAs` therefore refuses a type it was not asked for.
import { concat, fromBase64, toBase64, utf8, type Bytes } from './bytes';

export const kStepType = 'application/vnd.entente.step+json';
export const kSessionType = 'application/vnd.entente.session';

export function pae(type: string, payload: Bytes): Bytes {
  return concat(utf8(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `), payload);
}

export interface Signer {
  keyid: string;
  sign(bytes: Bytes): Promise<Bytes>;
}

export interface Envelope {
  payloadType: string;
  payload: string;
  signatures: { keyid: string; sig: string }[];
}

// Signs base64 `payload` if the node's `type` is the one expected. Throws otherwise.
export async function signAs(expected: string, type: string, payload: string, signer: Signer): Promise<string> {
  if (type !== expected) throw new Error(`will not sign ${type} where ${expected} is expected`);
  return toBase64(await signer.sign(pae(type, fromBase64(payload))));
}

export async function envelope(payload: string, signer: Signer): Promise<Envelope> {
  const sig = await signAs(kStepType, kStepType, payload, signer);
  return { payloadType: kStepType, payload, signatures: [{ keyid: signer.keyid, sig }] };
}
