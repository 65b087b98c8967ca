// SPDX-License-Identifier: Apache-2.0
//
// Look at every page: `npm run build && npm run shots [name…]` writes e2e/out/<page>-<language>-<look>.png for two
// languages, two widths and both colour schemes, runs axe on each, and fails on a serious violation, a page error or
// anything the content security policy refused. CHROMIUM names the browser; default /usr/bin/chromium.
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { kAct, kNotice, kToken, form } from '../src/test/fixtures.mjs';
import { startNode } from '../src/test/node.mjs';

const here = (p) => fileURLToPath(new URL(p, import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
mkdirSync(here('out'), { recursive: true });

const pair = generateKeyPairSync('ed25519');
const seed = pair.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(16);
const raw = pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(12);
const keyid = createHash('sha256').update('entente-key-v1\n').update('ed25519').update(raw).digest('hex').slice(0, 32);
const key = { keyid, public: raw };
const keyFile = { name: 'me.key', mimeType: 'text/plain', buffer: Buffer.from(`ENTENTE-PRIVATE-KEY-1 ${seed.toString('base64')}\n`) };

const looks = [
  { name: 'wide', width: 1280, height: 800, scheme: 'light' },
  { name: 'dark', width: 1280, height: 800, scheme: 'dark' },
  { name: 'phone', width: 390, height: 844, scheme: 'light' },
];
const id = (x) => `[data-testid="${x}"]`;

async function fillOrder(page) {
  const leaf = async (pointer, value) => {
    const box = page.locator(id(`field${pointer.replaceAll('/', '-')}`));
    if (Array.isArray(value)) for (const v of value) await page.locator(id(`field${pointer.replaceAll('/', '-')}-${v}`)).check();
    else if (typeof value === 'boolean') await box.setChecked(value);
    else if (/^\d{4}-\d\d-\d\dT/.test(value)) await box.fill(value.slice(0, 16));
    else if ((await box.evaluate((e) => e.tagName)) === 'SELECT') await box.selectOption(value);
    else await box.fill(value);
  };
  const walk = async (value, pointer) => {
    if (typeof value === 'object' && !Array.isArray(value)) for (const [k, v] of Object.entries(value)) await walk(v, `${pointer}/${k}`);
    else await leaf(pointer, value);
  };
  await page.selectOption(id('party-addressee'), 'agora.example');
  await page.selectOption(id('party-overseer'), 'arcom.example');
  await page.fill(id('target-url-0'), 'https://agora.example/@north-star-07/9913');
  await walk(form, '');
}

// name, path, who is logged in, what to do first
const pages = [
  ['home', '/'],
  ['login', '/login'],
  ['login-bad', '/login', null, async (p) => {
    await p.setInputFiles(id('keyfile'), { name: 'x', mimeType: 'text/plain', buffer: Buffer.from('hello') });
    await p.waitForSelector(id('problem'));
  }],
  ['queue', '/queue', 'moderator'],
  ['queue-keys', '/queue', 'moderator', async (p) => {
    await p.keyboard.press('j');
    await p.keyboard.press('j');
    await p.keyboard.press('Space');
    await p.waitForTimeout(300);
  }],
  ['queue-help', '/queue', 'moderator', (p) => p.keyboard.press('?')],
  ['queue-match', '/queue', 'moderator', async (p) => {
    await p.click(`${id('queue-match')} ${id('queue-item')}`);
    await p.waitForSelector(id('match-kept'));
  }],
  ['queue-decided', '/queue', 'moderator', async (p) => {
    await p.click(`${id('queue-match')} ${id('queue-item')}`);
    await p.click(id('match-kept'));
    await p.waitForSelector(id('match-decided'));
  }],
  ['act', `/acts/${kAct}`, 'moderator'],
  ['act-form', `/acts/${kAct}`, 'moderator', async (p) => {
    await p.click(id('move-impossible'));
    await p.click(id('move-check'));
    await p.waitForSelector(id('fault-explanation'));
  }],
  ['act-sign', `/acts/${kAct}`, 'moderator', async (p) => {
    await p.keyboard.press('a');
    await p.waitForSelector(id('sign-payload'));
  }],
  ['act-signed', `/acts/${kAct}`, 'moderator', async (p) => {
    await p.keyboard.press('a');
    await p.click(id('sign-confirm'));
    await p.waitForFunction(() => document.querySelector('[data-testid="act-said"]').textContent !== '');
  }],
  ['act-notice', `/acts/${kNotice}`, 'moderator', async (p) => {
    await p.click(id('move-accept'));
    await p.waitForSelector(id('field-legal_ground'));
  }],
  ['acts', '/acts', 'drafter'],
  ['compose', '/compose', 'drafter'],
  ['compose-faults', '/compose', 'drafter', async (p) => {
    await p.fill(id('field-reasons'), 'Too short.');
    await p.click(id('compose-check'));
    await p.waitForSelector(id('faults'));
  }],
  ['compose-refused', '/compose', 'drafter', async (p, node) => {
    node.state.refuse = true;
    await fillOrder(p);
    await p.click(id('compose-check'));
    await p.waitForSelector(id('problem'));
    await p.locator(id('problem-field')).click();
  }],
  ['compose-sign', '/compose', 'drafter', async (p, node) => {
    node.state.refuse = false;
    await fillOrder(p);
    await p.click(id('compose-sign'));
    await p.waitForSelector(id('sign-payload'));
  }],
  ['record', `/record/${kAct}`],
  ['case', `/case/${kToken}`],
  ['case-contest', `/case/${kToken}`, null, async (p) => {
    await p.click(id('remedy-contest'));
    await p.fill(id('grounds'), 'It was a report.');
  }],
  ['notice', '/notice'],
  ['notice-faults', '/notice', null, async (p) => {
    await p.fill(id('notice-reasons'), 'Because.');
    await p.click(id('notice-send'));
    await p.waitForSelector(id('fault-url'));
  }],
  ['notice-sent', '/notice', null, async (p) => {
    await p.fill(id('notice-url'), 'https://agora.example/p/1');
    await p.fill(id('notice-reasons'), 'This page imitates the post office and collects card numbers from people.');
    await p.selectOption(id('notice-category'), { index: 11 });
    await p.check(id('notice-bona-fide'));
    await p.click(id('notice-send'));
    await p.waitForSelector(id('case-link'));
  }],
  ['missing', '/no/such/page'],
];

const only = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let bad = 0;
const fault = (where, what) => {
  bad++;
  console.log(`FAIL ${where}: ${what}`);
};

for (const [name, path, who, act] of pages) {
  if (only.length > 0 && !only.includes(name)) continue;
  for (const language of ['en', 'fr']) {
    const node = await startNode(here('../dist'), who ?? 'moderator', key);
    for (const look of looks) {
      if (language === 'fr' && look.name === 'dark') continue; // colours do not change with words
      const where = `${name}-${language}-${look.name}`;
      node.state.in = false;
      node.state.refuse = false;
      const context = await browser.newContext({ viewport: look, colorScheme: look.scheme, locale: language, reducedMotion: 'reduce' });
      const page = await context.newPage();
      page.setDefaultTimeout(8000);
      page.on('pageerror', (e) => fault(where, `page error ${e}`));
      page.on('console', (m) => {
        if (m.type() === 'error' && !/status of 4(01|04|22)/.test(m.text())) fault(where, m.text());
      });
      page.on('request', (r) => {
        if (!r.url().startsWith(node.url) && !r.url().startsWith('blob:')) fault(where, `asked ${r.url()}`);
      });
      try {
        if (who) {
          await page.goto(`${node.url}/login?to=${path}`);
          await page.setInputFiles(id('keyfile'), keyFile);
          await page.waitForURL((u) => u.pathname === path);
        } else await page.goto(node.url + path);
        await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('[aria-busy]') && (location.pathname === '/login' || !document.querySelector('[data-testid="keyfile"]')));
        await page.waitForTimeout(150);
        if (act) await act(page, node);
        if (!who && (await context.cookies()).length > 0) fault(where, 'a cookie was set');
        await page.screenshot({ path: here(`out/${where}.png`), fullPage: !['act-form', 'act-sign', 'compose-sign', 'queue-help', 'compose-refused'].includes(name) });
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) fault(where, `${over} px wider than the screen`);
        // Through the debugger's own world, so that the page's policy does not stop the examiner.
        const client = await context.newCDPSession(page);
        await client.send('Runtime.evaluate', { expression: axe });
        const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
        for (const v of found.violations) {
          const line = `${v.impact} ${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(' | ')} ${v.nodes[0].failureSummary.replaceAll('\n', ' ').slice(0, 200)}`;
          if (['serious', 'critical'].includes(v.impact)) fault(where, line);
          else console.log(`note ${where}: ${line}`);
        }
      } catch (e) {
        fault(where, e.message.split('\n').slice(0, 3).join(' '));
        await page.screenshot({ path: here(`out/${where}-failed.png`) }).catch(() => {});
      }
      await context.close();
    }
    node.close();
  }
  console.log(`seen ${name}`);
}
await browser.close();
console.log(bad === 0 ? 'all pages in order' : `${bad} faults`);
process.exit(bad === 0 ? 0 : 1);
