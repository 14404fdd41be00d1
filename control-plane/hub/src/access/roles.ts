/** What a role may do. Two roles until users and projects' own roles come: everything, and reading. */
import type { Permission } from '../http/principal.ts';

export type Role = 'admin' | 'viewer';
export const roles: readonly Role[] = ['admin', 'viewer'];

/** Credentials are nobody's to look through but an admin's, even without their secrets. */
const adminOnly = new Set(['api-token', 'registration-token']);

export function roleMay(role: string, permission: Permission): boolean {
  if (role === 'admin') return true;
  const [resource = '', verb = ''] = permission.split(':');
  return role === 'viewer' && verb === 'read' && !adminOnly.has(resource);
}
