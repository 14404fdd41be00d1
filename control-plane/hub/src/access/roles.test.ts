import { expect, it } from 'vitest';
import { roleMay } from './roles.ts';

it('lets a viewer read, but neither change anything nor see credentials', () => {
  expect(roleMay('viewer', 'cluster:read')).toBe(true);
  expect(roleMay('viewer', 'cluster:update')).toBe(false);
  expect(roleMay('viewer', 'api-token:read')).toBe(false);
  expect(roleMay('viewer', 'registration-token:read')).toBe(false);
});

it('lets an admin do everything and an unknown role nothing', () => {
  expect(roleMay('admin', 'cluster:revoke')).toBe(true);
  expect(roleMay('owner', 'cluster:read')).toBe(false);
});
