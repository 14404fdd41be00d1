/** What a new Job is given so that it finds its own pods and no others, unless it says that it does so by itself. */
import type { KubeObject } from '../types.ts';

interface JobSpec {
  manualSelector?: boolean;
  selector?: object;
  template: { metadata?: { labels?: Record<string, string> } };
}

export function withJobSelector(job: KubeObject): KubeObject {
  const spec = job['spec'] as JobSpec;
  const { template } = spec;
  if (spec.manualSelector === true) return job;
  const { name = '', uid = '' } = job.metadata;
  const labels = { ...template.metadata?.labels };
  for (const prefix of ['', 'batch.kubernetes.io/']) {
    labels[`${prefix}controller-uid`] = uid;
    labels[`${prefix}job-name`] = name;
  }
  const own = Object.keys(job.metadata.labels ?? {}).length > 0;
  return {
    ...job,
    metadata: own ? job.metadata : { ...job.metadata, labels },
    spec: {
      ...spec,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}
