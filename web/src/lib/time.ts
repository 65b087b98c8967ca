// SPDX-License-Identifier: Apache-2.0
//
// Time as people read it. Pure: the caller says what time it is. Instants are RFC 3339 strings or milliseconds.
export type Urgency = 'overdue' | 'critical' | 'soon' | 'calm' | 'none';

const kMinute = 60_000;
const kHour = 60 * kMinute;
const kDay = 24 * kHour;

// [D] A removal order gives one hour: the last quarter of it is critical, anything under an hour is soon.
const kCritical = 15 * kMinute;

export function urgencyOf(due: string | null | undefined, now: number): Urgency {
  if (!due) return 'none';
  const left = Date.parse(due) - now;
  if (Number.isNaN(left)) return 'none';
  if (left <= 0) return 'overdue';
  if (left <= kCritical) return 'critical';
  return left <= kHour ? 'soon' : 'calm';
}

const two = (n: number): string => String(n).padStart(2, '0');

// "47:03", "2:05:09", "3 d 04 h"; the same without sign when overdue, for which the page adds a word and an icon.
export function formatLeft(ms: number, dayLetter = 'd'): string {
  const left = Math.abs(ms);
  // Time left is floored and time over is floored too: a countdown never shows more time than there is.
  const seconds = Math.floor(left / 1000);
  if (left >= 2 * kDay) {
    return `${Math.floor(left / kDay)} ${dayLetter} ${two(Math.floor((left % kDay) / kHour))} h`;
  }
  const h = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return h > 0 ? `${h}:${rest}` : rest;
}

// How screen readers and titles say it; minutes are enough, and seconds would be noise.
export function spokenLeft(ms: number, locale: string): string {
  const left = Math.abs(ms);
  const [n, unit] =
    left >= 2 * kDay
      ? [Math.floor(left / kDay), 'day']
      : left >= 2 * kHour
        ? [Math.floor(left / kHour), 'hour']
        : [Math.floor(left / kMinute), 'minute'];
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(n);
}

export function formatInstant(at: string, locale: string): string {
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return at;
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(ms);
}

// <input type="datetime-local"> speaks local time without a zone; the API speaks RFC 3339 in UTC.
export function toLocalInput(at: string): string {
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return '';
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`;
}

export function fromLocalInput(local: string): string {
  const ms = local === '' ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(ms) ? '' : new Date(ms).toISOString().replace('.000Z', 'Z');
}
