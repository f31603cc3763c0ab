import type { LayerContents, PickedFile } from "./contents.ts";
import { linkedPath, longestPath } from "./paths.ts";

/** A needed file in the whole image. */
export interface MergedFile extends PickedFile {
  /** Its layer. */
  readonly layer: number;
}

/** The layers on top of each other. */
export interface MergedLayers {
  /** By the real path, without links. */
  readonly files: ReadonlyMap<string, MergedFile>;
  /** The real path of a path. Undefined if its links form a circle. */
  resolve(path: string): string | undefined;
  /** Whether there is a link at this path. */
  isLink(path: string): boolean;
  readonly troubles: readonly string[];
}

/** Puts layers on top of each other as a container's file system does (image-spec: layer.md), the lowest first. */
export function mergeLayers(layers: readonly LayerContents[]): MergedLayers {
  const files = new Map<string, MergedFile>();
  const links = new Map<string, string>();
  const troubles: string[] = [];
  for (const [layer, contents] of layers.entries()) {
    remove(contents, files, links);
    for (const [path, target] of contents.links) links.set(path, target);
    for (const file of contents.files) put(file, layer);
    for (const [path, target] of contents.hardLinks) {
      const original = files.get(placeOf(target));
      if (original) put({ ...original, path }, layer);
      else troubles.push(`${path} is a hard link to ${target}, which was not kept`);
    }
    for (const trouble of contents.troubles) troubles.push(`layer ${layer + 1}: ${trouble}`);
  }
  return { files, resolve: (path) => resolvePath(path, links), isLink: (path) => links.has(path), troubles };

  function put(file: PickedFile, layer: number): void {
    const path = placeOf(file.path);
    links.delete(path);
    files.set(path, { ...file, path, layer });
  }

  /** A file goes to the real path of its directory. It replaces a link at its own path. */
  function placeOf(path: string): string {
    const slash = path.lastIndexOf("/");
    if (slash < 0) return path;
    const directory = resolvePath(path.slice(0, slash), links);
    return directory === undefined ? path : `${directory}${directory && "/"}${path.slice(slash + 1)}`;
  }
}

/** Removes what a layer deletes or replaces in lower layers. */
function remove(contents: LayerContents, files: Map<string, unknown>, links: Map<string, string>): void {
  for (const path of contents.directories) links.delete(path);
  if (files.size === 0 && links.size === 0) return;
  const replaced = [...contents.links.map(([path]) => path), ...contents.files.map(({ path }) => path), ...contents.others];
  const gone = new Set([...contents.whiteouts, ...replaced]);
  const emptied = new Set(contents.opaque);
  for (const entries of [files, links]) {
    for (const path of entries.keys()) if (isGone(path, gone, emptied)) entries.delete(path);
  }
}

function isGone(path: string, gone: ReadonlySet<string>, emptied: ReadonlySet<string>): boolean {
  if (gone.has(path) || emptied.has("")) return true;
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
    const directory = path.slice(0, slash);
    if (gone.has(directory) || emptied.has(directory)) return true;
  }
  return false;
}

/** How many links Linux follows on the way to a file. */
const mostLinks = 40;

function resolvePath(path: string, links: ReadonlyMap<string, string>): string | undefined {
  // The next part is the last one.
  const waiting = path.split("/").filter(Boolean).toReversed();
  let resolved = "";
  let followed = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const candidate = resolved ? `${resolved}/${next}` : next;
    const target = links.get(candidate);
    if (target === undefined) {
      resolved = candidate;
      continue;
    }
    if (++followed > mostLinks || target.length > longestPath) return undefined;
    waiting.push(...linkedPath(resolved, target).toReversed());
    resolved = "";
  }
  return resolved;
}
