import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { migrate, needsMigration } from "../../src/queue/embedded/migrations.ts";

describe("migrations", () => {
  const steps = [
    "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)",
    "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1",
  ];

  it("run from the version a file has, each once", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, "f", steps.slice(0, 1));
    expect(needsMigration(database, "f", steps)).toBe(true);
    migrate(database, "f", steps);
    migrate(database, "f", steps);
    expect(database.prepare("SELECT * FROM a").all()).toEqual([{ x: 1, y: 2 }]);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 2 });
  });

  it("leave the file at the version before when a step fails", () => {
    const database = new DatabaseSync(":memory:");
    migrate(database, "f", steps.slice(0, 1));
    expect(() => migrate(database, "f", [steps[0] ?? "", "UPDATE a SET x = 5; INSERT INTO missing VALUES (1)"])).toThrow(
      /missing/,
    );
    expect(database.prepare("SELECT * FROM a").all()).toEqual([{ x: 1 }]);
    expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
    migrate(database, "f", steps);
  });
});
