import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { withDatabaseCa } from "../../src/core/hosts/database-url.ts";
import { openDatabase } from "../../src/postgres/index.ts";
import { type PostgresServer, startPostgres, type TestDatabase } from "../support/postgres.ts";
import { requirePrograms } from "../support/programs.ts";
import { makeCertificates, type TestCertificates } from "../support/registry-server.ts";

requirePrograms(
  "initdb",
  "postgres",
  "openssl",
)("a database with TLS", () => {
  let certificates: TestCertificates;
  let others: TestCertificates;
  let server: PostgresServer;
  let database: TestDatabase;

  beforeAll(async () => {
    [certificates, others] = [makeCertificates(), makeCertificates()];
    server = await startPostgres([], certificates);
    database = await server.createDatabase();
  });
  afterAll(async () => {
    await server.close();
    for (const one of [certificates, others]) one.remove();
  });

  const caOf = ({ caDirectory }: TestCertificates) => join(caDirectory, "ca.crt");

  /** Whether the connection that a URL asks for is encrypted. */
  async function isEncrypted(url: string): Promise<boolean | undefined> {
    const opened = openDatabase({ url });
    try {
      return (await opened.run<{ ssl: boolean }>("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))[0]?.ssl;
    } finally {
      await opened.close();
    }
  }

  it.each([
    ["", true],
    ["?sslmode=prefer", true],
    ["?sslmode=require", true],
    ["?sslmode=disable", false],
  ])("is spoken to with or without it as the URL says: %s", async (query, expected) => {
    expect(await isEncrypted(`${database.url}${query}`)).toBe(expected);
  });

  it("is verified by the CA that a setting or the URL names", async () => {
    expect(await isEncrypted(withDatabaseCa(database.url, caOf(certificates)))).toBe(true);
    expect(await isEncrypted(`${database.url}?sslmode=verify-ca&sslrootcert=${caOf(certificates)}`)).toBe(true);
    const byName = database.url.replace("127.0.0.1", "localhost");
    expect(await isEncrypted(withDatabaseCa(`${byName}?sslmode=verify-ca`, caOf(certificates)))).toBe(true);
  });

  it("is refused where its certificate is another authority's, is for another name, or cannot be looked up", async () => {
    const byName = database.url.replace("127.0.0.1", "localhost");
    await expect(isEncrypted(withDatabaseCa(database.url, caOf(others)))).rejects.toThrow(
      /certificate is not trusted.*sslrootcert/,
    );
    await expect(isEncrypted(withDatabaseCa(byName, caOf(certificates)))).rejects.toThrow(/certificate is for another name/);
    await expect(isEncrypted(withDatabaseCa(database.url, "/nowhere/ca.crt"))).rejects.toThrow(/sslrootcert .*cannot be read/);
  });
});
