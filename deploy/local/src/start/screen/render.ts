/**
 * The screen as lines, from plain data: never wider or higher than the terminal. Header and keys are always there; rollouts
 * and clusters take what they need, and what happened last gets the rest.
 */
import { widthOf } from '@flotilla/client/cells';
import { renderClusters } from './renderClusters.ts';
import { renderRollouts } from './renderRollouts.ts';
import { inTone, type Colors } from './paint.ts';
import { clockTime, column, fit, spell } from './text.ts';
import type { FeedItem, PartView, ScreenView } from './view.ts';

export interface Room {
  columns: number;
  rows: number;
  colors: Colors;
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 120;
const feedRowsMin = 5;
const timeCells = 10;

export function render(view: ScreenView, room: Room): string[] {
  const { columns, rows } = room;
  const top = [header(view, room), room.colors.dim('─'.repeat(columns))];
  const bottom = ['', footer(view, room)];
  const isStarting = view.parts.some(({ state }) => state !== 'done');
  const parts = isStarting || view.clusters.length === 0 ? renderParts(view, room) : [];
  const rollouts = renderRollouts(view.rollouts, room);
  const left = rows - top.length - bottom.length - parts.length - rollouts.length - feedRowsMin;
  const isStale = view.hub.state === 'away';
  const clusters = renderClusters(view.clusters, { ...room, rows: Math.max(left, 3), isStale });
  const above = [...top, ...parts, ...clusters, ...rollouts];
  const feed = renderFeed(view.feed, { ...room, rows: rows - above.length - bottom.length });
  return [...above, ...feed, ...bottom].slice(0, rows);
}

function header(view: ScreenView, { columns, colors }: Room): string {
  const { connected, total } = view.agents;
  const right = total === 0 ? '' : `${connected} of ${total} agents `;
  const hub = hubText(view);
  const title = ' Flotilla ';
  const left = fit(
    ` ${hub} · up ${spell(view.upMs)}${view.engine === '' ? '' : ` · ${view.engine}`}`,
    columns - widthOf(title) - widthOf(right) - 1,
  );
  const gap = ' '.repeat(Math.max(columns - widthOf(title) - widthOf(left) - widthOf(right), 0));
  const isAway = view.hub.state === 'away';
  const isAll = connected === total;
  const agents = isAll && !isAway ? colors.green(right) : colors.yellow(right);
  return colors.inverse(title) + (isAway ? colors.yellow(left) : left) + gap + agents;
}

function hubText({ hub }: ScreenView): string {
  switch (hub.state) {
    case 'starting':
      return 'hub starting';
    case 'here':
      return `hub ${hub.url}`;
    case 'away':
      return `HUB AWAY for ${spell(hub.forMs)}, agents go on`;
  }
}

function renderParts({ parts, nowMs }: ScreenView, { columns, colors }: Room): string[] {
  const lines = parts.map(({ name, state, tookMs }: PartView) => {
    const time = tookMs < 100 ? '' : spell(tookMs);
    const text = `${column(fit(name, columns - 16), columns - 16)} ${time.padStart(8)}`;
    switch (state) {
      case 'done':
        return ` ${colors.green('✓')} ${colors.dim(text)}`;
      case 'failed':
        return ` ${colors.red('✗')} ${text}`;
      case 'running':
        return ` ${colors.yellow(spinner[Math.floor(nowMs / frameMs) % spinner.length] ?? '')} ${text}`;
    }
  });
  return ['', ...lines];
}

function renderFeed(feed: readonly FeedItem[], { columns, rows, colors }: Room): string[] {
  const shown = feed.slice(-Math.max(rows - 2, 0));
  const lines = shown.map(({ atMs, tone, text }) => {
    const time = colors.dim(` ${clockTime(atMs)} `);
    return time + inTone(colors, tone)(fit(text, columns - timeCells - 1));
  });
  const title = colors.bold(' What happens');
  const space = Array.from({ length: Math.max(rows - 2 - lines.length, 0) }, () => '');
  return ['', title, ...lines, ...space].slice(0, Math.max(rows, 0));
}

function footer({ keys, busy, nowMs }: ScreenView, { columns, colors }: Room): string {
  if (busy !== '') {
    const sign = spinner[Math.floor(nowMs / frameMs) % spinner.length] ?? '';
    return ` ${colors.yellow(sign)} ${fit(busy, columns - 4)}`;
  }
  const texts = keys.map(({ key, does }) => ({
    plain: `${key} ${does}`,
    painted: `${colors.bold(key)} ${does}`,
  }));
  let line = '';
  let width = 1;
  for (const { plain, painted } of texts) {
    if (width + widthOf(plain) + 3 > columns) break;
    line += `${line === '' ? ' ' : '   '}${painted}`;
    width += widthOf(plain) + 3;
  }
  return line;
}
