// SPDX-License-Identifier: Apache-2.0
//
// The stage of the main job: an authority's node, a platform's node with its nginx content host, and an overseer's
// node, each with its own folder, keys and people, on free loopback ports. Used by scripts/run and by the tests, so
// that what a newcomer sees is what is tested. Everything it starts, it ends, by its own pid.
import { spawn, execFile } from 'node:child_process';
import { promises as fs, readFileSync, existsSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);
export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
export const photographs = '/usr/share/backgrounds/mate/nature'; // Debian package mate-backgrounds

export async function freePort() {
  return new Promise((resolve, reject) => {
    const s = createServer();
    s.once('error', reject);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// Repeats `probe` until it returns something, or fails naming what was waited for.
export async function until(what, probe, ms = 15000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (e) {
      last = e;
    }
    await sleep(50);
  }
  throw new Error(`waited ${ms} ms in vain for: ${what}${last ? ` (${last.message})` : ''}`);
}

export class Stage {
  // binary: the entente executable; dir: an empty folder of its own; web: folder of the built screens or ''.
  constructor({ binary, dir, web = '', ports = {}, clockOffsets = {}, home = false }) {
    Object.assign(this, { binary, dir, web, ports, clockOffsets, home });
    this.nodes = {};
    this.keys = {};
    this.children = new Map();
  }

  async entente(...args) {
    try {
      const { stdout } = await exec(this.binary, args, { maxBuffer: 64 << 20 });
      return stdout.trim();
    } catch (e) {
      const error = new Error((e.stderr || e.message).trim().split('\n').pop());
      error.stdout = e.stdout;
      throw error;
    }
  }
  async json(...args) {
    return JSON.parse(await this.entente(...args));
  }

  async build() {
    const parties = [
      { id: 'authority', party: 'interior.example', name: 'Ministry of the Interior (demo)', kind: 'authority' },
      { id: 'platform', party: 'photos.example', name: 'Photos (demo platform)', kind: 'platform' },
      { id: 'overseer', party: 'overseer.example', name: 'Independent overseer (demo)', kind: 'overseer' },
    ];
    const people = [
      ['authority', 'alix', 'Alix Martin', ['drafter']],
      ['authority', 'bernard', 'Bernard Petit', ['signer']],
      ['platform', 'camille', 'Camille Roux', ['moderator']],
      ['platform', 'diane', 'Diane Noir', ['reviewer']],
      ['overseer', 'elias', 'Elias Blanc', ['overseer', 'court_clerk']],
    ];
    if (this.home) {
      // The authority of the Member State in which the provider is established (cross-border orders).
      parties.push({ id: 'home', party: 'home.example', name: 'Home authority (demo)', kind: 'authority' });
      people.push(['home', 'fergus', 'Fergus Byrne', ['home_officer']]);
    }
    this.sitePort = this.ports.site ?? (await freePort());
    this.site = {
      root: path.join(this.dir, 'site'), base: `http://127.0.0.1:${this.sitePort}`,
      map: path.join(this.dir, 'nginx', 'blocked.map'), pid: path.join(this.dir, 'nginx', 'nginx.pid'),
      prefix: path.join(this.dir, 'nginx'),
    };
    await fs.mkdir(path.join(this.site.root, 'photos'), { recursive: true });
    await fs.mkdir(this.site.prefix, { recursive: true });
    await fs.mkdir(path.join(this.dir, 'people'), { recursive: true });
    for (const p of parties) {
      const port = this.ports[p.id] ?? (await freePort());
      const node = { ...p, port, url: `http://127.0.0.1:${port}`, folder: path.join(this.dir, p.id), log: path.join(this.dir, `${p.id}.log`) };
      const args = ['init', node.folder, '--party', p.party, '--name', p.name, '--kind', p.kind, '--url', node.url, '--port', String(port), '--plain-http', '--private-addresses'];
      if (this.web) args.push('--web', this.web);
      if (this.clockOffsets[p.id]) args.push('--clock-offset-ms', String(this.clockOffsets[p.id]));
      if (p.kind === 'platform') args.push('--site-root', this.site.root, '--site-base', this.site.base, '--site-map', this.site.map, '--site-pid', this.site.pid);
      const shown = await this.entente(...args);
      for (const key of ['fingerprint', 'log', 'witness']) node[key === 'log' ? 'vkey' : key] = new RegExp(`^${key} +(.*)$`, 'm').exec(shown)?.[1];
      this.nodes[p.id] = node;
    }
    for (const [node, id, name, roles] of people) {
      const file = path.join(this.dir, 'people', `${id}.key`);
      await this.entente('key', 'new', file);
      await this.entente('person', 'add', this.nodes[node].folder, '--name', name, '--key', file, ...roles.flatMap((r) => ['--role', r]));
      this.keys[id] = { file, node: this.nodes[node].url, name };
    }
    // Fingerprints are compared out of band: here, by the script that made the nodes.
    for (const a of Object.values(this.nodes)) await fs.writeFile(path.join(this.dir, `${a.id}.entry`), await this.entente('party', 'self', a.folder));
    for (const a of Object.values(this.nodes))
      for (const b of Object.values(this.nodes))
        if (a !== b) await this.entente('party', 'add', a.folder, path.join(this.dir, `${b.id}.entry`), '--fingerprint', b.fingerprint);
  }

  async startNode(id) {
    const node = this.nodes[id];
    const log = await fs.open(node.log, 'a');
    const child = spawn(this.binary, ['serve', node.folder], { stdio: ['ignore', 'pipe', log.fd] });
    this.children.set(id, child);
    child.exited = new Promise((r) => child.once('exit', (code, signal) => r({ code, signal })));
    try {
      await new Promise((resolve, reject) => {
        child.stdout.on('data', (d) => String(d).includes('ready ') && resolve());
        child.once('exit', () => reject(new Error(`${id} did not start: ${readFileSync(node.log, 'utf8').trim().split('\n').slice(-2).join(' ')}`)));
      });
    } finally {
      await log.close();
    }
  }
  async stopNode(id, signal = 'SIGTERM') {
    const child = this.children.get(id);
    if (!child) return;
    this.children.delete(id);
    child.kill(signal);
    await child.exited;
  }
  async startNginx() {
    const conf = await this.entente('nginx-conf', this.nodes.platform.folder, '--port', String(this.sitePort), '--prefix', this.site.prefix, ...(process.getuid() === 0 ? ['--user', 'root'] : []));
    await fs.mkdir(path.join(this.site.prefix, 'tmp'), { recursive: true });
    await fs.writeFile(path.join(this.site.prefix, 'nginx.conf'), conf);
    const child = spawn('/usr/sbin/nginx', ['-p', this.site.prefix, '-c', path.join(this.site.prefix, 'nginx.conf'), '-e', path.join(this.site.prefix, 'error.log')], { stdio: 'ignore' });
    child.exited = new Promise((r) => child.once('exit', (code, signal) => r({ code, signal })));
    this.children.set('nginx', child);
    await until('nginx to answer', async () => (await fetch(`${this.site.base}/`)).status > 0);
  }
  async start() {
    await this.startNode('platform'); // first: it makes the map that nginx includes
    await this.startNode('authority');
    await this.startNode('overseer');
    if (this.home) await this.startNode('home');
    await this.startNginx();
  }
  async stop() {
    for (const id of Object.keys(this.nodes)) await this.stopNode(id);
    await this.stopNode('nginx', 'SIGQUIT');
  }

  // Verbs of people, through the command line: keys never leave their files.
  get(who, what) {
    return this.json(...what.split(' ').slice(0, 2), '--node', this.keys[who].node, '--key', this.keys[who].file, ...what.split(' ').slice(2));
  }
  act(who, act) {
    return this.json('act', 'show', '--node', this.keys[who].node, '--key', this.keys[who].file, act);
  }
  queue(who) {
    return this.json('queue', '--node', this.keys[who].node, '--key', this.keys[who].file);
  }
  async compose(who, draft, role = 'drafter') {
    const file = path.join(this.dir, `draft-${Date.now()}-${Math.floor(Math.random() * 1e6)}.json`);
    await fs.writeFile(file, JSON.stringify(draft));
    return this.json('act', 'compose', '--node', this.keys[who].node, '--key', this.keys[who].file, '--role', role, file);
  }
  move(who, act, move, role, { target, review, body } = {}) {
    const args = ['act', 'do', '--node', this.keys[who].node, '--key', this.keys[who].file, act, move, '--role', role];
    if (target !== undefined) args.push('--target', String(target));
    if (review) args.push('--review', review);
    if (body) args.push('--body', JSON.stringify(body));
    return this.json(...args);
  }
  match(file) {
    return this.json('match', '--node', this.nodes.platform.url, '--token', path.join(this.nodes.platform.folder, 'keys', 'upload.token'), file);
  }
  // What the platform's own mailer would pick up.
  async notifications() {
    const dir = path.join(this.nodes.platform.folder, 'notifications');
    const out = [];
    for (const f of (await fs.readdir(dir)).filter((n) => n.endsWith('.json'))) out.push(JSON.parse(await fs.readFile(path.join(dir, f), 'utf8')));
    return out;
  }
}

// What a stranger sees: a connection of its own, so that no kept-alive one answers with what was true before.
export function outside(url) {
  return new Promise((resolve, reject) => {
    const q = request(url, { agent: false, headers: { connection: 'close' } }, (r) => {
      const chunks = [];
      r.on('data', (c) => chunks.push(c));
      r.on('end', () => resolve({ status: r.statusCode, headers: r.headers, body: Buffer.concat(chunks) }));
    });
    q.on('error', reject);
    q.end();
  });
}

// A complete removal order for one photograph. The photograph is harmless: what is tested is the procedure.
export function removalOrder(stage, url, changes = {}) {
  const no = (what) => ({ answer: 'no', reason: `The upload carries no ${what} purpose: no title, source, context or comment.` });
  const now = new Date();
  return {
    regime: 'eu-tco-removal',
    participants: { issuer: stage.nodes.authority.party, addressee: stage.nodes.platform.party, overseer: stage.nodes.overseer.party },
    targets: [{ kind: 'url', value: url }],
    form: {
      legal_basis: 'Regulation (EU) 2021/784, Article 3',
      territory: 'all_member_states',
      language: 'fr',
      reasons:
        'The image published at this address stands, for this demonstration, for propaganda material of a listed organisation: it calls on its readers to join an attack, names a date and a place, and is spread with instructions. It falls under Article 2(7)(a) of the Regulation and Article 5 of Directive (EU) 2017/541, and its continued availability causes a danger that such an offence be committed.',
      a: { ms_issuing: 'FR', addressee: stage.nodes.platform.name, contact_point: `${stage.nodes.platform.url}/v1/inbox`, ms_home: 'FR', issued_at: now.toISOString(), ref: 'DEMO-2026-0001' },
      b: { types: ['a_incite'] },
      c: { no_disclosure: false },
      d: { cross_border: false, copy_sent: true },
      e: { type: 'other_competent_authority', authority: stage.nodes.authority.name, representative: 'Bernard Petit', post: 'Head of unit', file_no: 'DEMO-2026-0001', address: '1 place de la Démonstration, 75000 Paris', telephone: '+33 1 00 00 00 00', email: 'unit@interior.example' },
      f: { feedback: `${stage.nodes.authority.url}/v1/inbox`, home_authority: stage.nodes.authority.name },
      g: { body: 'Tribunal administratif (demo)', deadline: '48 hours from receipt, or from being informed', law_url: 'https://eur-lex.europa.eu/eli/reg/2021/784/oj' },
      exemption_assessment: { educational: no('educational'), journalistic: no('journalistic'), artistic: no('artistic'), research: no('research'), counter_terrorism: no('counter-terrorism'), public_debate: no('public debate') },
      deconfliction: { asked_at: new Date(now - 60000).toISOString(), outcome: 'no_conflict', with: 'Europol PERCI (demo)' },
      prior_information: { emergency_reason: 'The material names a date and a place within hours of its publication.' },
      ...changes,
    },
  };
}

// Half the size, strongly compressed, slightly warmer: what somebody does who wants to slip past a filter.
export async function alteredCopy(from, to) {
  const { stdout: ppm } = await exec('djpeg', ['-scale', '1/2', '-pnm', from], { encoding: 'buffer', maxBuffer: 256 << 20 });
  let at = 0;
  for (let tokens = 0; tokens < 4; ++at) if (ppm[at] === 10 || ppm[at] === 32) ++tokens;
  for (let i = at; i + 2 < ppm.length; i += 3) {
    ppm[i] = Math.min(255, ppm[i] + 8);
    ppm[i + 2] = Math.max(0, ppm[i + 2] - 6);
  }
  const raw = `${to}.ppm`;
  await fs.writeFile(raw, ppm);
  await exec('cjpeg', ['-quality', '60', '-outfile', to, raw]);
  await fs.unlink(raw);
}

export function defaultBinary() {
  const candidates = [process.env.ENTENTE_BIN, path.join(root, 'build/release/bin/entente'), path.join(root, 'build/dev/bin/entente')].filter(Boolean);
  const found = candidates.find((c) => existsSync(c));
  if (!found) throw new Error('no entente binary: run scripts/build first');
  return found;
}
