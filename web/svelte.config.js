// SPDX-License-Identifier: Apache-2.0
// Svelte's own preprocessor is enough: TypeScript in <script lang="ts"> is stripped by the compiler.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default { preprocess: vitePreprocess({ style: false }), compilerOptions: { runes: true } };
