/** What an API server answers, looked into without a type for every kind. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- cases read what an API server sent, field by field
export type Json = any;
