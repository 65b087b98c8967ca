// SPDX-License-Identifier: Apache-2.0
//
// The main job, told step by step: an order from its first draft to its last proof, and a citizen's notice on the same
// road. Every line that says "✓" was checked from the outside; the first that fails ends the run with exit code 1.
//
//   node demo/main-job.mjs            does it and leaves the nodes up until Ctrl-C
//   node demo/main-job.mjs --check    does it and exits 0 only if every step really happened
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { existsSync, promises as fs } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Stage, alteredCopy, defaultBinary, outside, photographs, removalOrder, root, until } from './stage.mjs';

const exec = promisify(execFile);
const check = process.argv.includes('--check');
const started = Date.now();
const seconds = () => ((Date.now() - started) / 1000).toFixed(1).padStart(5);
const say = (text) => console.log(`${seconds()} s  ${text}`);
const done = (text) => console.log(`${seconds()} s    ✓ ${text}`);
const title = (text) => console.log(`\n── ${text}`);
function must(ok, what) {
  if (!ok) throw new Error(`not so: ${what}`);
  done(what);
}
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
async function refused(promise, rule, what) {
  try {
    await promise;
  } catch (e) {
    return must(e.message.includes(`[${rule}]`), `${what}: refused with ${rule}`);
  }
  throw new Error(`not refused: ${what}`);
}

async function order(stage) {
  const { authority, platform, overseer } = stage.nodes;
  title('1. A photograph is online');
  const url = `${stage.site.base}/photos/garden.jpg`;
  const original = await fs.readFile(path.join(photographs, 'Garden.jpg'));
  must((await outside(url)).status === 200, `${url} answers 200`);

  title('2. The authority drafts a removal order (TCO Regulation, Art. 3, Annex I)');
  const without = (key) => {
    const o = removalOrder(stage, url);
    delete o.form[key];
    return o;
  };
  await refused(stage.compose('alix', without('exemption_assessment')), 'SG04', 'a draft without the exemption assessment');
  await refused(stage.compose('alix', without('g')), 'SG01', 'a draft without redress');
  await refused(stage.compose('alix', removalOrder(stage, `${stage.site.base}/`)), 'SG05', 'a draft against a whole site');
  const draft = await stage.compose('alix', removalOrder(stage, url));
  const act = draft.act;
  done(`draft ${act} is complete`);
  await refused(stage.move('alix', act, 'sign', 'signer').catch((e) => { throw new Error(`[SG03] ${e.message}`); }), 'SG03', 'the drafter signing too');

  title('3. A second official signs; the ledger has it before anybody else');
  const signed = await stage.move('bernard', act, 'sign', 'signer');
  must(signed.leaf.origin === 'interior.example/ledger', `signed; leaf ${signed.leaf.index} of ${signed.leaf.origin}`);
  const view = await until('the signed receipt', async () => {
    const v = await stage.act('bernard', act);
    return v.regions.delivery === 'received' && v.regions.publication === 'published' && v;
  });
  const at = (v, move) => v.steps.find((s) => s.move === move);
  must(at(view, 'sign').leaf.index < at(view, 'send').leaf.index, 'the order’s leaf stands before the leaf of its sending');
  must(at(view, 'receive').party === 'photos.example', `the platform signed its receipt at ${at(view, 'receive').at}`);
  const clock = view.clocks.find((c) => c.id === 'execute');
  must(new Date(clock.due) - new Date(at(view, 'receive').at) === 3600000, `the hour runs from that receipt: due ${clock.due} (Reg. 1182/71: ${clock.due_1182})`);
  await until('the overseer to see it', async () => (await stage.act('elias', act)).regions.delivery === 'received');
  done('the overseer sees the same act at the same time');

  title('4. The moderator decides');
  const queue = await until('the queue', async () => (await stage.queue('camille')).items.find((i) => i.id === act));
  must(queue.due === clock.due, `the queue shows it with the time left: ${Math.round((new Date(queue.due) - Date.now()) / 60000)} minutes`);
  await stage.move('camille', act, 'accept', 'moderator', { target: 0 });
  await until('Annex II at the authority', async () => at(await stage.act('bernard', act), 'execute'));
  const blocked = await outside(url);
  must(blocked.status === 451, 'from outside, anonymously: 451 Unavailable For Legal Reasons');
  const link = blocked.headers.link ?? '';
  must(link.includes('rel="blocked-by"') && link.includes(`${authority.url}/record/${act}`), `Link: ${link}`);
  must(!existsSync(path.join(stage.site.root, 'photos/garden.jpg')), 'the file is gone from the public folder; a sealed copy is kept');
  const annex = at(await stage.act('bernard', act), 'execute');
  must(annex.body.document === 'D02' && annex.body.evidence.public_status === 451, 'Annex II came back by itself, with the evidence');

  title('5. The altered copy is caught, the unrelated photograph is not');
  const copy = path.join(stage.dir, 'copy.jpg');
  await alteredCopy(path.join(photographs, 'Garden.jpg'), copy);
  const hit = await until('the bank entry', async () => {
    const m = await stage.match(copy);
    return m.proposal !== 'none' && m;
  });
  must(hit.matches[0].act === act, `half-size, recompressed, recoloured copy: proposed for review at distance ${hit.matches[0].distance}`);
  must((await stage.match(path.join(photographs, 'Dune.jpg'))).proposal === 'none', 'an unrelated photograph passes');

  title('6. The user contests, the overseer records the annulment, everything is undone');
  const message = await until('the message to the user', async () => (await stage.notifications()).find((n) => n.to === 'user' && n.act === act && n.about === 'restricted'));
  done(`the user was told, with a private link: ${message.case_url}`);
  const token = message.case_url.split('/').pop();
  const kase = await (await fetch(`${platform.url}/v1/cases/${token}`)).json();
  must(kase.reasons.length > 200 && kase.redress.deadline.length > 0, 'the link shows reasons and redress');
  const contest = await fetch(`${platform.url}/v1/cases/${token}/contest`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ grounds: 'This is my photograph of a garden. It incites nobody to anything.' }) });
  must(contest.status === 201, 'the challenge is lodged in one click');
  const review = await until('the challenge at the overseer', async () => (await stage.act('elias', act)).reviews[0]);
  await stage.move('elias', act, 'annul', 'court_clerk', { review: review.id, body: { judgment_sha256: sha256('judgment (demo)'), court: 'Tribunal administratif (demo)', reference: 'TA-DEMO-1', reasons: 'The image shows a garden; none of the elements of Article 2(7) is present.' } });
  done('the overseer recorded the annulment');
  await until('the restoration', async () => (await stage.act('bernard', act)).regions.execution === 'reversed');
  const back = await outside(url);
  must(back.status === 200, 'the address answers 200 again');
  must(sha256(back.body) === sha256(original), 'the content is back, byte for byte');
  must((await stage.match(copy)).proposal === 'none', 'the bank entry is tombstoned: the same copy passes now');

  title('7. The public record and its proofs');
  const record = await (await fetch(`${authority.url}/v1/record/${act}`)).json();
  must(['Sign the order', 'Executed', 'Challenge before the court', 'Record the annulment', 'Restored'].every((t) => record.steps.some((s) => s.title.en === t)), 'the record tells the whole story');
  must(!JSON.stringify(record).includes('garden.jpg'), 'without naming the address');
  await prove(stage, act);
  return act;
}

async function prove(stage, act) {
  const { authority, overseer } = stage.nodes;
  const v = await stage.act('bernard', act);
  const step = v.steps.find((s) => s.move === 'sign');
  const file = (name) => path.join(stage.dir, name);
  const record = await (await fetch(`${authority.url}/v1/record/${act}`)).json();
  await fs.writeFile(file('leaf'), record.steps.find((s) => s.step === step.step).entry);
  await until('the witness to cosign', async () => {
    await fs.writeFile(file('order.tlog-proof'), await (await fetch(`${authority.url}/v1/acts/${act}/steps/${step.step}/proof`)).text());
    return stage.entente('verify', file('order.tlog-proof'), '--leaf', file('leaf'), '--log', authority.vkey, '--witness', overseer.witness, '--min-witnesses', '1');
  });
  done('entente verify accepts the order’s .tlog-proof, cosigned by the overseer’s witness');
  await fs.writeFile(file('authority.json'), await (await fetch(`${authority.url}/.well-known/entente.json`)).text());
  const envelope = await stage.json('act', 'show', '--node', stage.keys.bernard.node, '--key', stage.keys.bernard.file, `${act}/steps/${step.step}`);
  await fs.writeFile(file('order.json'), JSON.stringify(envelope));
  await stage.entente('verify', file('order.json'), '--directory', file('authority.json'));
  done('entente verify accepts the signature of the order');
  const judge = path.join(root, 'build/judge/judge');
  if (!existsSync(judge)) await exec('bash', [path.join(root, 'tests/judge/build.sh'), path.join(root, 'build/judge')]);
  const { stdout } = await exec(judge, [`${authority.url}/ledger`, authority.vkey, overseer.witness]);
  done(`the independent judge (Go) replayed the whole ledger: ${stdout.trim().split('\n').pop()}`);
}

async function notice(stage) {
  const { platform } = stage.nodes;
  title('8. A citizen’s notice on the same road (DSA, Art. 16)');
  const url = `${stage.site.base}/photos/dune.jpg`;
  const body = { url, reasons: 'For this demonstration: the image is a copy of my own work, published without my leave.', category: 'STATEMENT_CATEGORY_INTELLECTUAL_PROPERTY_INFRINGEMENTS', bona_fide: true };
  const post = (b) => fetch(`${platform.url}/v1/notices`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(b) });
  const bad = await (await post({ ...body, reasons: 'bad' })).json();
  must(bad.rule === 'SG01', 'a notice without an explanation: refused with SG01');
  const receipt = await (await post(body)).json();
  const kase = async () => (await fetch(`${platform.url}/v1/cases/${receipt.case_token}`)).json();
  must((await kase()).events.some((e) => e.move === 'acknowledge'), 'anonymous notice received and acknowledged');
  const item = (await stage.queue('camille')).items.find((i) => i.id === receipt.act);
  must(item && item.mode === 'notice' && item.due === null, 'in the queue as a notice, without a deadline (SG32)');
  await stage.move('camille', receipt.act, 'accept', 'moderator', { target: 0, body: { ground: 'illegal_content', legal_ground: 'Intellectual property code (demo)', explanation: 'The notifier shows to be the author of the image.', facts: 'The image is identical to the published original.', restriction: 'disabled', territory: 'all_member_states', automated_detection: false, automated_decision: 'not_automated', category: body.category } });
  await until('the notifier to be informed', async () => (await kase()).events.some((e) => e.move === 'inform_notifier'));
  must((await outside(url)).status === 451, 'a person decided; the item answers 451; the notifier knows the outcome');
  const told = await until('the statement of reasons', async () => (await stage.notifications()).find((n) => n.to === 'user' && n.act === receipt.act));
  const user = await (await fetch(`${platform.url}/v1/cases/${told.case_url.split('/').pop()}`)).json();
  must(user.reasons.includes('author'), 'the user has the statement of reasons');
  await fetch(`${platform.url}/v1/cases/${told.case_url.split('/').pop()}/contest`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ grounds: 'I am the photographer; here is the raw file (demonstration).' }) });
  const review = (await stage.act('diane', receipt.act)).reviews[0];
  await stage.move('diane', receipt.act, 'annul', 'reviewer', { review: review.id, body: { reasons: 'The user proved authorship; the notice was mistaken.' } });
  await until('the restoration', async () => (await outside(url)).status === 200);
  done('complaint upheld by another person: the item is back');
}

async function main() {
  const dir = process.env.ENTENTE_DEMO_DIR ?? path.join(root, 'demo-data');
  await fs.rm(dir, { recursive: true, force: true });
  await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  const web = path.join(root, 'web/dist');
  const stage = new Stage({ binary: defaultBinary(), dir, web: existsSync(path.join(web, 'index.html')) ? web : '' });
  const end = async (code) => {
    await stage.stop();
    process.exit(code);
  };
  process.on('SIGINT', () => end(130));
  process.on('SIGTERM', () => end(143));
  try {
    title('0. Three nodes of one binary, and nginx as the platform’s content host');
    await stage.build();
    await fs.copyFile(path.join(photographs, 'Garden.jpg'), path.join(stage.site.root, 'photos/garden.jpg'));
    await fs.copyFile(path.join(photographs, 'Dune.jpg'), path.join(stage.site.root, 'photos/dune.jpg'));
    await stage.start();
    for (const n of Object.values(stage.nodes)) say(`${n.name.padEnd(32)} ${n.url}`);
    const act = await order(stage);
    await notice(stage);
    title('Done');
    const { authority, platform, overseer } = stage.nodes;
    say(`why is this gone?   ${authority.url}/record/${act}`);
    if (check) return await end(0);
    say(`authority console   ${authority.url}/login   keys: ${stage.keys.alix.file} (drafter), ${stage.keys.bernard.file} (signer)`);
    say(`moderator's queue   ${platform.url}/login   key:  ${stage.keys.camille.file}`);
    say(`overseer            ${overseer.url}/login   key:  ${stage.keys.elias.file}`);
    say(`send a notice       ${platform.url}/notice`);
    say('The nodes stay up until Ctrl-C.');
  } catch (e) {
    console.error(`\n${seconds()} s  ✗ ${e.message}`);
    await end(1);
  }
}
await main();
