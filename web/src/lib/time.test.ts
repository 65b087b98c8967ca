// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { formatLeft, fromLocalInput, spokenLeft, toLocalInput, urgencyOf } from './time';

const s = 1000;
const m = 60 * s;
const h = 60 * m;

describe('time left', () => {
  it.each([
    [0, '00:00'],
    [999, '00:00'],
    [59 * m + 59 * s + 999, '59:59'],
    [h, '1:00:00'],
    [47 * h + 59 * m, '47:59:00'],
    [48 * h, '2 d 00 h'],
    [-(4 * m + 2 * s), '04:02'],
  ])('%i ms reads %s', (ms, text) => expect(formatLeft(ms)).toBe(text));
  it('never shows more time than there is', () => expect(formatLeft(h - 1)).toBe('59:59'));
  it('is spoken in one unit', () => {
    expect(spokenLeft(11 * m + 59 * s, 'en')).toBe('11 minutes');
    expect(spokenLeft(3 * 24 * h, 'fr')).toMatch(/^3\sjours$/);
  });
});

describe('urgency', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  it.each([
    ['2026-01-01T12:00:00Z', 'overdue'],
    ['2026-01-01T12:15:00Z', 'critical'],
    ['2026-01-01T12:15:01Z', 'soon'],
    ['2026-01-01T13:00:00Z', 'soon'],
    ['2026-01-01T13:00:01Z', 'calm'],
    ['not a date', 'none'],
    [null, 'none'],
  ])('%s is %s', (due, u) => expect(urgencyOf(due, now)).toBe(u));
});

describe('date inputs', () => {
  it('go to RFC 3339 and back', () => {
    expect(toLocalInput(fromLocalInput('2026-03-04T05:06'))).toBe('2026-03-04T05:06');
    expect(fromLocalInput('2026-03-04T05:06')).toMatch(/^2026-03-0\dT\d\d:\d\d:00Z$/);
  });
  it('stay empty when there is none', () => {
    expect(fromLocalInput('')).toBe('');
    expect(toLocalInput('')).toBe('');
  });
});
