// SPDX-License-Identifier: Apache-2.0
// The node's clock, ticking: deadlines are the node's, so a wrong laptop clock must not move them.
let offset = $state(0);
let tick = $state(Date.now());
setInterval(() => (tick = Date.now()), 1000);

export const clock = {
  get now(): number {
    return tick + offset;
  },
  // `now` as an API answer gave it. The answer's travel time only makes us show slightly less time left.
  set(now: string | undefined): void {
    const ms = now ? Date.parse(now) : Number.NaN;
    if (!Number.isNaN(ms)) {
      tick = Date.now();
      offset = ms - tick;
    }
  },
};
