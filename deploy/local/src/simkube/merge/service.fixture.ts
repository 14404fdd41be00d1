/** Recorded Services without what each is given when it is stored: that is `server/serviceAddress.ts`, not merging. */

const given = ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'];

export function withoutAddress<T extends { [field: string]: unknown }>(recorded: T): T {
  if (recorded['kind'] !== 'Service') return recorded;
  const fields = Object.entries(recorded['spec'] as object).filter(([name]) => !given.includes(name));
  return { ...recorded, spec: Object.fromEntries(fields) as object };
}
