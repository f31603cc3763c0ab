import type { DatabaseSync } from "node:sqlite";
import type { InstalledPackage } from "../../inventory.ts";

/** Which package is where: one row for each package and content. */
export interface FoundTable {
  add(content: number, packages: readonly InstalledPackage[]): void;
  remove(content: number, packages: readonly InstalledPackage[]): void;
  /** Drops names and texts that are no longer used. */
  sweep(): void;
}

/** How many numbers are cached, of names and of texts each. */
const mostKnown = 20_000;

export function createFoundTable(connection: DatabaseSync): FoundTable {
  const statements = {
    add: connection.prepare("INSERT INTO found (name, content, place, version, architecture, layer) VALUES (?, ?, ?, ?, ?, ?)"),
    remove: connection.prepare("DELETE FROM found WHERE name = ? AND content = ?"),
    name: connection.prepare("SELECT id FROM names WHERE name = ? AND ecosystem = ? AND package_group = ?"),
    addName: connection.prepare("INSERT INTO names (name, ecosystem, package_group) VALUES (?, ?, ?) RETURNING id"),
    text: connection.prepare("SELECT id FROM texts WHERE text = ?"),
    addText: connection.prepare("INSERT INTO texts (text) VALUES (?) RETURNING id"),
  };
  const names = new Map<string, number>();
  const texts = new Map<string, number>();

  return {
    add(content, packages) {
      packages.forEach((one, place) => {
        statements.add.run(nameOf(one), content, place, textOf(one.version), textOf(one.architecture ?? ""), one.layer);
      });
    },
    remove(content, packages) {
      for (const one of packages) statements.remove.run(nameOf(one), content);
    },
    sweep() {
      connection.exec("DELETE FROM names WHERE id NOT IN (SELECT name FROM found)");
      connection.exec("DELETE FROM texts WHERE id NOT IN (SELECT version FROM found UNION SELECT architecture FROM found)");
      names.clear();
      texts.clear();
    },
  };

  function nameOf({ name, ecosystem, group = "" }: InstalledPackage): number {
    const values = [name, ecosystem, group] as const;
    return known(names, values.join("\0"), () => statements.name.get(...values) ?? statements.addName.get(...values));
  }

  function textOf(text: string): number {
    return known(texts, text, () => statements.text.get(text) ?? statements.addText.get(text));
  }

  function known(at: Map<string, number>, key: string, ask: () => unknown): number {
    const found = at.get(key);
    if (found !== undefined) return found;
    const { id } = ask() as { id: number };
    if (at.size >= mostKnown) at.clear();
    at.set(key, id);
    return id;
  }
}
