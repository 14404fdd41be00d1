/** The colour functions in use: real ones on a terminal, plain ones elsewhere. */
import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

export function colorsFor(stream: { isTTY?: boolean }, noColor: boolean): Colors {
  return pc.createColors(stream.isTTY === true && !noColor);
}
