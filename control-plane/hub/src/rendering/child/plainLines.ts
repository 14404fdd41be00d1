/** The lines of a YAML file one after the other, without blank ones and comments, for a reader of plain YAML. */

/** Not an error of the file: it is written in a way that only the exact parser reads. */
export class NotPlain extends Error {
  override readonly name = 'NotPlain';
}

const [tab, space, hash, percent, dash, dot] = [0x09, 0x20, 0x23, 0x25, 0x2d, 0x2e];

export class Lines {
  readonly text: string;
  /** From 1; of the line that stands to be read. */
  number = 0;
  start = 0;
  /** Offset of the line's end. */
  end = -1;
  /** Of the first character; -1 at a `---` and at the end, so that everything that is open ends there. */
  column = -1;
  /** Offset up to which the line is read. */
  at = 0;
  kind: 'content' | 'marker' | 'end' = 'end';

  constructor(text: string) {
    this.text = text;
  }

  /** To the next line that has content. @throws NotPlain */
  advance(): void {
    const { text } = this;
    while (this.end + 1 < text.length) {
      this.start = this.end + 1;
      this.number++;
      const end = text.indexOf('\n', this.start);
      this.end = end < 0 ? text.length : end;
      const at = this.#skip(this.start);
      const code = text.charCodeAt(at);
      if (at === this.end || code === hash) continue;
      if (code === tab) throw new NotPlain('a tab before content');
      this.at = at;
      this.column = at - this.start;
      this.kind = 'content';
      if (this.column === 0 && (code === dash || code === dot || code === percent)) this.#classify();
      return;
    }
    this.start = text.length;
    this.column = -1;
    this.kind = 'end';
  }

  /** Nothing but blanks and a comment may follow on the line; then to the next one. @throws NotPlain */
  finish(): void {
    if (!this.isBlankFrom(this.at)) throw new NotPlain('more on the line');
    this.advance();
  }

  skipSpaces(): void {
    this.at = this.#skip(this.at);
  }

  /** Also true of a comment, before which a blank must stand. */
  isBlankFrom(offset: number): boolean {
    const at = this.#skip(offset);
    return at >= this.end || (this.text.charCodeAt(at) === hash && this.text.charCodeAt(at - 1) === space);
  }

  /** Whether a `-` stands there that begins an entry of a sequence. */
  get isDash(): boolean {
    if (this.text.charCodeAt(this.at) !== dash) return false;
    return this.at + 1 === this.end || this.text.charCodeAt(this.at + 1) === space;
  }

  /** Continues at `offset`, which is on this or on a later line. */
  moveTo(offset: number): void {
    for (let end = this.end; end < offset; end = this.end) {
      this.number++;
      this.start = end + 1;
      const next = this.text.indexOf('\n', this.start);
      this.end = next < 0 ? this.text.length : next;
    }
    this.at = offset;
  }

  #skip(offset: number): number {
    let at = offset;
    while (this.text.charCodeAt(at) === space) at++;
    return at;
  }

  #classify(): void {
    const opening = this.text.slice(this.start, this.start + 3);
    if (opening.startsWith('%') || opening === '...') throw new NotPlain('a directive or an explicit end');
    if (opening !== '---') return;
    if (!this.isBlankFrom(this.start + 3)) throw new NotPlain('content beside a marker');
    this.kind = 'marker';
    this.column = -1;
  }
}
