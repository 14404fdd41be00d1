/** What a transport needs of a fetch: the global one, or one that trusts another CA. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
