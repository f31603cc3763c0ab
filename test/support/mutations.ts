import fc from "fast-check";

/** Bytes that were damaged on the way: some changed, cut off, left out or doubled. */
export function mutations(bytes: Buffer): fc.Arbitrary<Buffer> {
  const place = fc.nat(Math.max(0, bytes.length - 1));
  const changed = fc.tuple(place, fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)));
  return fc
    .record({
      changes: fc.array(changed, { maxLength: 24 }),
      burst: fc.option(fc.tuple(place, fc.uint8Array({ minLength: 4, maxLength: 16 }))),
      cut: fc.option(place),
      doubled: fc.option(fc.tuple(place, place)),
    })
    .map(({ changes, burst, cut, doubled }) => {
      let copy = Buffer.from(bytes);
      for (const [at, value] of changes) copy[at] = value;
      if (burst) Buffer.from(burst[1]).copy(copy, burst[0]);
      if (doubled) copy = Buffer.concat([copy.subarray(0, doubled[0]), copy.subarray(Math.min(...doubled))]);
      return cut === null ? copy : copy.subarray(0, cut);
    });
}
