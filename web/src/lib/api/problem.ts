// SPDX-License-Identifier: Apache-2.0
//
// RFC 9457 problems, and where in a form they point. Pure.
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  field?: string;
  rule?: string;
  mend?: string;
}

const text = (v: unknown): string | undefined => (typeof v === 'string' && v !== '' ? v : undefined);

// A proxy in the way may answer with HTML or nothing: that too must become something a person can read.
export function problemOf(body: unknown, status: number): Problem {
  const o = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return {
    type: text(o.type) ?? 'about:blank',
    title: text(o.title) ?? `HTTP ${status}`,
    status,
    detail: text(o.detail) ?? '',
    field: text(o.field),
    rule: text(o.rule),
    mend: text(o.mend),
  };
}

// "/body/form/a/ref" and "/form/a/ref" are "/a/ref" of the form; "/body/targets/0" is "/targets/0".
export function formPointer(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  return field.replace(/^\/body(?=\/|$)/, '').replace(/^\/form(?=\/|$)/, '');
}

// True when a problem's field is this pointer or lies under it.
export function pointsAt(field: string | undefined, pointer: string): boolean {
  const at = formPointer(field);
  return at !== undefined && (at === pointer || at.startsWith(`${pointer}/`));
}
