/** What goes to stdout: data, and nothing else. As a table for people, or the API's own resource as JSON or YAML. */
import { stringify } from 'yaml';

export type OutputFormat = 'table' | 'json' | 'yaml';
export const outputFormats: readonly OutputFormat[] = ['table', 'json', 'yaml'];

export function render(format: OutputFormat, resource: unknown, table: () => string): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(resource, null, 2)}\n`;
    case 'yaml':
      return stringify(resource);
    case 'table':
      return ensureNewline(table());
  }
}

function ensureNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
