// SPDX-License-Identifier: Apache-2.0
//
// Where each field of the removal order stands: the sections of Annex I of Regulation (EU) 2021/784 in the order of
// the form, then what the Regulation asks around it. A test holds this against regimes/forms/tco-annex-i.json: every
// field of the schema stands here exactly once.
import { emptyOf, type FormNode, type Values } from './model';

export interface Section {
  id: string; // catalogue: section.<id>, section.<id>.hint
  fields: string[]; // pointers of nodes, groups included
}

export const kSections: Section[] = [
  {
    id: 'a',
    fields: ['/a/ms_issuing', '/a/addressee', '/a/contact_point', '/a/ms_home', '/a/issued_at', '/a/ref', '/legal_basis', '/territory', '/language'],
  },
  { id: 'b', fields: ['/b/types', '/reasons', '/b/additional'] },
  { id: 'c', fields: ['/c/no_disclosure'] },
  { id: 'd', fields: ['/d/cross_border', '/d/copy_sent'] },
  {
    id: 'e',
    fields: ['/e/type', '/e/authority', '/e/representative', '/e/post', '/e/file_no', '/e/address', '/e/telephone', '/e/email'],
  },
  { id: 'f', fields: ['/f/feedback', '/f/home_authority'] },
  { id: 'g', fields: ['/g/body', '/g/deadline', '/g/law_url'] },
  {
    id: 'exemption_assessment',
    fields: ['educational', 'journalistic', 'artistic', 'research', 'counter_terrorism', 'public_debate'].map((x) => `/exemption_assessment/${x}`),
  },
  { id: 'deconfliction', fields: ['/deconfliction/with', '/deconfliction/asked_at', '/deconfliction/outcome'] },
  { id: 'prior_information', fields: ['/prior_information/sent_at', '/prior_information/emergency_reason'] },
];

export const kCountries = 'AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK'.split(' ');
export const kLanguages = 'bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv'.split(' ');

// The parent object of a leaf in the values of the form, and the leaf's name.
export function parentOf(values: Values, pointer: string): [Values, string] {
  const parts = pointer.split('/').slice(1);
  const name = parts.pop() ?? '';
  let at = values;
  for (const p of parts) at = (at[p] ?? {}) as Values;
  return [at, name];
}

// A fresh order: what is the same in every order is filled in, what is a judgement is not.
export function freshOrder(node: FormNode, issuedAt: string, language: string): Values {
  const values = emptyOf(node) as Values;
  parentOf(values, '/a/issued_at')[0].issued_at = issuedAt;
  values.language = language;
  return values;
}
