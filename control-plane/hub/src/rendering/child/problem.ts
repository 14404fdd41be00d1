/** What keeps files from being rendered, by the place at which a person finds it. */
export interface RenderProblem {
  /** Path in the repository; '' where it is no file's. */
  file: string;
  /** From 1; 0 where the file as a whole is meant. */
  document: number;
  line: number;
  message: string;
}

/** Of a file as a whole. */
export function ofFile(file: string, message: string): RenderProblem {
  return { file, document: 0, line: 0, message };
}

export function ofNoFile(message: string): RenderProblem {
  return ofFile('', message);
}
