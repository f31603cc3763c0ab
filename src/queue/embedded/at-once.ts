/** The contract's reads, without waiting. */
export type AtOnce<Reads> = {
  readonly [Name in keyof Reads]: Reads[Name] extends (...given: infer Given) => Promise<infer Read>
    ? (...given: Given) => Read
    : never;
};
