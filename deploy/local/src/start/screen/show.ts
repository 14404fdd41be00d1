/**
 * What a person sees of a local fleet, from the first step to the end: a screen where there is a terminal that is large
 * enough, lines elsewhere. It follows the fleet through the hub's API alone, also while that is away, and its keys do what
 * they say.
 */
import { harmless } from '@flotilla/client/cells';
import type { Fleet } from '../fleet.ts';
import { sayWhatToTry } from '../outcome.ts';
import { MAIN_APPLICATION } from '../sample.ts';
import { takeTheFloor, say, type Voice } from '../say.ts';
import { driftOn, pushChange, toggleHub } from './actions.ts';
import { moodsOf } from './mood.ts';
import { Narrator } from './narrator.ts';
import { colorsOf } from './paint.ts';
import { PlainLines } from './plain.ts';
import { render } from './render.ts';
import type { FleetSight } from './sight.ts';
import { newState, viewOf, type ShowState } from './state.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { spell } from './text.ts';
import type { FeedItem, Tone } from './view.ts';
import { FleetWatch } from './watch.ts';

export interface ShowOptions {
  /** False: lines, whatever the terminal. */
  mayDraw: boolean;
  /** By the key for it. */
  quit: () => void;
  input?: typeof process.stdin;
  output?: typeof process.stdout;
}

const columnsMin = 80;
const rowsMin = 20;
const frameMs = 120;
const stillFrameMs = 1000;
const typedKeys =
  'Or type here, with Enter: p pushes a change, d makes drift, h stops or starts the hub, q quits.';
const interruptKeys = new Set(['q', '\u0003']);

export class Show implements Disposable {
  readonly #state: ShowState = newState(Date.now());
  readonly #narrator = new Narrator();
  readonly #plain = new PlainLines((line) => say(line));
  readonly #quit: () => void;
  #terminal: Terminal | null = null;
  #giveFloorBack: () => void = () => undefined;
  #frame: NodeJS.Timeout | null = null;
  #fleet: Fleet | null = null;
  #watch: FleetWatch | null = null;
  #before: FleetSight | null = null;
  #isLent = false;
  #isOver = false;
  #drifted = 0;

  constructor({ mayDraw, quit, input = process.stdin, output = process.stdout }: ShowOptions) {
    this.#quit = quit;
    if (!mayDraw || !canDraw(input, output)) return;
    this.#terminal = openTerminal({
      input,
      output,
      onKey: (key) => this.#key(key),
      onResize: () => this.#draw(),
    });
    this.#giveFloorBack = takeTheFloor(this.#voice());
    this.#draw();
  }

  /** From now on it follows this fleet. */
  attach(fleet: Fleet): FleetWatch {
    const { description, name } = fleet.engine;
    const [short = description] = description.split(/ \(|;/);
    this.#fleet = fleet;
    this.#state.engine = `${name}: ${short}`;
    this.#state.hubUrl = fleet.hub().url;
    this.#state.clusters = fleet.clusters.length;
    this.#watch = new FleetWatch(fleet.hub().client, {
      seen: (sight) => this.#seen(sight),
      hubAway: (sinceMs) => this.#hubAway(sinceMs),
    });
    return this.#watch;
  }

  /** Everything has arrived once: from now on a person may try things, until the signal. */
  async live(fleet: Fleet, watch: FleetWatch, signal: AbortSignal): Promise<void> {
    this.#state.hasKeys = true;
    if (this.#terminal === null) sayWhatToTry(fleet, 'Enter here');
    if (this.#terminal === null && process.stdin.isTTY) say(typedKeys);
    const keyboard = this.#terminal === null ? readLines((line) => this.#key(line)) : undefined;
    await watch.run(() => false, signal);
    keyboard?.();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    if (this.#frame !== null) clearTimeout(this.#frame);
    this.#giveFloorBack();
    this.#terminal?.leave();
    this.#terminal = null;
  }

  #voice(): Voice {
    return {
      line: (text) => this.#note(text, 'quiet'),
      part: (name) => {
        const part = { name: harmless(name), state: 'running' as const, startedMs: Date.now(), tookMs: 0 };
        const at = this.#state.parts.push(part) - 1;
        this.#draw();
        return ({ isDone, tookMs }) => {
          this.#state.parts[at] = { ...part, state: isDone ? 'done' : 'failed', tookMs };
          this.#draw();
        };
      },
    };
  }

  #note(text: string, tone: Tone): void {
    const plain = harmless(text);
    if (plain === '') return;
    const nowMs = Date.now();
    this.#tell([{ id: `note ${nowMs} ${plain}`, atMs: nowMs, tone, text: plain }]);
  }

  #tell(items: readonly FeedItem[]): void {
    if (this.#isOver) return;
    this.#state.feed.add(items);
    if (this.#terminal === null) this.#plain.tell(items, Date.now());
    else this.#draw();
  }

  #seen(sight: FleetSight): void {
    const nowMs = Date.now();
    this.#state.sight = sight;
    const items = this.#narrator.tell(this.#before, sight, nowMs);
    this.#before = sight;
    this.#tell(items);
    if (this.#terminal !== null) this.#draw();
    else if (!this.#isOver) this.#plain.count(sight, MAIN_APPLICATION, nowMs);
  }

  #hubAway(sinceMs: number | null): void {
    const before = this.#state.hubAwaySinceMs;
    this.#state.hubAwaySinceMs = sinceMs;
    if (sinceMs !== null) return this.#note('hub away: the agents go on without it', 'bad');
    this.#note(`hub back after ${spell(Date.now() - (before ?? Date.now()))}`, 'good');
  }

  #key(key: string): void {
    if (interruptKeys.has(key)) return this.#quit();
    if (this.#isLent) return this.#takeBack();
    const fleet = this.#fleet;
    if (fleet === null || !this.#state.hasKeys || this.#state.busy !== '') return;
    if (key === '' && fleet.hub().program.hasExited()) return this.#key('h');
    if (key === 'p') this.#do('pushing a commit', () => pushChange(fleet));
    if (key === 'd') this.#do('scaling a Deployment by hand', () => this.#drift(fleet));
    if (key === 'h') this.#do('the hub', () => toggleHub(fleet));
    if (key === 'c') this.#commands(fleet);
  }

  #do(busy: string, act: () => Promise<string>): void {
    this.#state.busy = busy;
    this.#draw();
    void act()
      .then(
        (told) => this.#note(told, 'plain'),
        (error: unknown) => this.#note(`${busy}: ${(error as Error).message}`, 'bad'),
      )
      .finally(() => {
        this.#state.busy = '';
        this.#watch?.poke();
        this.#draw();
      });
  }

  /** On one healthy cluster after the other. */
  async #drift(fleet: Fleet): Promise<string> {
    const well = new Set(
      moodsOf(this.#state.sight, { groupLabel: '', main: MAIN_APPLICATION })
        .filter(({ mood }) => mood === 'current' || mood === 'older')
        .map(({ name }) => name),
    );
    const reachable = fleet.clusters.filter(({ name, context }) => well.has(name) && context === undefined);
    const cluster = reachable[this.#drifted++ % Math.max(reachable.length, 1)];
    if (cluster === undefined) return 'no healthy local cluster is there to make drift on';
    this.#narrator.noteOwnDrift(cluster.name, Date.now());
    const told = await driftOn(cluster);
    this.#narrator.noteOwnDrift(cluster.name, told.madeAtMs);
    if (this.#state.hubAwaySinceMs !== null) return `${told.words}, without the hub`;
    return told.isReverted ? '' : told.words;
  }

  #commands(fleet: Fleet): void {
    if (this.#terminal === null) return sayWhatToTry(fleet, 'Enter here');
    this.#isLent = true;
    this.#giveFloorBack();
    this.#terminal.lend(() => {
      sayWhatToTry(fleet, 'h on the screen');
      say('Enter goes back to the screen.');
    });
  }

  #takeBack(): void {
    this.#isLent = false;
    this.#giveFloorBack = takeTheFloor(this.#voice());
    this.#terminal?.take();
    this.#draw();
  }

  /** At once; and again in a while, since time passes on the screen. */
  #draw(): void {
    const terminal = this.#terminal;
    if (terminal === null) return;
    if (this.#frame !== null) clearTimeout(this.#frame);
    const view = viewOf(this.#state, Date.now());
    if (!this.#isLent) terminal.draw(render(view, { ...terminal.size(), colors: colorsOf(true) }));
    const isMoving = view.busy !== '' || view.parts.some(({ state }) => state === 'running');
    this.#frame = setTimeout(() => this.#draw(), isMoving ? frameMs : stillFrameMs);
  }
}

function canDraw(input: typeof process.stdin, output: typeof process.stdout): boolean {
  if (!input.isTTY || !output.isTTY || process.env['TERM'] === 'dumb') return false;
  return output.columns >= columnsMin && output.rows >= rowsMin;
}

/** Without a terminal to draw on a key is a line. */
function readLines(onLine: (line: string) => void): () => void {
  const onData = (data: Buffer) => {
    for (const line of data.toString('utf8').split('\n').slice(0, -1)) onLine(line.trim());
  };
  process.stdin.on('data', onData);
  return () => void process.stdin.off('data', onData).pause();
}
