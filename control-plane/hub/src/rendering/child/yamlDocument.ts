/** What both readers of YAML are given and give. */

export interface YamlLimits {
  documentsMax: number;
  depthMax: number;
  /** Values of one file, aliases counted as what they expand to. */
  nodesMax: number;
}

export interface YamlDocument {
  /** From 1. */
  number: number;
  line: number;
  value: unknown;
}
