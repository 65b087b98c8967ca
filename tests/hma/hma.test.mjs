// SPDX-License-Identifier: Apache-2.0
//
// HMA's face from outside: the calls that HMA's own clients make, with its shapes and codes, against a real node that
// fetches from a real content host. Forms are built by fetch's FormData, as a client's library builds them.
import assert from 'node:assert/strict';
import { promises as fs, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { photographs } from '../../demo/stage.mjs';
import { endStage, makeStage } from '../e2e/lib/world.mjs';
import { greyPng, paler } from './pictures.mjs';

let stage;
let host; // serves pictures
let base;
let elsewhere;
const tokens = {};
let ok = true;
const it = (name, work) =>
  test(name, async () => {
    try {
      await work();
    } catch (e) {
      ok = false;
      throw e;
    }
  });

const garden = readFileSync(path.join(photographs, 'Garden.jpg'));
const meadow = readFileSync(path.join(photographs, 'GreenMeadow.jpg'));

before(async () => {
  host = createServer((q, a) => {
    if (q.url === '/garden.jpg') return a.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(garden);
    if (q.url === '/film.mp4') return a.writeHead(200, { 'Content-Type': 'video/mp4' }).end('film');
    if (q.url === '/page') return a.writeHead(200, { 'Content-Type': 'text/html' }).end(garden);
    if (q.url === '/away') return a.writeHead(302, { Location: `http://localhost:${host.address().port}/garden.jpg` }).end();
    return a.writeHead(404).end();
  });
  await new Promise((r) => host.listen(0, '127.0.0.1', r));
  base = `http://127.0.0.1:${host.address().port}`;
  elsewhere = `http://localhost:${host.address().port}`;
  stage = await makeStage('hma');
  const settings = path.join(stage.nodes.platform.folder, 'entente.toml');
  const text = await fs.readFile(settings, 'utf8');
  await fs.writeFile(settings, `hma = true\nfetch_hosts = ["127.0.0.1:${host.address().port}"]\n${text}`);
  await stage.startNode('platform');
  const { camille } = stage.people;
  for (const roles of [['hasher'], ['matcher'], ['curator'], ['hasher', 'matcher', 'curator']]) {
    const issued = await camille.request('POST', '/v1/match/tokens', { name: 'test', roles });
    assert.equal(issued.status, 201, issued.text);
    tokens[roles.length > 1 ? 'all' : roles[0]] = issued.json.token;
  }
});
after(async () => {
  host.close();
  await endStage(stage, ok);
});

async function hma(method, at, { token = 'all', json, form, body, type } = {}) {
  const headers = token ? { Authorization: `Bearer ${tokens[token] ?? token}` } : {};
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  if (type) headers['Content-Type'] = type;
  const answer = await fetch(stage.nodes.platform.url + at, { method, headers, body: form ?? body ?? (json === undefined ? undefined : JSON.stringify(json)), redirect: 'manual', signal: AbortSignal.timeout(20_000) });
  const text = await answer.text();
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return { status: answer.status, text, json: parsed, headers: answer.headers };
}
const refused = (answer, status) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(typeof answer.json.message, 'string', answer.text);
};
const good = (answer, status = 200) => {
  assert.equal(answer.status, status, answer.text);
  return answer.json;
};
const photo = (bytes, field = 'photo', more = {}) => {
  const form = new FormData();
  form.append(field, new Blob([bytes], { type: 'image/jpeg' }), 'a.jpg');
  for (const [k, v] of Object.entries(more)) form.append(k, v);
  return form;
};

it('refuses who has no token, and a token without the role', async () => {
  for (const [method, at] of [['GET', '/c/banks'], ['GET', '/m/raw_lookup?signal=x&signal_type=pdq'], ['POST', '/h/hash'], ['DELETE', '/c/bank/X'], ['GET', '/m/index/status']]) {
    refused(await hma(method, at, { token: null }), 401);
    refused(await hma(method, at, { token: 'ent_nonsense' }), 401);
  }
  refused(await hma('GET', '/c/banks', { token: 'hasher' }), 403);
  refused(await hma('POST', '/h/hash', { token: 'matcher', form: photo(garden) }), 403);
  refused(await hma('GET', `/m/lookup?signal=${'0'.repeat(64)}&signal_type=pdq`, { token: 'curator' }), 403);
  // A URL or a file to look up asks for both roles.
  refused(await hma('GET', `/m/lookup?url=${encodeURIComponent(`${base}/garden.jpg`)}`, { token: 'matcher' }), 403);
  refused(await hma('POST', '/m/lookup', { token: 'matcher', form: photo(garden) }), 403);
});

it('is alive, and says where everything is', async () => {
  for (const at of ['/status', '/status/live']) {
    const answer = await hma('GET', at, { token: null });
    assert.equal(answer.text, 'I-AM-ALIVE');
    assert.equal(answer.status, 200);
  }
  const map = good(await hma('GET', '/site-map', { token: null }));
  assert.deepEqual(map, [...map].sort());
  assert.ok(map.includes('/m/lookup'));
});

it('refuses uploads that are none', async () => {
  refused(await hma('POST', '/h/hash', { body: 'x', type: 'text/plain' }), 400);
  refused(await hma('POST', '/h/hash', { body: 'x', type: 'multipart/form-data' }), 400);
  refused(await hma('POST', '/h/hash', { body: '--b\r\nnonsense', type: 'multipart/form-data; boundary=b' }), 400);
  const two = photo(garden);
  two.append('photo', new Blob([meadow]), 'b.jpg');
  refused(await hma('POST', '/h/hash', { form: two }), 400);
  const none = new FormData();
  none.append('photo', 'text only');
  refused(await hma('POST', '/h/hash', { form: none }), 400);
  refused(await hma('POST', '/h/hash', { form: photo(garden, 'picture') }), 400);
  refused(await hma('POST', '/h/hash', { form: photo(garden, 'video') }), 400);
  refused(await hma('POST', '/h/hash', { form: photo(Buffer.from('no picture')) }), 400);
  refused(await hma('POST', '/h/hash', { form: photo(garden.subarray(0, 5000)) }), 400);
  refused(await hma('POST', '/h/hash?types=pdq,vpdq', { form: photo(garden) }), 400);
  refused(await hma('POST', '/h/hash?types=,', { form: photo(garden) }), 400);
  // Refused by its length before it is read: the engine's own answer, or a connection that was cut while sending.
  const large = await hma('POST', '/h/hash', { form: photo(Buffer.alloc(33 << 20, 1)) }).catch(() => undefined);
  if (large) assert.equal(large.status, 413);
});

it('fetches only where it may', async () => {
  const hash = (url, more = '') => hma('GET', `/h/hash?url=${encodeURIComponent(url)}${more}`);
  refused(await hma('GET', '/h/hash'), 400);
  for (const url of [`${elsewhere}/garden.jpg`, 'http://169.254.169.254/latest/meta-data', 'file:///etc/passwd', 'garden.jpg', `${base}/away`, `${base}/nothing`]) refused(await hash(url), 400);
  refused(await hash(`${base}/film.mp4`), 400);
  refused(await hash(`${base}/page`), 400);
  refused(await hash(`${base}/garden.jpg`, '&content_type=text'), 400);
  const fetched = good(await hash(`${base}/garden.jpg`));
  assert.deepEqual(fetched, good(await hma('POST', '/h/hash', { form: photo(garden) })));
  assert.deepEqual(fetched, good(await hash(`${base}/page`, '&content_type=photo&types=pdq')));
  assert.match(fetched.pdq, /^[0-9a-f]{64}$/);
});

it('answers a picture without detail with an empty hash, and its look-up with why', async () => {
  assert.deepEqual(good(await hma('POST', '/h/hash', { form: photo(greyPng()) })), { pdq: '' });
  const posted = await hma('POST', '/m/lookup', { form: photo(greyPng()) });
  refused(posted, 400);
  assert.match(posted.json.message, /detail/);
  refused(await hma('GET', '/m/lookup?signal=&signal_type=pdq'), 400);
});

it('keeps banks as HMA does', async () => {
  for (const name of ['lower', '1X', 'A-B', '', 7]) refused(await hma('POST', '/c/banks', { json: { name } }), 400);
  refused(await hma('POST', '/c/banks', { json: {} }), 400);
  refused(await hma('POST', '/c/banks', { body: 'x', type: 'application/json' }), 400);
  refused(await hma('POST', '/c/banks', { json: { name: 'RATIO', enabled_ratio: 1.5 } }), 400);
  assert.deepEqual(good(await hma('POST', '/c/banks', { json: { name: 'MY_BANK' } }), 201), { name: 'MY_BANK', matching_enabled_ratio: 1 });
  refused(await hma('POST', '/c/banks', { json: { name: 'MY_BANK' } }), 403);
  assert.deepEqual(good(await hma('POST', '/c/banks', { json: { name: 'OFF', enabled: false } }), 201), { name: 'OFF', matching_enabled_ratio: 0 });
  assert.deepEqual(good(await hma('PUT', '/c/bank/OFF', { json: { enabled_ratio: '0.5', name: 'HALF' } })), { name: 'HALF', matching_enabled_ratio: 0.5 });
  refused(await hma('GET', '/c/bank/OFF'), 404);
  refused(await hma('PUT', '/c/bank/OFF', { json: {} }), 404);
  refused(await hma('PUT', '/c/bank/HALF', { json: { name: 'MY_BANK' } }), 403);
  refused(await hma('PUT', '/c/bank/HALF', { json: { name: 'bad name' } }), 400);
  assert.deepEqual(good(await hma('GET', '/c/bank/HALF')), { name: 'HALF', matching_enabled_ratio: 0.5 });
  const names = good(await hma('GET', '/c/banks')).map((b) => b.name);
  assert.ok(names.includes('MY_BANK') && names.includes('HALF') && names.includes('REMOVED'), names.join());
  assert.deepEqual(good(await hma('DELETE', '/c/bank/HALF')), { message: 'Done' });
  assert.deepEqual(good(await hma('DELETE', '/c/bank/HALF')), { message: 'Done' });
  refused(await hma('GET', '/c/bank/HALF'), 404);
  // What acts fill is not a curator's to delete.
  refused(await hma('DELETE', '/c/bank/REMOVED'), 403);
  // A deleted name is free again.
  good(await hma('POST', '/c/banks', { json: { name: 'HALF' } }), 201);
});

it('finds the altered copy of a banked photograph, and no longer after it is deleted', async () => {
  refused(await hma('POST', '/c/bank/NOWHERE/content', { form: photo(garden) }), 404);
  refused(await hma('POST', '/c/bank/MY_BANK/content'), 400);
  refused(await hma('POST', '/c/bank/MY_BANK/content', { form: photo(greyPng()) }), 400);
  refused(await hma('POST', '/c/bank/MY_BANK/content', { form: photo(garden, 'photo', { metadata: '{"surplus":1}' }) }), 400);
  refused(await hma('POST', '/c/bank/MY_BANK/content', { form: photo(garden, 'photo', { note: 'x'.repeat(256) }) }), 400);
  const metadata = { content_id: 'c-1', content_uri: 'https://cdn.example/1', json: { case: 7 } };
  const banked = good(await hma('POST', '/c/bank/MY_BANK/content', { form: photo(garden, 'photo', { metadata: JSON.stringify(metadata), note: 'seen on Monday' }) }));
  assert.deepEqual(Object.keys(banked).sort(), ['id', 'signals']);
  const { id } = banked;
  const hash = banked.signals.pdq;

  const copy = paler(garden);
  assert.notDeepEqual(copy, garden);
  const found = good(await hma('POST', '/m/lookup', { form: photo(copy) }));
  assert.equal(found.pdq.MY_BANK.length, 1);
  assert.equal(found.pdq.MY_BANK[0].bank_content_id, id);
  assert.equal(typeof found.pdq.MY_BANK[0].distance, 'string');
  assert.ok(Number(found.pdq.MY_BANK[0].distance) <= 31);
  assert.deepEqual(good(await hma('POST', '/m/lookup', { form: photo(meadow) })), { pdq: {} });

  const lookup = `/m/lookup?signal=${hash}&signal_type=pdq`;
  assert.deepEqual(good(await hma('GET', lookup)), { MY_BANK: [{ bank_content_id: id, distance: '0' }] });
  assert.deepEqual(good(await hma('GET', `${lookup}&banks=MY_BANK,NOWHERE`)), { MY_BANK: [{ bank_content_id: id, distance: '0' }] });
  assert.deepEqual(good(await hma('GET', `${lookup}&banks=HALF`)), {});
  assert.deepEqual(good(await hma('GET', `${lookup}&banks=NOWHERE`)), {});
  assert.deepEqual(good(await hma('GET', `/m/lookup?url=${encodeURIComponent(`${base}/garden.jpg`)}`)).pdq.MY_BANK[0].bank_content_id, id);
  assert.deepEqual(good(await hma('GET', `/m/raw_lookup?signal=${hash}&signal_type=pdq`)), { matches: [id] });
  assert.deepEqual(good(await hma('GET', `/m/raw_lookup?signal=${hash}&signal_type=pdq&include_distance=true`)), { matches: [{ bank_content_id: id, distance: '0' }] });
  for (const bad of ['signal=x&signal_type=pdq', `signal=${hash}&signal_type=md5`, `signal=${hash}`, 'signal_type=pdq', `signal=${hash.toUpperCase()}&signal_type=pdq`]) {
    refused(await hma('GET', `/m/lookup?${bad}`), 400);
    refused(await hma('GET', `/m/raw_lookup?${bad}`), 400);
  }

  const at = `/c/bank/MY_BANK/content/${id}`;
  assert.deepEqual(good(await hma('GET', `${at}?include_signals=true`)), {
    id, disable_until_ts: 1, original_media_uri: null, bank: { name: 'MY_BANK', matching_enabled_ratio: 1 },
    signals: { pdq: hash }, metadata: { ...metadata, collab: {} }, note: 'seen on Monday',
  });
  assert.ok(!('metadata' in good(await hma('GET', `${at}?include_metadata=false`))));
  // Not through another bank, and not by another number.
  refused(await hma('GET', `/c/bank/HALF/content/${id}`), 404);
  refused(await hma('GET', '/c/bank/MY_BANK/content/999999'), 404);
  refused(await hma('GET', '/c/bank/MY_BANK/content/x'), 404);
  assert.deepEqual(good(await hma('DELETE', `/c/bank/HALF/content/${id}`)), { deleted: 0 });

  // Off, off until then, on.
  const now = Math.floor(Date.now() / 1000);
  for (const bad of [-1, now + 6 * 366 * 86400, 'x', 1.5]) refused(await hma('PUT', at, { json: { disable_until_ts: bad } }), 400);
  assert.equal(good(await hma('PUT', at, { json: { disable_until_ts: 0, note: 'off' } })).disable_until_ts, 0);
  assert.deepEqual(good(await hma('GET', lookup)), {});
  assert.deepEqual(good(await hma('GET', `/m/raw_lookup?signal=${hash}&signal_type=pdq`)), { matches: [id] });
  assert.equal(good(await hma('PUT', at, { json: { disable_until_ts: now + 3600 } })).disable_until_ts, now + 3600);
  assert.deepEqual(good(await hma('GET', lookup)), {});
  assert.equal(good(await hma('PUT', at, { json: { disable_until_ts: 1 } })).note, 'off');
  assert.equal(good(await hma('GET', lookup)).MY_BANK.length, 1);

  // The coin.
  good(await hma('PUT', '/c/bank/MY_BANK', { json: { enabled: false } }));
  assert.deepEqual(good(await hma('GET', lookup)), {});
  assert.equal(good(await hma('GET', `${lookup}&bypass_coinflip=true`)).MY_BANK.length, 1);
  good(await hma('PUT', '/c/bank/MY_BANK', { json: { enabled_ratio: 0.5 } }));
  const seen = new Set();
  for (let seed = 0; seed < 20; ++seed) {
    const first = await hma('GET', `${lookup}&seed=${seed}`);
    assert.equal((await hma('GET', `${lookup}&seed=${seed}`)).text, first.text);
    seen.add(first.text);
  }
  assert.equal(seen.size, 2, 'half of the look-ups');
  good(await hma('PUT', '/c/bank/MY_BANK', { json: { enabled: true } }));

  // Behind what a curator banks is a person (SG22).
  const [bank] = (await stage.people.camille.get('/v1/banks')).items.filter((b) => b.alias === 'MY_BANK');
  const [entry] = (await stage.people.camille.get(`/v1/banks/${bank.name}/entries`)).items;
  assert.equal(entry.source, 'person');
  assert.equal(entry.person, stage.people.camille.me.person);
  assert.ok(!JSON.stringify(entry).includes('cdn.example'), 'no address of content in an answer');

  assert.deepEqual(good(await hma('DELETE', at)), { deleted: 1 });
  assert.deepEqual(good(await hma('GET', lookup)), {});
  assert.deepEqual(good(await hma('GET', `/m/raw_lookup?signal=${hash}&signal_type=pdq`)), { matches: [] });
  assert.deepEqual(good(await hma('DELETE', at)), { deleted: 0 });
  refused(await hma('GET', at), 404);
});

it('takes a signal as it is, one of each type', async () => {
  const signal = '/c/bank/MY_BANK/signal';
  const hash = 'f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22';
  refused(await hma('POST', '/c/bank/NOWHERE/signal', { json: { pdq: hash } }), 404);
  for (const bad of [{}, { pdq: 'x' }, { pdq: 7 }, { video_md5: '0'.repeat(32) }, { pdq: hash, note: 'x'.repeat(256) }, []]) refused(await hma('POST', signal, { json: bad }), 400);
  const banked = good(await hma('POST', signal, { json: { pdq: hash } }));
  assert.deepEqual(banked.signals, { pdq: hash });
  // Matchable when it is answered; nine bits away and thirty-two.
  const near = (bits) => (BigInt(`0x${hash}`) ^ ((1n << BigInt(bits)) - 1n)).toString(16).padStart(64, '0');
  const distance = async (h) => good(await hma('GET', `/m/lookup?signal=${h}&signal_type=pdq`)).MY_BANK?.[0].distance;
  assert.equal(await distance(near(9)), '9');
  assert.equal(await distance(near(31)), '31');
  assert.equal(await distance(near(32)), undefined);

  assert.deepEqual(good(await hma('POST', '/m/compare', { json: { pdq: [hash, near(9)] } })), { pdq: [true, { distance: 9 }] });
  assert.deepEqual(good(await hma('POST', '/m/compare', { json: { pdq: [hash, near(32)] } })), { pdq: [false, { distance: 32 }] });
  for (const bad of [[], { pdq: [hash] }, { pdq: [hash, 'x'] }, { md5: ['a', 'b'] }, { pdq: hash }]) refused(await hma('POST', '/m/compare', { json: bad }), 400);

  const status = good(await hma('GET', '/m/index/status'));
  assert.equal(status.pdq.present, true);
  assert.ok(status.pdq.size >= 1 && Math.abs(status.pdq.built_to - Date.now() / 1000) < 3600);
  refused(await hma('GET', '/m/index/status?signal_type=md5'), 400);
  // A bank and all its content are gone at once.
  good(await hma('DELETE', '/c/bank/MY_BANK'));
  assert.deepEqual(good(await hma('GET', `/m/lookup?signal=${hash}&signal_type=pdq`)), {});
});

it('says what it has, and that it exchanges with nobody', async () => {
  assert.deepEqual(good(await hma('GET', '/c/signal_type')), [{ name: 'pdq', enabled_ratio: 1 }]);
  assert.deepEqual(good(await hma('GET', '/c/content_type')), [{ name: 'photo', enabled: true }, { name: 'video', enabled: false }]);
  const index = good(await hma('GET', '/c/signal_type/index'));
  assert.deepEqual(Object.keys(index.pdq).sort(), ['db_size', 'index_built_to', 'index_out_of_date', 'index_size', 'newest_db_item']);
  assert.equal(index.pdq.index_out_of_date, false);
  assert.equal((await hma('PUT', '/c/signal_type/pdq', { json: { enabled_ratio: 1 } })).status, 204);
  refused(await hma('PUT', '/c/signal_type/pdq', { json: { enabled_ratio: 0.5 } }), 400);
  refused(await hma('PUT', '/c/signal_type/md5', { json: { enabled_ratio: 1 } }), 400);
  assert.deepEqual(good(await hma('GET', '/c/exchanges')), []);
  assert.deepEqual(good(await hma('GET', '/c/exchanges/apis')), []);
  refused(await hma('POST', '/c/exchanges', { json: { bank: 'X', api: 'ncmec', api_json: {} } }), 400);
  for (const at of ['/c/exchange/X', '/c/exchange/X/status', '/c/exchanges/api/ncmec/schema']) refused(await hma('GET', at), 404);
  refused(await hma('GET', '/c/exchanges/api/ncmec'), 400);
  assert.deepEqual(good(await hma('DELETE', '/c/exchange/X')), { message: 'Exchange deleted' });
});

it('forgets a token at once when it is revoked', async () => {
  const { camille } = stage.people;
  const { items } = await camille.get('/v1/match/tokens');
  for (const { id } of items) assert.equal((await camille.request('DELETE', `/v1/match/tokens/${id}`)).status, 204);
  for (const token of ['hasher', 'matcher', 'curator', 'all']) refused(await hma('GET', '/c/banks', { token }), 401);
});
