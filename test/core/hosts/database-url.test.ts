import { describe, expect, it } from "vitest";
import { checkDatabaseUrl, databaseAddress, databasePasswords, withDatabaseCa } from "../../../src/core/hosts/database-url.ts";

describe("a database's URL", () => {
  it.each([
    "postgresql://app:hush@db.example.com:5432/bot",
    "postgres://app@[2001:db8::1]:5433/bot?sslmode=verify-full&sslrootcert=/ca.crt",
    "postgresql://app:p%40ss%2Fword%23@db/bot?sslmode=require&channel_binding=require",
    "postgresql://app@db/bot?sslmode=verify-ca",
  ])("can be %s", (text) => {
    expect(checkDatabaseUrl(text)).toBeUndefined();
  });

  it.each([
    ["jdbc:postgresql://db/bot?user=app&password=hush", /JDBC/],
    ["host=db dbname=bot password=hush", /begin with postgresql:/],
    ["postgresql://app:hu@sh@db/bot", /percent-encoded/],
    ["postgresql://app:hush@db", /^a URL of PostgreSQL, but it names no database/],
    ["postgresql://app:hush@db/bot?sslmode=always", /disable, allow, prefer, require, verify-ca, verify-full/],
  ])("cannot be %s, and the answer repeats no password", (text, expected) => {
    const said = checkDatabaseUrl(text) ?? "";
    expect(said).toMatch(expected);
    expect(said).not.toMatch(/hu.?sh/);
  });

  it.each([
    ["postgresql://app:hush@db.example.com/bot", "db.example.com:5432/bot"],
    ["postgresql://app:hush@one:6432,two/bot?sslmode=require", "one:6432,two:5432/bot"],
  ])("is shown without user and password: %s", (text, expected) => {
    expect(databaseAddress(text)).toBe(expected);
  });

  it("tells its passwords, so that they can be kept out of texts", () => {
    expect(databasePasswords("postgresql://app:p%40ss@db/bot?sslpassword=other")).toEqual(["p%40ss", "p@ss", "other"]);
    expect(databasePasswords("postgresql://app@db/bot")).toEqual([]);
    expect(databasePasswords("no URL")).toEqual([]);
  });

  it.each([
    ["postgresql://a@db/bot", "postgresql://a@db/bot?sslrootcert=%2Fca.crt&sslmode=verify-full"],
    ["postgresql://a@one,two/bot?sslmode=verify-ca", "postgresql://a@one,two/bot?sslmode=verify-ca&sslrootcert=%2Fca.crt"],
    ["postgresql://a@db/bot?sslrootcert=/own.crt", "postgresql://a@db/bot?sslrootcert=/own.crt"],
  ])("with CA certificates asks for a verified connection, unless it says itself what to ask for: %s", (text, expected) => {
    expect(withDatabaseCa(text, "/ca.crt")).toBe(expected);
    expect(withDatabaseCa(text, undefined)).toBe(text);
  });
});
