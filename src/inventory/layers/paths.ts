import { databases } from "../databases/index.ts";

/** The most characters of a path, or of a link's target, that Linux follows (PATH_MAX). */
export const longestPath = 4_096;

/** The path of a tar entry or link from the root, without dots. Undefined if it leads out of the root. */
export function normalPath(name: string): string | undefined {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}

/** The target of a link in this directory. As on a real system it cannot lead out of the root. */
export function linkedPath(directory: string, target: string): readonly string[] {
  const parts = target.startsWith("/") ? [] : directory.split("/").filter(Boolean);
  for (const part of target.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts;
}

const above = new Set(databases.flatMap(({ places = [] }) => places.flatMap(ancestors)));

/** Whether a path is a place of a system's database, or a parent of one. */
export function isPlaceAbove(path: string): boolean {
  return above.has(path);
}

/** A path and every directory above it. */
function ancestors(path: string): string[] {
  const parts = path.split("/").filter(Boolean);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
