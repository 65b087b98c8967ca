// SPDX-License-Identifier: Apache-2.0
//
// What the black-box tests share: a stage in a folder of its own, the people on it, and one order driven from its
// draft to its reversal by hands that repeat a request until it is acknowledged.
import { execFile } from 'node:child_process';
import { existsSync, promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Stage, defaultBinary, outside, photographs, removalOrder, root, until } from '../../../demo/stage.mjs';
import { Person, call, hex, persist } from './signer.mjs';

const exec = promisify(execFile);

// Files of small size and rich content: each has a fingerprint of good quality and is quick to decode.
export const pictures = ['Garden', 'GreenMeadow', 'YellowFlower', 'FreshFlower', 'LadyBird'].map((n) => path.join(photographs, `${n}.jpg`));

export async function makeStage(name, options = {}) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), `entente-e2e-${name}-`));
  await fs.chmod(dir, 0o700);
  const stage = new Stage({ binary: defaultBinary(), dir, ...options });
  // However this process ends, its nodes end with it.
  process.once('exit', () => stage.children.forEach((child) => child.kill('SIGKILL')));
  await stage.build();
  stage.people = Object.fromEntries(Object.keys(stage.keys).map((who) => [who, new Person(stage, who)]));
  return stage;
}

// Ends everything; the folder stays for a look when the test failed.
export async function endStage(stage, ok) {
  if (!stage) return;
  await stage.stop();
  if (ok) await fs.rm(stage.dir, { recursive: true, force: true });
  else console.error(`kept for a look: ${stage.dir}`);
}

export async function publish(stage, name, picture) {
  const bytes = await fs.readFile(picture);
  await fs.writeFile(path.join(stage.site.root, 'photos', name), bytes);
  return { url: `${stage.site.base}/photos/${name}`, sha256: hex(bytes) };
}

export const of = (view, move) => view.steps.filter((s) => s.move === move);
export const wait = 60_000;

// compose → sign → receive → accept → 451 → Annex II → contest → annul → 200. `acknowledged(act, step, move)` hears of
// each step that a node has said yes to.
export async function wholeOrder(stage, item, acknowledged = () => {}, after = {}) {
  const { alix, bernard, camille, elias } = stage.people;
  const said = async (person, env) => {
    const a = await person.submit(env);
    acknowledged(a.act, a.step, a.move);
    return a;
  };
  const { act, step: draft } = await said(alix, await alix.draft(removalOrder(stage, item.url)));
  await said(bernard, await bernard.step(act, 'sign', 'signer', { body: { draft } }));
  await after.sign?.(act);
  await until(`${act} at the platform`, async () => (await camille.request('GET', `/v1/acts/${act}`)).json?.regions?.delivery === 'received', wait);
  await said(camille, await camille.step(act, 'accept', 'moderator', { target: 0 }));
  await until(`Annex II of ${act}`, async () => of(await bernard.act(act), 'execute').length > 0, wait);
  await until(`451 for ${item.url}`, async () => (await outside(item.url)).status === 451, wait);
  const told = await until(`the message to the user about ${act}`, async () => (await stage.notifications()).find((n) => n.act === act && n.about === 'restricted'), wait);
  await until(`inform_user of ${act}`, async () => of(await camille.act(act), 'inform_user').length > 0, wait);
  const link = `${stage.nodes.platform.url}/v1/cases/${told.case_url.split('/').pop()}/contest`;
  const contest = await persist(() => call('POST', link, { grounds: 'This is my photograph of a garden; it incites nobody to anything.' }, { 'Idempotency-Key': `contest-${act}` }));
  if (contest.status !== 201 && contest.status !== 200) throw new Error(`contest: ${contest.status} ${contest.text}`);
  acknowledged(act, contest.json.step, contest.json.move);
  const review = await until(`the challenge of ${act} at the overseer`, async () => (await elias.act(act)).reviews[0], wait);
  const judgment = { judgment_sha256: hex(act), court: 'Tribunal administratif (demo)', reference: `TA-${act}`, reasons: 'The image shows a garden; none of the elements of Article 2(7) is present.' };
  await said(elias, await elias.step(act, 'annul', 'court_clerk', { review: review.id, body: judgment }));
  await until(`the restoration of ${act}`, async () => (await bernard.act(act)).regions.execution === 'reversed', wait);
  const back = await until(`200 for ${item.url}`, async () => {
    const b = await outside(item.url);
    return b.status === 200 && b;
  }, wait);
  if (hex(back.body) !== item.sha256) throw new Error(`${item.url} came back changed`);
  return act;
}

export async function metric(node, name) {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}
// Nothing is left to be carried out anywhere.
export function quiet(stage, ms = wait) {
  const nodes = Object.values(stage.nodes);
  return until('all effects to be carried out', async () => (await Promise.all(nodes.map((n) => metric(n, 'entente_effects_pending')))).every((n) => n === 0), ms);
}

// Rows of a node's database, read beside it: what the API does not show.
export async function rows(node, sql) {
  const { stdout } = await exec('sqlite3', ['-readonly', '-json', path.join(node.folder, 'entente.db'), sql], { maxBuffer: 64 << 20 });
  return stdout.trim() ? JSON.parse(stdout) : [];
}

export async function judge() {
  const binary = path.join(root, 'build/judge/judge');
  if (!existsSync(binary)) await exec('bash', [path.join(root, 'tests/judge/build.sh'), path.join(root, 'build/judge')]);
  return (url, ...vkeys) => exec(binary, [url, ...vkeys]);
}
