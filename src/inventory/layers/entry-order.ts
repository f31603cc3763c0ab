/** The order of a layer's entries. For a container engine a later one replaces an earlier one; what is kept of a layer has no order between its kinds. */
export interface EntryOrder {
  note(kind: "file" | "symlink", path: string): void;
  noteLink(path: string, target: string): void;
  /** Why the kept files may not be those of a container, for people. No builder makes such a layer. */
  troubles(): string[];
}

export function createEntryOrder(): EntryOrder {
  const order = { file: new Map<string, number>(), symlink: new Map<string, number>() };
  const links = new Map<string, { readonly target: string; readonly at: number }>();
  let count = 0;

  return {
    note: (kind, path) => void order[kind].set(path, count++),
    noteLink: (path, target) => void links.set(path, { target, at: count++ }),
    troubles() {
      const lengths = new Set([...order.symlink.keys()].map((path) => path.length));
      const linkTimes = [...links].map(([path, { at }]) => [path, at] as const);
      const twice = [...order.file.keys()].filter((path) => order.symlink.has(path) || links.has(path));
      const replaced = [...links].filter(([path, link]) => order.symlink.has(path) || isLater(link.target, link.at));
      const hidden = [...order.file, ...linkTimes].filter(([path, at]) => isHidden(path, at, lengths));
      return [...twice, ...replaced.map(([path]) => path), ...hidden.map(([path]) => path)]
        .slice(0, 3)
        .map((path) => `${path} is replaced in the same layer`);
    },
  };

  function isLater(path: string, at: number): boolean {
    return (order.file.get(path) ?? -1) > at;
  }

  /** Whether a symbolic link came later in the place of a directory above. */
  function isHidden(path: string, at: number, lengths: ReadonlySet<number>): boolean {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      if (lengths.has(slash) && (order.symlink.get(path.slice(0, slash)) ?? -1) > at) return true;
    }
    return false;
  }
}
