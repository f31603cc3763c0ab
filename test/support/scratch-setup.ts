import { openScratch, removeScratch } from "./scratch.ts";

/** Gives the workers a directory for their files, and takes it away with everything that they left behind. */
export default function setup(): () => void {
  const directory = openScratch();
  process.env.TMPDIR = directory;
  return () => removeScratch(directory);
}
