// SPDX-License-Identifier: Apache-2.0
//
// What a person fills in, derived from a regime's JSON Schema (draft-07, the subset regimes/forms/ uses). Pure: a
// schema becomes a tree of nodes; a node knows its empty value, its body (what is signed) and its faults. The node
// server checks everything again; this only spares a round trip and shows all faults at once.
export type Kind = 'text' | 'long' | 'choice' | 'choices' | 'flag' | 'date' | 'hash' | 'constant' | 'group' | 'open';

export interface FormNode {
  pointer: string; // JSON Pointer inside the form, "" for the whole
  name: string;
  kind: Kind;
  required: boolean;
  min?: number;
  max?: number;
  pattern?: string;
  options?: string[];
  constant?: unknown;
  children?: FormNode[];
}

export type Code = 'required' | 'short' | 'long' | 'pattern' | 'tick';
export interface Fault {
  pointer: string;
  code: Code;
  min?: number;
  max?: number;
}

export interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  minProperties?: number;
  pattern?: string;
}

export type Value = unknown;
export type Values = Record<string, Value>;

const kLongText = 500; // above this many characters a field is a text area
const kDatePattern = '^[0-9]{4}-[0-9]{2}-[0-9]{2}T';
const kHashPattern = '^[0-9a-f]{64}$';

function kindOf(s: Schema): Kind {
  if (s.const !== undefined) return s.const === true ? 'flag' : 'constant';
  if (s.enum) return 'choice';
  if (s.type === 'boolean') return 'flag';
  if (s.type === 'array') return s.items?.enum ? 'choices' : 'open';
  if (s.type === 'object') return s.properties ? 'group' : 'open';
  if (s.pattern?.startsWith(kDatePattern)) return 'date';
  if (s.pattern === kHashPattern) return 'hash';
  return (s.maxLength ?? 0) > kLongText ? 'long' : 'text';
}

export function formOf(schema: Schema, pointer = '', name = '', required = true): FormNode {
  const kind = kindOf(schema);
  const node: FormNode = { pointer, name, kind, required };
  if (kind === 'group') {
    node.min = schema.minProperties;
    node.children = Object.entries(schema.properties ?? {}).map(([key, child]) =>
      formOf(child, `${pointer}/${key}`, key, schema.required?.includes(key) ?? false),
    );
    return node;
  }
  if (kind === 'choices') {
    node.min = schema.minItems;
    node.options = schema.items?.enum?.map(String) ?? [];
    return node;
  }
  node.min = schema.minLength;
  node.max = schema.maxLength;
  node.pattern = schema.pattern;
  if (schema.enum) node.options = schema.enum.map(String);
  if (schema.const !== undefined) node.constant = schema.const;
  return node;
}

export function leaves(node: FormNode): FormNode[] {
  return node.children ? node.children.flatMap(leaves) : [node];
}

export function find(node: FormNode, pointer: string): FormNode | undefined {
  if (node.pointer === pointer) return node;
  return node.children?.map((c) => find(c, pointer)).find((n) => n !== undefined);
}

export function emptyOf(node: FormNode): Value {
  switch (node.kind) {
    case 'group':
      return Object.fromEntries((node.children ?? []).map((c) => [c.name, emptyOf(c)]));
    case 'choices':
      return [];
    case 'flag':
      return false;
    case 'constant':
      return node.constant;
    case 'open':
      return {};
    default:
      return '';
  }
}

const isObject = (v: Value): v is Values => typeof v === 'object' && v !== null && !Array.isArray(v);

// `saved` laid over the empty form: a draft of an older schema can neither add fields nor break the page.
export function fill(node: FormNode, saved: Value): Value {
  const empty = emptyOf(node);
  if (node.kind === 'group') {
    const from = isObject(saved) ? saved : {};
    return Object.fromEntries((node.children ?? []).map((c) => [c.name, fill(c, from[c.name])]));
  }
  if (node.kind === 'constant') return empty;
  if (node.kind === 'choices') {
    return Array.isArray(saved) ? saved.filter((v) => node.options?.includes(String(v))) : empty;
  }
  return typeof saved === typeof empty && saved !== null ? saved : empty;
}

// What is sent and signed: trimmed, without the optional fields nobody filled in.
export function bodyOf(node: FormNode, value: Value): Value {
  if (node.kind === 'group') {
    const from = isObject(value) ? value : {};
    const members = (node.children ?? [])
      .map((c) => [c.name, bodyOf(c, from[c.name])] as const)
      .filter(([, v]) => v !== undefined);
    return members.length === 0 && !node.required ? undefined : Object.fromEntries(members);
  }
  if (node.kind === 'constant') return node.constant;
  if (typeof value === 'string') {
    const text = value.trim();
    return text === '' && !node.required ? undefined : text;
  }
  if (node.kind === 'choices' && Array.isArray(value)) {
    // In the form's order, whatever the order of the clicks.
    const chosen = node.options?.filter((o) => value.includes(o)) ?? [];
    return chosen.length === 0 && !node.required ? undefined : chosen;
  }
  return value;
}

// Unicode characters, as the server counts them: not UTF-16 units.
export const lengthOf = (text: string): number => [...text.trim()].length;

function textFaults(node: FormNode, value: Value): Fault[] {
  const text = typeof value === 'string' ? value.trim() : '';
  const length = lengthOf(text);
  const { pointer, min, max } = node;
  if (text === '') return node.required && (min ?? 1) > 0 ? [{ pointer, code: 'required' }] : [];
  if (min !== undefined && length < min) return [{ pointer, code: 'short', min }];
  if (max !== undefined && length > max) return [{ pointer, code: 'long', max }];
  if (node.pattern && !new RegExp(node.pattern).test(text)) return [{ pointer, code: 'pattern' }];
  return [];
}

export function faultsOf(node: FormNode, value: Value): Fault[] {
  const { pointer } = node;
  switch (node.kind) {
    case 'group': {
      const from = isObject(value) ? value : {};
      const body = bodyOf(node, value);
      if (!node.required && body === undefined) return [];
      if (node.min !== undefined && isObject(body) && Object.keys(body).length < node.min) {
        return [{ pointer, code: 'required' }];
      }
      return (node.children ?? []).flatMap((c) => faultsOf(c, from[c.name]));
    }
    case 'choices':
      return Array.isArray(value) && value.length < (node.min ?? 0) ? [{ pointer, code: 'required' }] : [];
    case 'flag':
      return node.constant === true && value !== true ? [{ pointer, code: 'tick' }] : [];
    case 'choice':
      return value === '' && node.required ? [{ pointer, code: 'required' }] : [];
    case 'constant':
    case 'open':
      return [];
    default:
      return textFaults(node, value);
  }
}

// Every leaf of a body, in order, as the confirm dialog lists it: what is signed, not what was typed.
export function flatten(value: Value, pointer = ''): [string, string][] {
  if (Array.isArray(value)) {
    if (value.every((v) => !isObject(v) && !Array.isArray(v))) return [[pointer, value.join(', ')]];
    return value.flatMap((v, i) => flatten(v, `${pointer}/${i}`));
  }
  if (isObject(value)) return Object.entries(value).flatMap(([k, v]) => flatten(v, `${pointer}/${k}`));
  return [[pointer, value === null || value === undefined ? '' : String(value)]];
}
