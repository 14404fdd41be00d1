/** Small manifests for tests, as YAML text. */

export function configMap(name: string, data: Record<string, string>, more = ''): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`);
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${more}data:\n${lines.join('\n')}\n`;
}

export interface DeploymentOptions {
  replicas?: number;
  image?: string;
  /** Makes its pods fail: `crash-loop`, `image-pull` or `never-ready`. */
  fail?: string;
}

export function deployment(
  name: string,
  { replicas = 1, image = 'registry.example/web:1', fail }: DeploymentOptions = {},
): string {
  const annotations = fail === undefined ? '' : `      annotations: { flotilla.dev/test-fail: ${fail} }\n`;
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata:
      labels: { app: ${name} }
${annotations}    spec:
      containers:
        - name: main
          image: ${image}
`;
}

/** A CRD of the group `<suffix>.flotilla.test` for kind `Widget`, and one object of it. */
export function widgetCrd(suffix: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.${suffix}.flotilla.test
spec:
  group: ${suffix}.flotilla.test
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget, listKind: WidgetList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: { type: integer }
`;
}

export function widget(suffix: string, name: string, size: number): string {
  return `apiVersion: ${suffix}.flotilla.test/v1\nkind: Widget\nmetadata:\n  name: ${name}\nspec:\n  size: ${size}\n`;
}
