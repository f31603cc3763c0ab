import { mostPackages } from "../databases/database.ts";
import { type GrowingContents, type PickedFile, packRaw } from "./contents.ts";

/** What is kept of a layer's files. */
export interface Keeping {
  /** Of two files with the same path the last one counts. One with too many packages is kept without them. */
  keep(file: PickedFile): void;
  /** The packed bytes, while there is room for what they unpack to. */
  raw(bytes: Buffer): Buffer | undefined;
}

/** `most` is how many bytes can be kept unchanged. */
export function createKeeping(contents: GrowingContents, most: number): Keeping {
  const places = new Map<string, number>();
  let left = most;
  let packages = 0;
  const countOf = (file: PickedFile | undefined) => file?.findings?.packages.length ?? 0;
  return {
    keep(file) {
      const { path, database } = file;
      const at = places.get(path) ?? contents.files.length;
      const others = packages - countOf(contents.files[at]);
      const fits = others + countOf(file) <= mostPackages;
      const kept = fits
        ? file
        : { path, database, trouble: `its layer has more than the ${mostPackages} packages that are read` };
      packages = others + countOf(kept);
      places.set(path, at);
      contents.files[at] = kept;
    },
    raw(bytes) {
      left -= bytes.length;
      return left >= 0 ? packRaw(bytes) : undefined;
    },
  };
}
