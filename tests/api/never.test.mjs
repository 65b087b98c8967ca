// SPDX-License-Identifier: Apache-2.0
//
// SG23: no act, move, effect, field or route for decryption on behalf of others, key escrow, client-side scanning,
// general monitoring, bulk data, interception, hack-back or facial recognition. Walks every name of the regimes, of
// their forms and of the HTTP interface; what people read (titles, descriptions, reasons) may speak of such things.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../../demo/stage.mjs';

const never = /decrypt|escrow|back_?door|client.?side|scan|monitor|bulk|intercept|wiretap|surveil|hack|facial|biometric|face_?recogn|keystroke|exploit/i;
const read = (...parts) => readFileSync(path.join(root, ...parts), 'utf8');

// TOML: keys, tables, and the values that are names.
function namesOfRegime(text) {
  const out = [];
  for (const line of text.split('\n').map((l) => l.replace(/#.*$/, ''))) {
    for (const m of line.matchAll(/^\s*\[+([^\]]+)\]+/g)) out.push(m[1]);
    for (const m of line.matchAll(/(?:^|[{,])\s*("[^"]*"|[\w-]+)\s*=/g)) out.push(m[1]);
    const named = /^\s*(name|id|kind|undo|type|mode|route|result|undo_result|entry|schema|position|by|target_kinds)\s*=\s*(.*)$/.exec(line);
    if (named) for (const m of named[2].matchAll(/"([^"]*)"/g)) out.push(m[1]);
  }
  return out;
}
// JSON Schema: names of members, and the values a member may take.
function namesOfForm(value, out = []) {
  if (Array.isArray(value)) value.forEach((v) => namesOfForm(v, out));
  else if (value && typeof value === 'object')
    for (const [key, v] of Object.entries(value)) {
      if (['title', 'description', '$comment'].includes(key) && typeof v === 'string') continue;
      out.push(key);
      if ((key === 'enum' || key === 'const') && v !== null) out.push(...[v].flat().map(String));
      namesOfForm(v, out);
    }
  return out;
}
// OpenAPI: paths, keys, and operation ids; without the sentences.
function namesOfInterface(text) {
  const bare = text
    .replace(/description: \|\n(?: {4,}.*\n)+/g, '')
    .replace(/\b(description|summary|title): ("(?:[^"\\]|\\.)*"|'[^']*'|[^,{}\n]*)/g, '$1:');
  return [...bare.matchAll(/([\w./{}-]+)(?=\s*:)/g), ...bare.matchAll(/operationId: (\w+)/g)].map((m) => m[1]);
}
const offending = (names) => names.filter((n) => never.test(n));

const regimes = readdirSync(path.join(root, 'regimes')).filter((f) => /\.(toml|base)$/.test(f));
const forms = readdirSync(path.join(root, 'regimes/forms')).filter((f) => f.endsWith('.json'));

test('the walk finds what must never appear', () => {
  assert.deepEqual(offending(namesOfRegime('[[move]]\nname = "decrypt_device"\ntitle = { en = "x" }')), ['decrypt_device']);
  assert.deepEqual(offending(namesOfRegime('[[effect]]\nkind = "client_side.enable"')), ['client_side.enable']);
  assert.deepEqual(offending(namesOfForm({ properties: { key_escrow: { type: 'string' } } })), ['key_escrow']);
  assert.deepEqual(offending(namesOfForm({ enum: ['url', 'bulk_traffic'] })), ['bulk_traffic']);
  assert.deepEqual(offending(namesOfInterface('paths:\n  /v1/facial-search:\n    get: { operationId: findFace }\n')), ['/v1/facial-search']);
});

test('no regime has a move, an effect or a role for it', () => {
  assert.ok(regimes.length >= 3);
  for (const f of regimes) {
    const names = namesOfRegime(read('regimes', f));
    assert.ok(names.includes(f.replace(/\.toml$/, '')) || names.includes('compose'), `${f} was read`);
    assert.deepEqual(offending(names), [], f);
  }
});

test('no form has a field or a value for it', () => {
  assert.ok(forms.length >= 10);
  for (const f of forms) assert.deepEqual(offending(namesOfForm(JSON.parse(read('regimes/forms', f)))), [], f);
});

test('no route, parameter or member of the interface is for it', () => {
  const names = namesOfInterface(read('api/openapi.yaml'));
  for (const known of ['/v1/steps', '/v1/match', 'postInbox', 'participants'])
    assert.ok(names.includes(known), `${known} was read`);
  assert.deepEqual(offending(names), []);
});
