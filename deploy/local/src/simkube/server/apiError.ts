/** Refusals of an API server as it words them: each is a Status with code, reason and details. */
import { subjectInvalid, type FieldError } from '../merge/fieldErrors.ts';
import type { JsonObject, ResourceType } from '../types.ts';

type Kind = Pick<ResourceType, 'group' | 'plural'>;

export interface StatusCause {
  reason?: string;
  message: string;
  field?: string;
}

export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject;

  constructor(code: number, reason: string, message: string, details: JsonObject = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

export function statusOf(error: ApiError): JsonObject {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: error.message,
    ...(error.reason === '' ? {} : { reason: error.reason }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    code: error.code,
  };
}

export function qualified(type: Kind): string {
  return type.group === '' ? type.plural : `${type.plural}.${type.group}`;
}

export function detailsOf(type: Kind, name: string): JsonObject {
  return { name, ...(type.group === '' ? {} : { group: type.group }), kind: type.plural };
}

export function notFound(type: Kind, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(type)} "${name}" not found`, detailsOf(type, name));
}

export function noSuchPath(): ApiError {
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource');
}

export function alreadyExists(type: Kind, name: string): ApiError {
  const message = `${qualified(type)} "${name}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, detailsOf(type, name));
}

export function conflict(type: Kind, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(type)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, detailsOf(type, name));
}

export function modified(type: Kind, name: string): ApiError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(type, name, why);
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message);
}

/** What the real server has no reason and no code of its own for. */
export function unnamed(message: string): ApiError {
  return new ApiError(500, '', message);
}

export function invalidObject(
  kind: { group: string; kind: string },
  name: string,
  errors: FieldError[],
): ApiError {
  const details: JsonObject = {
    ...(name === '' ? {} : { name }),
    ...(kind.group === '' ? {} : { group: kind.group }),
    kind: kind.kind,
    causes: errors.map((error) => ({ ...error })),
  };
  return new ApiError(422, 'Invalid', subjectInvalid(kind, name, errors), details);
}

export function forbidden(type: Kind, name: string, why: string, causes: StatusCause[] = []): ApiError {
  const subject = name === '' ? qualified(type) : `${qualified(type)} "${name}"`;
  const details: JsonObject = { ...detailsOf(type, name) };
  if (causes.length > 0) details['causes'] = causes.map((cause) => ({ ...cause })) as JsonObject[];
  return new ApiError(403, 'Forbidden', `${subject} is forbidden: ${why}`, details);
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
  );
}

export function notAcceptable(): ApiError {
  const served = 'application/json, application/yaml, application/json;stream=watch';
  const message = `406: Not Acceptable\n\nAvailable representations: ${served}`;
  return new ApiError(406, 'NotAcceptable', message);
}

export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message);
}

/** Of a version that no write has reached yet; the real server says so after it waited for it. */
export function tooLargeVersion(asked: number, current: number): ApiError {
  const what = 'Too large resource version';
  const causes = [{ reason: 'ResourceVersionTooLarge', message: what }];
  const message = `Timeout: ${what}: ${asked}, current: ${current}`;
  return new ApiError(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
}
