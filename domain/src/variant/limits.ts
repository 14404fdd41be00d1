/** How many bundles one revision may come to. */

/** A template that reads the cluster's name makes one for each cluster. */
export const variantsMax = 2000;

export const tooManyVariants = `the revision has ${variantsMax} variants, and may have no more: let its templates and overrides tell fewer clusters apart`;

/** Names, labels and facts that one variant may have read: they are compared for every cluster. */
export const readsMax = 200;
