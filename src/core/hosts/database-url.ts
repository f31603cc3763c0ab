const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof sslModes)[number];

/** One of the servers that a URL names. */
export interface Host {
  /** A name, an address or, beginning with `/`, the directory of a socket. */
  readonly host: string;
  readonly port: number;
}

/** What a `postgresql://` URL says, as libpq reads it (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS). */
export interface DatabaseUrl {
  /** At least one; they are tried in turn. */
  readonly hosts: readonly Host[];
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly sslMode: SslMode;
  /** Files in PEM; `system` as `rootCertificate` means the authorities that Node trusts. */
  readonly rootCertificate: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
  readonly negotiation: "postgres" | "direct";
  readonly channelBinding: boolean;
  readonly applicationName: string;
  /** Command-line options for the server's session. */
  readonly options: string | undefined;
  /** Milliseconds. */
  readonly connectTimeout: number | undefined;
}

const scheme = /^postgres(?:ql)?:\/\//i;
const shape = /^(?:([^:@/?#]*)(?::([^@]*))?@)?([^/?@]*)(?:\/([^?]*))?(?:\?(.*))?$/s;

/** Parameters that change nothing we rely on: keepalive is always on, and the server that is asked must take writes anyway. */
const ignored =
  /^(keepalives(_.*)?|tcp_user_timeout|gssencmode|gssdelegation|krbsrvname|load_balance_hosts|fallback_application_name|client_encoding|sslcompression|sslsni|target_session_attrs)$/;
const known = [
  "host",
  "port",
  "user",
  "password",
  "dbname",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslpassword",
  "sslnegotiation",
  "channel_binding",
  "application_name",
  "options",
  "connect_timeout",
  "ssl",
];

/** A database's URL cannot be used. The message says why, without repeating any of it: "it names no host". */
export class DatabaseUrlError extends Error {
  override readonly name = "DatabaseUrlError";
}

/** Reads a `postgresql://` URL. Throws a `DatabaseUrlError`. */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const url = text.trim();
  if (/^jdbc:/i.test(url))
    throw wrong(
      "it is a JDBC URL. Use the form postgresql://user:password@host:5432/database; an operator's Secret has it under the key uri.",
    );
  if (!scheme.test(url)) throw wrong("it must begin with postgresql://");
  const match = shape.exec(url.replace(scheme, ""));
  if (!match) {
    throw wrong("it cannot be read. Characters such as @ : / ? # % in a user or password must be percent-encoded (@ is %40).");
  }
  const [, user, password, hosts = "", path, query = ""] = match;
  const given = parametersOf(query);
  const { sslMode, rootCertificate } = trustOf(given);
  return {
    hosts: hostsOf(given, hosts),
    user: given.get("user") ?? required(decoded(user), "names no user"),
    password: given.get("password") ?? decoded(password),
    database: given.get("dbname") ?? required(decoded(path), "names no database"),
    sslMode,
    rootCertificate,
    certificate: given.get("sslcert"),
    key: given.get("sslkey"),
    keyPassword: given.get("sslpassword"),
    negotiation: given.get("sslnegotiation") === "direct" ? "direct" : "postgres",
    channelBinding: given.get("channel_binding") !== undefined && given.get("channel_binding") !== "disable",
    applicationName: given.get("application_name") ?? "build-watcher",
    options: given.get("options"),
    connectTimeout: timeoutOf(given.get("connect_timeout")),
  };
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const part of query.split("&").filter(Boolean)) {
    const [name = "", ...value] = part.split("=");
    const key = decoded(name) ?? "";
    if (ignored.test(key)) continue;
    if (!known.includes(key)) throw wrong(`its parameter ${JSON.stringify(key.slice(0, 40))} is not supported. Remove it.`);
    const text = decoded(value.join("="));
    if (text !== undefined) given.set(key, text);
  }
  return given;
}

function trustOf(given: ReadonlyMap<string, string>): Pick<DatabaseUrl, "sslMode" | "rootCertificate"> {
  const rootCertificate = given.get("sslrootcert");
  const wanted = given.get("sslmode") ?? (given.get("ssl") === "true" ? "require" : undefined);
  const sslMode = sslModes.find((mode) => mode === (wanted ?? (rootCertificate === "system" ? "verify-full" : "prefer")));
  if (!sslMode) throw wrong(`its sslmode is unknown. Use one of ${sslModes.join(", ")}.`);
  if (rootCertificate === "system" && sslMode !== "verify-full") throw wrong("sslrootcert=system needs sslmode=verify-full.");
  if (rootCertificate === undefined && sslMode === "verify-ca") {
    throw wrong("sslmode=verify-ca needs sslrootcert, the file with the certificate of the database's authority.");
  }
  // libpq does the same: who names an authority wants it checked.
  if (rootCertificate !== undefined && sslMode === "require") return { sslMode: "verify-ca", rootCertificate };
  return { sslMode, rootCertificate };
}

function hostsOf(given: ReadonlyMap<string, string>, authority: string): readonly Host[] {
  const named = (given.get("host") ?? "").split(",").filter(Boolean);
  const entries = authority.split(",").map((entry) => /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(entry) ?? []);
  const ports = given.get("port")?.split(",") ?? entries.map(([, , port]) => decoded(port) ?? "");
  const names = named.length > 0 ? named : entries.map(([, host]) => (decoded(host) ?? "").replace(/^\[(.*)\]$/, "$1"));
  return names.map((host, index) => {
    const port = Number((ports.length === 1 ? ports[0] : ports[index]) || 5432);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong("its port is not a number from 1 to 65535.");
    return { host: required(host, "names no host"), port };
  });
}

function timeoutOf(seconds: string | undefined): number | undefined {
  const value = Number(seconds ?? Number.NaN);
  return value > 0 ? value * 1_000 : undefined;
}

function required(text: string | undefined, complaint: string): string {
  if (!text) throw wrong(`it ${complaint}. The form is postgresql://user:password@host:5432/database.`);
  return text;
}

/** Percent-decoded; a plus is a plus, other than in a web form. */
function decoded(text: string | undefined): string | undefined {
  if (!text) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("a % in it begins no percent-encoding. Write %25 for a % in a user or password.");
  }
}

function wrong(complaint: string): DatabaseUrlError {
  return new DatabaseUrlError(complaint);
}

/** Says what would be right in place of a database's URL; undefined when it can be used. Whether its certificates are there shows later. */
export function checkDatabaseUrl(text: string): string | undefined {
  try {
    parseDatabaseUrl(withDatabaseCa(text, "ca.crt"));
    return undefined;
  } catch (error) {
    return `a URL of PostgreSQL, but ${error instanceof Error ? error.message : "it cannot be read"}`;
  }
}

/** What a database's URL leads to, for people: hosts, ports and database, but no user and no password. */
export function databaseAddress(text: string): string {
  return addressOf(parseDatabaseUrl(withDatabaseCa(text, "ca.crt")));
}

export function addressOf({ hosts, database }: Pick<DatabaseUrl, "hosts" | "database">): string {
  return `${hosts.map(({ host, port }) => `${host}:${port}`).join(",")}/${database}`;
}

/** The password in a database's URL, as it is and as it is written there. */
export function databasePasswords(text: string): readonly string[] {
  try {
    const { password, keyPassword } = parseDatabaseUrl(withDatabaseCa(text, "ca.crt"));
    const written = shape.exec(text.trim().replace(scheme, ""))?.[2];
    return [...new Set([written, password, keyPassword].filter((one) => one !== undefined))];
  } catch (error) {
    if (error instanceof DatabaseUrlError) return [];
    throw error;
  }
}

/** The URL with a file of CA certificates. It asks for a verified connection, unless the URL itself says what to ask for. */
export function withDatabaseCa(text: string, file: string | undefined): string {
  const [url = "", query = ""] = text.trim().split(/\?(.*)/s);
  const asks = (name: string) => query.split("&").some((parameter) => parameter.startsWith(`${name}=`));
  if (file === undefined || asks("sslrootcert")) return text;
  const mode = asks("sslmode") || asks("ssl") ? [] : ["sslmode=verify-full"];
  return `${url}?${[query, `sslrootcert=${encodeURIComponent(file)}`, ...mode].filter(Boolean).join("&")}`;
}
