/** Block scalars in their usual forms: `|` and `>` with a chomping sign or none, indented by their first line. */
import { NotPlain, type Lines } from './plainLines.ts';

const headers = new Set(['|', '|-', '|+', '>', '>-']);
const [newline, tab, space, hash] = [0x0a, 0x09, 0x20, 0x23];

/** Reads what hangs below the header at the lines' place. `column`: of the collection it is a value of. @throws NotPlain */
export function readBlockScalar(lines: Lines, column: number): string {
  const header = lines.text.slice(lines.at, lines.end);
  if (!headers.has(header)) throw new NotPlain('an unusual header of a block');
  const { leading, indent, offset } = beginning(lines, column);
  if (header.startsWith('>') && leading > 0) throw new NotPlain('a folded block that begins blank');
  const content = contentLines(lines, offset, indent, column);
  let trailing = 0;
  while (content.at(-1) === '') {
    content.pop();
    trailing++;
  }
  lines.advance();
  const text = header.startsWith('|') ? `${'\n'.repeat(leading)}${content.join('\n')}` : fold(content);
  if (header.endsWith('-')) return text;
  return text + '\n'.repeat(header.endsWith('+') ? 1 + trailing : 1);
}

/** The first line with content says how far all are indented. */
function beginning(
  { text, end }: Lines,
  column: number,
): { leading: number; indent: number; offset: number } {
  let offset = end + 1;
  let leading = 0;
  for (; text.charCodeAt(offset) === newline; offset++) leading++;
  let at = offset;
  while (text.charCodeAt(at) === space) at++;
  const code = text.charCodeAt(at);
  const indent = at - offset;
  if (indent <= column || at >= text.length || code === newline || code === tab)
    throw new NotPlain('a block without content');
  return { leading, indent, offset };
}

function contentLines(lines: Lines, from: number, indent: number, column: number): string[] {
  const { text } = lines;
  const content: string[] = [];
  let offset = from;
  while (offset < text.length) {
    const end = text.indexOf('\n', offset);
    if (end < 0) throw new NotPlain('a block that the file ends in');
    let at = offset;
    while (at < offset + indent && text.charCodeAt(at) === space) at++;
    if (at === end) {
      content.push('');
    } else if (at < offset + indent) {
      if (text.charCodeAt(at) === hash && at - offset > column)
        throw new NotPlain('a comment inside a block');
      break;
    } else {
      content.push(lineOf(text, at, end));
    }
    offset = end + 1;
  }
  lines.moveTo(offset - 1);
  return content;
}

/** Blanks alone, beyond the indentation, are content to some and not to others. */
function lineOf(text: string, start: number, end: number): string {
  const line = text.slice(start, end);
  if (line.charCodeAt(0) === space && /^[ \t]*$/.test(line))
    throw new NotPlain('a line of blanks inside a block');
  return line;
}

/** Lines become one, blank ones breaks; what is indented further would keep its lines, and is left to the exact parser. */
function fold(content: readonly string[]): string {
  let text = '';
  let blank = 0;
  for (const line of content) {
    const first = line.charCodeAt(0);
    if (first === space || first === tab) throw new NotPlain('a folded block with further indentation');
    if (line === '') {
      blank++;
      continue;
    }
    if (text !== '') text += blank > 0 ? '\n'.repeat(blank) : ' ';
    text += line;
    blank = 0;
  }
  return text;
}
