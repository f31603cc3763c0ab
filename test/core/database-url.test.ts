import { describe, expect, it } from "vitest";
import { checkDatabaseUrl, databaseAddress, databasePasswords, withDatabaseCa } from "../../src/core/database-url.ts";

describe("a database's URL", () => {
  it.each([
    "postgresql://app:hush@db.example.com:5432/bot",
    "postgres://app:hush@db/bot",
    "postgresql://db/bot",
    "postgresql://app@[2001:db8::1]:5433/bot?sslmode=verify-full&sslrootcert=/ca.crt",
    "postgresql://app:p%40ss%2Fword%23@db/bot?sslmode=require&channel_binding=require",
    "postgresql:///bot?host=/var/run/postgresql",
    "postgresql://app:hush@cluster-rw.team:5432/app",
  ])("can be %s", (text) => {
    expect(checkDatabaseUrl(text)).toBeUndefined();
  });

  it.each([
    ["jdbc:postgresql://db/bot?user=app&password=hush", /without jdbc:/],
    ["mysql://app:hush@db/bot", /a URL of PostgreSQL/],
    ["host=db dbname=bot password=hush", /a URL of PostgreSQL/],
    ["postgresql://app:hu/sh@db/bot", /%2F for \//],
    ["postgresql://app:hu#sh@db/bot", /%23 for #/],
    ["postgresql://app:hu%sh@db/bot", /%25 for %/],
    ["postgresql://app:hush@db/bot ", /without blanks/],
    ["postgresql://app:hush@one:5432,two:5432/bot", /one host/],
    ["postgresql://app:hush@/bot", /./],
    ["postgresql:///bot", /names no host/],
    ["postgresql://app:hush@db", /names no database/],
    ["postgresql://app:hush@db:port/bot", /such as/],
    ["postgresql://app:hush@db/bot?sslmode=always", /disable, allow, prefer, require, verify-ca, verify-full/],
  ])("cannot be %s, and the answer repeats no password", (text, expected) => {
    const said = checkDatabaseUrl(text) ?? "";
    expect(said).toMatch(expected);
    expect(said).not.toMatch(/hu.?sh/);
  });

  it.each([
    ["postgresql://app:hush@db.example.com/bot", "db.example.com:5432/bot"],
    ["postgresql://app:hush@[::1]:6432/bot?sslmode=require", "[::1]:6432/bot"],
    ["postgresql:///bot?host=/var/run/postgresql&port=5433&user=app", "/var/run/postgresql:5433/bot"],
  ])("is shown without user and password: %s", (text, expected) => {
    expect(databaseAddress(text)).toBe(expected);
  });

  it("tells its passwords, so that they can be kept out of texts", () => {
    expect(databasePasswords("postgresql://app:p%40ss@db/bot?password=other")).toEqual(["p%40ss", "p@ss", "other"]);
    expect(databasePasswords("postgresql://db/bot")).toEqual([]);
  });

  it("asks for a verified connection when there are CA certificates, unless it says what to ask for", () => {
    expect(withDatabaseCa("postgresql://db/bot", undefined)).toBe("postgresql://db/bot");
    const asked = (text: string) => Object.fromEntries(new URL(withDatabaseCa(text, "/ca.crt")).searchParams);
    expect(asked("postgresql://db/bot")).toEqual({ sslmode: "verify-full", sslrootcert: "/ca.crt" });
    expect(asked("postgresql://db/bot?sslmode=verify-ca")).toEqual({ sslmode: "verify-ca", sslrootcert: "/ca.crt" });
    expect(asked("postgresql://db/bot?sslrootcert=/own.crt")).toEqual({ sslmode: "verify-full", sslrootcert: "/own.crt" });
  });
});
