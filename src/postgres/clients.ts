import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type pg from "pg";
import type { DatabaseUrl, Host } from "../core/hosts/database-url.ts";
import { DatabaseError } from "./database-error.ts";
import { parseDatabaseUrl } from "./database-url.ts";

const load = createRequire(import.meta.url);
/** The driver. It takes megabytes and most bots need none, so it is loaded only when a database is opened. */
export const driver = (): typeof pg => load("pg");

const usualTimeout = 5_000;

/** Makes clients for the hosts in turn. */
export interface Clients {
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly create: typeof pg.Client;
  /** Moves on to the next host. */
  moveOn(): void;
  /** Whether to connect once more at once: the server offers no TLS, and TLS is not required. */
  isWorthAnotherTry(error: unknown): boolean;
}

/** `read` gives the URL for every new connection. The time to connect in milliseconds is as given, else as in the URL, else 5 s. */
export function createClients(read: () => string, given: number | undefined): Clients {
  let turn = 0;
  let isPlain = false;
  const connectTimeout = given ?? parseDatabaseUrl(read()).connectTimeout ?? usualTimeout;

  function create(): pg.Client {
    const url = parseDatabaseUrl(read());
    const { host, port } = url.hosts[turn % url.hosts.length] as Host;
    return new (driver().Client)({
      host,
      port,
      user: url.user,
      // Without it the driver would look for a password file.
      password: url.password ?? "",
      database: url.database,
      application_name: url.applicationName,
      ...(url.options !== undefined && { options: url.options }),
      ssl: isPlain || host.startsWith("/") ? false : tlsOf(url),
      ...(url.negotiation === "direct" && { sslnegotiation: "direct" as const }),
      enableChannelBinding: url.channelBinding,
      connectionTimeoutMillis: connectTimeout,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
  }

  return {
    connectTimeout,
    // The pool calls it with `new`. The object that it returns is used instead.
    create: function Client() {
      return create();
    } as unknown as typeof pg.Client,
    moveOn() {
      turn += 1;
      isPlain = false;
    },
    isWorthAnotherTry(error) {
      const offersNone = error instanceof Error && error.message.includes("does not support SSL");
      if (!offersNone || parseDatabaseUrl(read()).sslMode !== "prefer") return false;
      isPlain = true;
      return true;
    },
  };
}

/** Files are read for every connection because an operator can renew them. */
function tlsOf(url: DatabaseUrl): pg.ClientConfig["ssl"] {
  const { sslMode, rootCertificate, certificate, key, keyPassword } = url;
  if (sslMode === "disable" || sslMode === "allow") return false;
  const isVerified = sslMode === "verify-ca" || sslMode === "verify-full";
  return {
    rejectUnauthorized: isVerified,
    ...(sslMode === "verify-ca" && { checkServerIdentity: () => undefined }),
    ...(rootCertificate !== undefined && rootCertificate !== "system" && { ca: file("sslrootcert", rootCertificate) }),
    ...(certificate !== undefined && { cert: file("sslcert", certificate) }),
    ...(key !== undefined && { key: file("sslkey", key) }),
    ...(keyPassword !== undefined && { passphrase: keyPassword }),
  };
}

function file(parameter: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new DatabaseError(`The file that ${parameter} names in BUILD_WATCHER_DATABASE_URL cannot be read: ${said}`, "setup", {
      cause,
    });
  }
}
