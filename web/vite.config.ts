// SPDX-License-Identifier: Apache-2.0
// One build, one entry: the node serves web/dist itself and answers any unknown path without a dot with index.html.
// The content security policy also travels in the page, so that a proxy that drops headers does not drop it.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import type { Plugin } from 'vite';

const kPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; object-src 'none'";

// Only in the build: the development server needs inline styles to reload them.
const policy: Plugin = {
  name: 'entente-csp',
  apply: 'build',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: kPolicy }, injectTo: 'head-prepend' },
  ],
};

const node = process.env.ENTENTE_NODE ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: '/',
  plugins: [svelte(), policy],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // data: URLs would need a hole in the policy
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': node, '/ledger': node } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
