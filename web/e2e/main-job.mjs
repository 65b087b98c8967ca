// SPDX-License-Identifier: Apache-2.0
//
// The main job through the screens, in a real Chromium against real nodes and nginx: a drafter composes, another
// official signs, a moderator executes, the user contests, the clerk records the annulment, the public reads why.
// Every person has a browser profile of their own; keys are loaded from files and never leave it.
//
//   node web/e2e/main-job.mjs            pictures go to build/screens
//   PICTURES=docs/images node web/e2e/main-job.mjs
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { Stage, defaultBinary, outside, photographs, removalOrder, root, until } from '../../demo/stage.mjs';

const require = createRequire(path.join(root, 'web', 'package.json'));
const { chromium } = require('playwright-core');
const pictures = path.resolve(root, process.env.PICTURES ?? 'build/screens');
const axeSource = await fs.readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

let passed = 0;
const step = (what) => {
  ++passed;
  console.log(`  ✓ ${what}`);
};

class Person {
  static async enter(browser, stage, who, language = 'en') {
    const p = new Person();
    p.base = stage.keys[who].node;
    p.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: language === 'fr' ? 'fr-FR' : 'en-GB' });
    p.page = await p.context.newPage();
    p.errors = [];
    p.page.on('pageerror', (e) => p.errors.push(e.message));
    p.page.on('requestfailed', (r) => r.url().startsWith(p.base) || p.errors.push(`a call to a third party: ${r.url()}`));
    await p.page.goto(`${p.base}/login`);
    await p.page.getByTestId('keyfile').setInputFiles(stage.keys[who].file);
    await p.page.getByTestId('me').waitFor();
    return p;
  }
  async at(route) {
    await this.page.goto(`${this.base}${route}`);
  }
  // Chooses a move, fills its form, reads what will be signed, signs.
  async move(name, form = {}) {
    await this.page.getByTestId(`move-${name}`).first().click();
    for (const [field, value] of Object.entries(form)) await this.page.getByTestId(`field-${field}`).fill(value);
    const check = this.page.getByTestId('move-check');
    const confirm = this.page.getByTestId('sign-confirm');
    await check.or(confirm).first().waitFor();
    if (await check.isVisible()) await check.click();
    await confirm.click();
    await this.page.getByTestId(`step-${name}`).first().waitFor();
  }
}

async function shot(page, name, fullPage = false) {
  await fs.mkdir(pictures, { recursive: true });
  await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage });
}

// WCAG 2.1 A and AA, as far as a machine can tell: no violation of any weight.
async function accessible(page, name) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
  assert.deepEqual(found.violations.map((v) => `${name}: ${v.id} (${v.nodes[0].target})`), []);
}

// Puts the order into the composer field by field, as the form lays it out.
async function fillOrder(page, stage, order) {
  await page.getByTestId('party-addressee').selectOption(order.participants.addressee);
  await page.getByTestId('party-overseer').selectOption(order.participants.overseer);
  await page.getByTestId('target-url-0').fill(order.targets[0].value);
  const walk = async (value, name) => {
    if (Array.isArray(value)) {
      for (const v of value) await page.getByTestId(`field-${name}-${v}`).check();
    } else if (value !== null && typeof value === 'object') {
      for (const [k, v] of Object.entries(value)) await walk(v, name ? `${name}-${k}` : k);
    } else {
      const field = page.getByTestId(`field-${name}`);
      if ((await field.count()) === 0) return; // fixed by the form
      const tag = await field.evaluate((e) => `${e.tagName}:${e.type}`);
      if (tag.endsWith(':checkbox')) await field.setChecked(value);
      else if (tag.startsWith('SELECT')) await field.selectOption(value);
      else if (tag.endsWith(':datetime-local')) {
        const t = new Date(value);
        await field.fill(new Date(t - t.getTimezoneOffset() * 60000).toISOString().slice(0, 16));
      } else await field.fill(value);
    }
  };
  await walk(order.form, '');
}

async function walk(browser, stage) {
  const url = `${stage.site.base}/photos/garden.jpg`;
  const original = await fs.readFile(path.join(photographs, 'Garden.jpg'));

  const alix = await Person.enter(browser, stage, 'alix');
  await alix.at('/compose');
  await alix.page.getByTestId('target-url-0').waitFor();
  const order = removalOrder(stage, url);
  await fillOrder(alix.page, stage, order);
  await alix.page.getByTestId('field-exemption_assessment-journalistic-answer').selectOption('yes');
  await alix.page.getByTestId('compose-check').click();
  await alix.page.getByTestId('problem-rule').waitFor();
  assert.match(await alix.page.getByTestId('problem').innerText(), /SG04/);
  await shot(alix.page, 'compose-refused');
  step('composer: a journalistic purpose cannot be ordered away (SG04), said beside the field');
  await alix.page.getByTestId('field-exemption_assessment-journalistic-answer').selectOption('no');
  await alix.page.getByTestId('compose-sign').click();
  await alix.page.getByTestId('sign-confirm').click();
  await alix.page.getByTestId('act-id').waitFor();
  const act = (await alix.page.getByTestId('act-id').innerText()).trim();
  step(`composer: draft ${act} signed by its drafter`);

  const bernard = await Person.enter(browser, stage, 'bernard');
  await bernard.at(`/acts/${act}`);
  await bernard.move('sign');
  await bernard.page.getByTestId('step-receive').waitFor();
  step('a second official signs; the receipt appears by itself');

  const camille = await Person.enter(browser, stage, 'camille');
  await camille.at('/queue');
  await camille.page.getByTestId('queue-item').first().waitFor();
  await camille.page.getByTestId('countdown').first().waitFor();
  await accessible(camille.page, 'queue');
  await camille.page.waitForTimeout(300); // the preview arrives after the row
  await shot(camille.page, 'queue');
  await camille.page.keyboard.press('j');
  await camille.page.keyboard.press('Enter');
  await camille.page.getByTestId('act-id').waitFor();
  step('queue: by time left, with the keyboard alone');
  const veil = await camille.page.getByTestId('content-0').evaluate((e) => [e, ...e.querySelectorAll('*')].some((x) => getComputedStyle(x).filter.includes('blur')));
  assert.ok(veil, 'the content is veiled until asked for');
  await accessible(camille.page, 'act');
  await shot(camille.page, 'act');
  await camille.move('accept');
  await camille.page.getByTestId('step-execute').waitFor();
  assert.equal((await outside(url)).status, 451);
  step('moderator: one key, one decision; 451 outside; Annex II in the list of steps');

  const message = await until('the message to the user', async () => (await stage.notifications()).find((n) => n.to === 'user' && n.act === act));
  const user = await browser.newContext({ locale: 'fr-FR', viewport: { width: 390, height: 844 } });
  const casePage = await user.newPage();
  await casePage.goto(message.case_url);
  await casePage.getByTestId('remedy-contest').click();
  await casePage.getByTestId('grounds').fill('C’est ma photographie d’un jardin. Elle n’incite personne à rien.');
  await accessible(casePage, 'case');
  await shot(casePage, 'case-fr-phone', true);
  await casePage.getByTestId('lodge').click();
  await casePage.getByTestId('case-lodged').waitFor();
  assert.deepEqual(await user.cookies(), [], 'no cookie for the person concerned');
  step('user: on a phone, in French, one remedy, no cookie');

  const elias = await Person.enter(browser, stage, 'elias');
  await until('the challenge at the overseer', async () => (await stage.act('elias', act)).reviews[0]);
  await elias.at(`/acts/${act}`);
  await elias.move('annul', { judgment_sha256: createHash('sha256').update('judgment').digest('hex'), court: 'Tribunal administratif', reference: 'TA-1', reasons: 'The image shows a garden and nothing of Article 2(7).' });
  await until('the restoration', async () => (await stage.act('bernard', act)).regions.execution === 'reversed');
  assert.deepEqual((await outside(url)).body, original);
  step('clerk: the annulment recorded; the photograph is back byte for byte');

  for (const language of ['en', 'fr']) {
    const anyone = await browser.newContext({ locale: language === 'fr' ? 'fr-FR' : 'en-GB', viewport: { width: 1280, height: 800 } });
    const page = await anyone.newPage();
    await page.goto(`${stage.nodes.authority.url}/record/${act}`);
    await page.getByTestId('record-verdict').waitFor();
    assert.ok(!(await page.content()).includes('garden.jpg'), 'the record does not name the address');
    assert.deepEqual(await anyone.cookies(), []);
    await accessible(page, `record ${language}`);
    await shot(page, `record-${language}`);
    await anyone.close();
  }
  step('public record: in both languages, without the address, without cookies');

  const citizen = await (await browser.newContext({ locale: 'en-GB' })).newPage();
  await citizen.goto(`${stage.nodes.platform.url}/notice`);
  await citizen.getByTestId('notice-url').fill(`${stage.site.base}/photos/dune.jpg`);
  await citizen.getByTestId('notice-reasons').fill('For this test: the image is a copy of my own work, published without my leave.');
  await citizen.getByTestId('notice-category').selectOption({ index: 3 });
  await citizen.getByTestId('notice-bona-fide').check();
  await accessible(citizen, 'notice');
  await citizen.getByTestId('notice-send').click();
  await citizen.getByTestId('case-link').waitFor();
  await camille.at('/queue');
  await camille.page.getByTestId('queue-notice').waitFor();
  step('citizen: a notice, acknowledged with a private link; in the queue apart from orders');

  for (const p of [alix, bernard, camille, elias]) assert.deepEqual(p.errors, []);
  step('no error in any page, no call to a third party');
}

const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'entente-screens-'));
const web = path.join(root, 'web/dist');
assert.ok(existsSync(path.join(web, 'index.html')), 'build the screens first: npm run build in web/');
const stage = new Stage({ binary: defaultBinary(), dir, web });
let browser;
try {
  await stage.build();
  await fs.copyFile(path.join(photographs, 'Garden.jpg'), path.join(stage.site.root, 'photos/garden.jpg'));
  await fs.copyFile(path.join(photographs, 'Dune.jpg'), path.join(stage.site.root, 'photos/dune.jpg'));
  await stage.start();
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  await walk(browser, stage);
  console.log(`${passed} passed, 0 failed`);
} catch (e) {
  for (const c of browser?.contexts() ?? []) for (const p of c.pages()) await p.screenshot({ path: path.join(dir, `failed-${Math.random()}.png`) }).catch(() => {});
  console.error(e);
  console.log(`${passed} passed, 1 failed (pictures in ${dir})`);
  process.exitCode = 1;
} finally {
  await browser?.close();
  await stage.stop();
  if (process.exitCode !== 1) await fs.rm(dir, { recursive: true, force: true });
}
