/**
 * The list of refs that a server opens with. Where its HEAD leads nowhere (the default branch was renamed or deleted) the
 * Git library refuses to fetch any branch; naming one as HEAD's is enough for it, and nothing here ever asks for HEAD.
 */

const prefixLength = 4;

/** The same advertisement, with a `symref` for HEAD where it has none. What is no advertisement passes unchanged. */
export function withHead(body: Buffer): Buffer {
  let at = 0;
  while (at + prefixLength <= body.byteLength) {
    const length = Number.parseInt(body.toString('latin1', at, at + prefixLength), 16);
    if (Number.isNaN(length)) return body;
    const end = at + Math.max(length, prefixLength);
    const first = refLine(body.subarray(at + prefixLength, end));
    if (first !== null) {
      if (first.ref === 'HEAD' || first.capabilities.includes(' symref=HEAD:')) return body;
      const line = `${first.oid} ${first.ref}\0${first.capabilities} symref=HEAD:${first.ref}\n`;
      return Buffer.concat([body.subarray(0, at), packetOf(line), body.subarray(end)]);
    }
    at = end;
  }
  return body;
}

/** The first line that names a ref carries the capabilities. */
function refLine(packet: Buffer): { oid: string; ref: string; capabilities: string } | null {
  const match = /^([0-9a-f]{40}) ([^\0\n]+)\0([^\n]*)\n?$/.exec(packet.toString('latin1'));
  if (match === null) return null;
  const [, oid = '', ref = '', capabilities = ''] = match;
  return ref.startsWith('refs/') || ref === 'HEAD'
    ? { oid, ref, capabilities: ` ${capabilities.trim()}` }
    : null;
}

function packetOf(line: string): Buffer {
  const bytes = Buffer.from(line, 'latin1');
  const length = (bytes.byteLength + prefixLength).toString(16).padStart(prefixLength, '0');
  return Buffer.concat([Buffer.from(length, 'latin1'), bytes]);
}
