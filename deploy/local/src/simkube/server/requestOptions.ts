/**
 * The options of a request (its query, and the body of a DELETE), checked as the real API server checks them: an unknown
 * value is refused, not passed over.
 */
import {
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
  type FieldError,
} from '../merge/fieldErrors.ts';
import { badRequest, invalidObject } from './apiError.ts';

const MANAGER_BYTES_MAX = 128;
const VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'];
const PROPAGATIONS = ['Foreground', 'Background', 'Orphan', 'nil'];
const MATCHES = ['Exact', 'NotOlderThan', ''];

export type WriteKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';

export function checkWriteOptions(kind: WriteKind, query: URLSearchParams, isApply: boolean): void {
  const errors = dryRunErrors(query.getAll('dryRun'));
  const manager = query.get('fieldManager') ?? '';
  if (kind === 'PatchOptions' && isApply && manager === '')
    errors.push(required('fieldManager', 'is required for apply patch'));
  if (kind === 'PatchOptions' && !isApply && query.has('force'))
    errors.push(forbidden('force', 'may not be specified for non-apply patch'));
  if (Buffer.byteLength(manager) > MANAGER_BYTES_MAX) errors.push(tooLong('fieldManager', MANAGER_BYTES_MAX));
  const validation = query.get('fieldValidation') ?? '';
  if (!VALIDATIONS.includes(validation))
    errors.push(notSupported('fieldValidation', validation, VALIDATIONS));
  refuse(kind, errors);
}

/** Of a DELETE, wherever it says them. */
export interface SentDeleteOptions {
  propagationPolicy?: string;
  orphanDependents?: boolean;
  dryRun: string[];
}

export function checkDeleteOptions({ propagationPolicy, orphanDependents, dryRun }: SentDeleteOptions): void {
  const field = 'propagationPolicy';
  const errors: FieldError[] = [];
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    const text = 'orphanDependents and deletionPropagation cannot be both set';
    errors.push(invalid(field, propagationPolicy, text));
  } else if (propagationPolicy !== undefined && !PROPAGATIONS.slice(0, -1).includes(propagationPolicy))
    errors.push(notSupported(field, propagationPolicy, PROPAGATIONS));
  refuse('DeleteOptions', [...errors, ...dryRunErrors(dryRun)]);
}

function dryRunErrors(values: string[]): FieldError[] {
  return values.every((value) => value === 'All') ? [] : [notSupported('dryRun', values, ['All'])];
}

/** Whether resourceVersion, its match and what else is asked go together. */
export function checkListOptions(query: URLSearchParams, isWatch: boolean): void {
  for (const name of ['limit', 'timeoutSeconds']) wholeNumber(query.get(name));
  refuse('ListOptions', isWatch ? watchErrors(query) : listErrors(query));
}

function listErrors(query: URLSearchParams): FieldError[] {
  const field = 'resourceVersionMatch';
  const match = query.get(field) ?? '';
  const version = query.get('resourceVersion') ?? '';
  const errors: FieldError[] = [];
  if (query.has('sendInitialEvents'))
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  if (match === '') return errors;
  if (version === '')
    errors.push(forbidden(field, `${field} is forbidden unless resourceVersion is provided`));
  if (query.get('continue')) errors.push(forbidden(field, `${field} is forbidden when continue is provided`));
  if (!MATCHES.includes(match)) errors.push(notSupported(field, match, MATCHES));
  if (match === 'Exact' && version === '0')
    errors.push(forbidden(field, `${field} "exact" is forbidden for resourceVersion "0"`));
  return errors;
}

function watchErrors(query: URLSearchParams): FieldError[] {
  const field = 'resourceVersionMatch';
  const match = query.get(field) ?? '';
  const errors: FieldError[] = [];
  if (!query.has('sendInitialEvents') && match !== '')
    errors.push(forbidden(field, `${field} is forbidden for watch unless sendInitialEvents is provided`));
  if (query.has('sendInitialEvents') && match !== 'NotOlderThan')
    errors.push(forbidden(field, `sendInitialEvents requires setting ${field} to NotOlderThan`));
  if (match !== '' && match !== 'NotOlderThan') errors.push(notSupported(field, match, ['NotOlderThan']));
  return errors;
}

function wholeNumber(text: string | null): void {
  if (text !== null && text !== '' && !/^-?\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** The resourceVersion that is asked for; 0 where none is, or why it is none. */
export function versionOf(text: string): number | { wrong: string } {
  if (/^\d*$/.test(text)) return Number(text);
  const value = JSON.stringify(text);
  return {
    wrong: `resourceVersion: Invalid value: ${value}: strconv.ParseUint: parsing ${value}: invalid syntax`,
  };
}

function refuse(kind: string, errors: FieldError[]): void {
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind }, '', errors);
}
