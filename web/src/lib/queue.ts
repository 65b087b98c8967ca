// SPDX-License-Identifier: Apache-2.0
// The queue as it is shown: three groups that never mix, each in the order of its own urgency. Pure.
import type { QueueItem } from './api/client';

export type Mode = QueueItem['mode'];
export interface Group {
  mode: Mode;
  items: QueueItem[];
}

const kOrder: Mode[] = ['order', 'match', 'notice'];
const dueOf = (i: QueueItem): number => (i.due ? Date.parse(i.due) : Number.POSITIVE_INFINITY);

// Orders by time left; matches and notices by age. A notice's clock, should a node send one, is dropped (SG32).
export function groupQueue(items: QueueItem[]): Group[] {
  const shown = items.map((i) => (i.mode === 'notice' ? { ...i, due: null, due_1182: null, clock: undefined } : i));
  return kOrder
    .map((mode) => ({
      mode,
      items: shown
        .filter((i) => i.mode === mode)
        .sort((a, b) => {
          const x = dueOf(a);
          const y = dueOf(b);
          return x === y ? a.received_at.localeCompare(b.received_at) : x - y;
        }),
    }))
    .filter((g) => g.items.length > 0);
}

export const keyOf = (i: QueueItem): string => `${i.kind}-${i.id}-${i.target ?? ''}`;
