/** Colours by meaning, and the sign of each mood: the screen can be read without colours as well. */
import pc from 'picocolors';
import type { Mood } from './mood.ts';
import type { Tone } from './view.ts';

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsOf(isColored: boolean): Colors {
  return pc.createColors(isColored);
}

/** Worst first: the order in which they are counted and told. */
export const moods: readonly Mood[] = [
  'degraded',
  'apart',
  'away',
  'progressing',
  'waiting',
  'older',
  'current',
];

export const moodWords: Record<Mood, string> = {
  current: 'healthy',
  older: 'older',
  progressing: 'progressing',
  degraded: 'degraded',
  apart: 'out',
  away: 'away',
  waiting: 'no agent yet',
};

const signs: Record<Mood, string> = {
  current: '●',
  older: '○',
  progressing: '◐',
  degraded: '✗',
  apart: '!',
  away: '·',
  waiting: '…',
};

export function signOf(colors: Colors, mood: Mood, isStale = false): string {
  return isStale ? colors.dim(signs[mood]) : inMood(colors, mood)(signs[mood]);
}

export function inMood(colors: Colors, mood: Mood): (text: string) => string {
  switch (mood) {
    case 'current':
      return colors.green;
    case 'older':
      return colors.cyan;
    case 'progressing':
      return colors.yellow;
    case 'degraded':
      return colors.red;
    case 'apart':
      return colors.magenta;
    case 'away':
    case 'waiting':
      return colors.dim;
  }
}

export function inTone(colors: Colors, tone: Tone): (text: string) => string {
  switch (tone) {
    case 'good':
      return colors.green;
    case 'bad':
      return colors.red;
    case 'moving':
      return colors.yellow;
    case 'quiet':
      return colors.dim;
    case 'plain':
      return (text) => text;
  }
}
