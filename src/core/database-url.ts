/** How libpq names what a connection is worth: https://www.postgresql.org/docs/current/libpq-ssl.html */
const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

const usual = "postgresql://user:password@host:5432/database";

/** Says what would be right in place of a database's URL, without repeating any of it; undefined when it can be used. */
export function checkDatabaseUrl(text: string): string | undefined {
  if (/^jdbc:/i.test(text)) return `${usual}, without jdbc: in front`;
  const [, authority = "", rest = ""] = /^postgres(?:ql)?:\/\/([^/?#]*)(.*)$/is.exec(text) ?? [];
  if (!/^postgres(?:ql)?:\/\//i.test(text)) return `a URL of PostgreSQL such as ${usual}`;
  if (/\s/.test(text)) return `${usual}, without blanks`;
  if (rest.replace(/\?.*/s, "").includes("@") || rest.includes("#") || !isEncoded(text))
    return `${usual}, with special characters of the password encoded (%40 for @, %2F for /, %23 for #, %25 for %)`;
  if (authority.replace(/.*@/s, "").includes(",")) return `${usual} with one host: the one that leads to the primary`;
  return URL.canParse(text) ? checkParts(new URL(text)) : `a URL such as ${usual}`;
}

function checkParts({ hostname, pathname, searchParams }: URL): string | undefined {
  if (hostname === "" && !searchParams.get("host")) return `${usual}: it names no host`;
  if (pathname.length < 2) return `${usual}: it names no database`;
  const mode = searchParams.get("sslmode");
  return mode === null || sslModes.includes(mode) ? undefined : `${usual} whose sslmode is ${sslModes.join(", ")}`;
}

/** What a database's URL leads to, for people: host, port and database, but no user and no password. */
export function databaseAddress(text: string): string {
  const { hostname, port, pathname, searchParams } = new URL(text);
  const host = hostname || searchParams.get("host") || "localhost";
  return `${host}:${port || searchParams.get("port") || "5432"}${pathname}`;
}

/** The password in a database's URL, as it is and as it is written there. */
export function databasePasswords(text: string): readonly string[] {
  if (!URL.canParse(text)) return [];
  const { password, searchParams } = new URL(text);
  const written = [password, searchParams.get("password") ?? ""].filter(Boolean);
  return [...new Set(written.flatMap((one) => [one, decodeURIComponent(one)]))];
}

/** The URL with a file of CA certificates. It asks for a verified connection, unless the URL itself says what to ask for. */
export function withDatabaseCa(text: string, file: string | undefined): string {
  if (file === undefined) return text;
  const url = new URL(text);
  if (!url.searchParams.has("sslrootcert")) url.searchParams.set("sslrootcert", file);
  if (!url.searchParams.has("sslmode")) url.searchParams.set("sslmode", "verify-full");
  return url.href;
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
