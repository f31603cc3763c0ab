/** Reads of the contract, answered at once. */
export type AtOnce<Reads> = {
  readonly [Name in keyof Reads]: Reads[Name] extends (...given: infer Given) => Promise<infer Read>
    ? (...given: Given) => Read
    : never;
};
