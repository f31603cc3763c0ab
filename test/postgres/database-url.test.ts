import { describe, expect, it } from "vitest";
import { parseDatabaseUrl } from "../../src/postgres/index.ts";

const read = (rest: string) => parseDatabaseUrl(`postgresql://${rest}`);

describe("the URL of a database", () => {
  it("names user, password, host, port and database, each of them percent-encoded where needed", () => {
    expect(read("b%40t:p%3A%2F+%25@db.shop.svc:6432/build%20watcher")).toMatchObject({
      user: "b@t",
      password: "p:/+%",
      hosts: [{ host: "db.shop.svc", port: 6432 }],
      database: "build watcher",
      sslMode: "prefer",
    });
    expect(parseDatabaseUrl("postgres://bot@db/bw").hosts).toEqual([{ host: "db", port: 5432 }]);
  });

  it("may name several hosts, addresses and sockets", () => {
    const hosts = (rest: string) => read(rest).hosts.map(({ host, port }) => `${host} ${port}`);
    expect(hosts("bot@one:5433,two,[2001:db8::1]:5434/bw")).toEqual(["one 5433", "two 5432", "2001:db8::1 5434"]);
    expect(hosts("bot@%2Frun%2Fpostgresql/bw")).toEqual(["/run/postgresql 5432"]);
    expect(hosts("bot@/bw?host=one,two&port=1,2")).toEqual(["one 1", "two 2"]);
  });

  it("takes the parameters of libpq", () => {
    const url = read(
      "/?user=bot&password=a+b&host=db&dbname=bw&connect_timeout=3&application_name=x&keepalives=1&target_session_attrs=read-write",
    );
    expect(url).toMatchObject({ user: "bot", password: "a+b", database: "bw", connectTimeout: 3_000, applicationName: "x" });
  });

  it.each([
    ["", "prefer"],
    ["?sslmode=disable", "disable"],
    ["?sslmode=require", "require"],
    ["?sslmode=require&sslrootcert=/ca.crt", "verify-ca"],
    ["?sslmode=verify-full", "verify-full"],
    ["?sslrootcert=system", "verify-full"],
  ])("reads %s as sslmode %s", (query, mode) => {
    expect(read(`bot@db/bw${query}`).sslMode).toBe(mode);
  });

  it.each([
    ["mysql://bot:hush@db/bw", /must begin with postgresql/],
    ["jdbc:postgresql://db/bw?password=hush", /key uri/],
    ["postgresql://bot:hu@sh@db/bw", /percent-encoded/],
    ["postgresql://bot:hush%@db/bw", /%25/],
    ["postgresql://bot:hush@db", /names no database/],
    ["postgresql://:hush@db/bw", /names no user/],
    ["postgresql://bot:hush@/bw", /names no host/],
    ["postgresql://bot:hush@db:x/bw", /port/],
    ["postgresql://bot:hush@db/bw?sslmode=strict", /verify-full/],
    ["postgresql://bot:hush@db/bw?sslmode=verify-ca", /sslrootcert/],
    ["postgresql://bot:hush@db/bw?requirepeer=x", /requirepeer/],
  ])("refuses %s", (text, complaint) => {
    const refused = () => parseDatabaseUrl(text);
    expect(refused).toThrow(complaint);
    expect(refused).toThrow(/^BUILD_WATCHER_DATABASE_URL is not valid/);
    expect(refused).not.toThrow(/hu@?sh/);
  });
});
