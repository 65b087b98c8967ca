// SPDX-License-Identifier: Apache-2.0
//
// The typed client. Types come from api/openapi.yaml (`npm run api`), so a wrong path, field or enum value fails
// the type check. Two clients: `api` sends the session cookie, `open` sends nothing about the reader and is the
// only one that public pages may use.
import createClient from 'openapi-fetch';
import type { components, paths } from './schema';
import { problemOf, type Problem } from './problem';

export type Schemas = components['schemas'];
export type Text = Schemas['Text'];
export type ActView = Schemas['ActView'];
export type Clock = Schemas['Clock'];
export type StepView = Schemas['StepView'];
export type QueueItem = Schemas['QueueItem'];
export type Regime = Schemas['Regime'];
export type Party = Schemas['Party'];
export type Session = Schemas['Session'];
export type CaseView = Schemas['Case'];
export type RecordView = Schemas['Record'];
export type Prepared = Schemas['Prepared'];
export type PossibleMove = ActView['possible'][number];

export const api = createClient<paths>({ credentials: 'same-origin' });
export const open = createClient<paths>({ credentials: 'omit', referrerPolicy: 'no-referrer' });

// Thrown by `must` only; pages show `problem` with <ProblemBox>.
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

// The data of a call, or an ApiError: for a refusal, for an answer that is no problem document, for no network.
export async function must<T>(call: Promise<Answer<T>>): Promise<NonNullable<T>> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch {
    throw new ApiError({ type: 'about:blank', title: 'network', status: 0, detail: '' });
  }
  if (answer.response.ok) return answer.data as NonNullable<T>;
  throw new ApiError(problemOf(answer.error, answer.response.status));
}
