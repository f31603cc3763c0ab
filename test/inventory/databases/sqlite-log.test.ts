import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { rpmSqlite } from "../../../src/inventory/databases/system/rpm.ts";
import { rpmHeader } from "../../support/rpm.ts";

/** A database some of whose rows are in its write-ahead log alone, and one more that was never committed. */
function halfWritten(): { database: Buffer; log: Buffer } {
  const directory = mkdtempSync(join(tmpdir(), "log-"));
  const file = join(directory, "rpmdb.sqlite");
  try {
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
    database.exec("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)");
    const insert = database.prepare("INSERT INTO Packages (blob) VALUES (?)");
    insert.run(rpmHeader({ name: "old", version: "1", release: "1" }));
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.prepare("UPDATE Packages SET blob = ?").run(rpmHeader({ name: "old", version: "2", release: "1" }));
    for (let index = 0; index < 50; index++) insert.run(rpmHeader({ name: `new-${index}`, version: "1", release: "1" }));
    const read = { database: readFileSync(file), log: readFileSync(`${file}-wal`) };
    database.close();
    return read;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

it("what rpm wrote last is read from the write-ahead log", () => {
  const { database, log } = halfWritten();
  const { packages } = rpmSqlite.read({ path: "", bytes: database, companion: log });
  expect(packages).toHaveLength(51);
  expect(packages[0]).toMatchObject({ name: "old", version: "2-1" });
});

it("without the log the older state is read", () => {
  const { packages } = rpmSqlite.read({ path: "", bytes: halfWritten().database });
  expect(packages).toMatchObject([{ name: "old", version: "1-1" }]);
});

it("a log is read up to its last whole commit", () => {
  const { database, log } = halfWritten();
  const { packages } = rpmSqlite.read({ path: "", bytes: database, companion: log.subarray(0, log.length - 100) });
  expect(packages).toHaveLength(50);
  const damaged = Buffer.from(log);
  damaged.writeUInt8(damaged.readUInt8(2_056) ^ 1, 2_056);
  expect(rpmSqlite.read({ path: "", bytes: database, companion: damaged }).packages).toMatchObject([{ version: "1-1" }]);
});
