/**
 * What `npm start` and `npm run demo` tell people: lines on stderr, since stdout is for data, or whoever took the floor: a
 * screen that has a place for it.
 */
import pc from 'picocolors';

export interface Voice {
  line: (text: string) => void;
  /** Something begins that takes a while; what it returns is called with how it ended. */
  part: (what: string) => (end: PartEnd) => void;
}

export interface PartEnd {
  isDone: boolean;
  tookMs: number;
}

/** One line when a part is done, with how long it took; nothing of what fails, its error says it. */
const lines: Voice = {
  line: (text) => void process.stderr.write(`${text}\n`),
  part: (what) => (end) => {
    if (!end.isDone) return;
    lines.line(`${pc.green('✓')} ${what} ${pc.dim(`${(end.tookMs / 1000).toFixed(1)} s`)}`);
  },
};
let floor: Voice = lines;

/** Until the returned function is called everything that is told goes to `voice`. */
export function takeTheFloor(voice: Voice): () => void {
  floor = voice;
  return () => {
    if (floor === voice) floor = lines;
  };
}

export function say(text = ''): void {
  floor.line(text);
}

export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const end = floor.part(what);
  const tookMs = () => performance.now() - startedMs;
  try {
    const result = await work();
    end({ isDone: true, tookMs: tookMs() });
    return result;
  } catch (error) {
    end({ isDone: false, tookMs: tookMs() });
    throw error;
  }
}
