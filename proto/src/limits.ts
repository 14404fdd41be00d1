/** Bounds of single fields and messages. A sender stays below them; a reader refuses what is above. */

const kib = 1024;

/** Heads and bodies of one part of a Desired message. */
export const desiredPartBytesMax = 1024 * kib;
export const desiredPartsMax = 4096;
export const headBytesMax = 64 * kib;
/** A body travels whole in one part. */
export const bodyBytesMax = 960 * kib;
export const entriesPerPartMax = 8192;
/** Heads and bodies of a whole set, its parts joined. */
export const desiredSetBytesMax = 64 * 1024 * kib;
export const stateBytesMax = 256 * kib;
export const factBytesMax = 256 * kib;
export const statesPerBatchMax = 2048;
export const factsPerBatchMax = 2048;
/** What one batch of reports may carry, in states and facts. */
export const reportBatchBytesMax = 1024 * kib;
/** One chunk of an index, a frame or an answer. */
export const chunkBytesMax = 32 * kib;
export const framesPerRequestMax = 20_000;
/** A bundle is at most 64 MiB of objects; so is everything that is read in chunks. */
export const bundleBytesMax = 64 * 1024 * kib;
export const csrBytesMax = 8 * kib;
export const certificateTextMax = 64 * kib;
export const certificatesMax = 64;
export const indexBytesMax = 16 * 1024 * kib;
/** Ids, names, versions. */
export const shortTextMax = 256;
/** Reasons and error messages; senders cut them. */
export const longTextMax = 4096;
export const factsOfClusterMax = 64;
export const capabilitiesMax = 64;
/** The default receive limit of gRPC: no message is larger. */
export const messageBytesMax = 4 * 1024 * kib;
