// SPDX-License-Identifier: Apache-2.0
// The whole router: a path, and moving to another one. Links are plain <a href>; clicks on them land here.
let path = $state(location.pathname);
let query = $state(location.search);

const sync = (): void => {
  path = location.pathname;
  query = location.search;
};
addEventListener('popstate', sync);

export const route = {
  get path(): string {
    return path;
  },
  get query(): URLSearchParams {
    return new URLSearchParams(query);
  },
};

export function go(to: string, replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  sync();
  scrollTo(0, 0);
}

// Same-origin left clicks on page links; anything else (files, other sites, new tabs) is the browser's.
export function onLinkClick(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = (event.target as Element | null)?.closest?.('a[href]');
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
  const url = new URL(link.href);
  if (url.origin !== location.origin || /^\/(v1|ledger|\.well-known)\//.test(url.pathname)) return;
  if (url.hash && url.pathname === location.pathname) return;
  event.preventDefault();
  go(url.pathname + url.search);
}
