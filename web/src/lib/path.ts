// SPDX-License-Identifier: Apache-2.0
// Paths of pages, as text. Pure.

// "/acts/:id" against "/acts/01H…": the parameters, or null.
export function match(pattern: string, at: string): Record<string, string> | null {
  const want = pattern.split('/');
  const have = at.replace(/\/$/, '').split('/');
  if (want.length !== have.length) return null;
  const out: Record<string, string> = {};
  for (const [i, w] of want.entries()) {
    const h = have[i] ?? '';
    if (w.startsWith(':') && h !== '') {
      try {
        out[w.slice(1)] = decodeURIComponent(h);
      } catch {
        return null;
      }
    } else if (w !== h) return null;
  }
  return out;
}
