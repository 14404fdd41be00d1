/**
 * The CA of a hub on this machine, taken from the chain that it shows. Only for a hub that this process started and
 * whose address it has from it: there is nobody in between on loopback.
 */
import { X509Certificate, createHash } from 'node:crypto';
import { connect, type DetailedPeerCertificate } from 'node:tls';

export interface HubAuthority {
  pem: string;
  /** Of the certificate in DER, in hex. */
  sha256: string;
}

/** `address` is `host:port`. */
export async function fetchAuthority(address: string): Promise<HubAuthority> {
  const { hostname, port } = new URL(`https://${address}`);
  const der = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(lastOfChain(socket.getPeerCertificate(true)));
      socket.destroy();
    });
    socket.once('error', reject);
  });
  return { pem: new X509Certificate(der).toString(), sha256: createHash('sha256').update(der).digest('hex') };
}

function lastOfChain(certificate: DetailedPeerCertificate): Buffer {
  let last = certificate;
  while (last.issuerCertificate !== undefined && last.issuerCertificate !== last)
    last = last.issuerCertificate;
  return last.raw;
}
