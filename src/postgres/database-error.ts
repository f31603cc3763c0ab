/**
 * Why the database failed. `outage` ends without help. `setup` needs a person: a password, a right, a certificate, the URL. `statement` means that the
 * server works and this one statement is wrong.
 */
export type DatabaseFault = "outage" | "setup" | "statement";

/** The database cannot be used. The message says what to do and contains no secret. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  readonly fault: DatabaseFault;
  /** SQLSTATE, or the code of the system's error. */
  readonly code: string | undefined;

  constructor(message: string, fault: DatabaseFault, { code, cause }: { code?: string | undefined; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
    this.code = code;
  }
}

const setting = "BUILD_WATCHER_DATABASE_URL";

interface Meaning {
  readonly words: string;
  /** Default: `outage`. */
  readonly fault?: DatabaseFault;
}

/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html), and codes of Node for connections and certificates. */
const meanings: Readonly<Record<string, Meaning>> = {
  "28P01": { words: `the password is wrong. Correct it in ${setting}.`, fault: "setup" },
  "28000": {
    words: `the server does not let this user in. Check the user and sslmode in ${setting}, and the server's pg_hba.conf.`,
    fault: "setup",
  },
  "3D000": { words: `the database does not exist. Create it, or correct its name in ${setting}.`, fault: "setup" },
  "42501": {
    words: `the user lacks a right. Let the user of ${setting} own the database, or grant it CREATE on it, once.`,
    fault: "setup",
  },
  "53100": { words: "the database's disk is full. Free space or enlarge its volume. Everything confirmed before is kept." },
  "53200": { words: "the database server is out of memory." },
  "53300": { words: "the server has no connection left. Raise max_connections, or put a pooler before it." },
  "57P01": { words: "the server was shut down or ended the connection." },
  "57P02": { words: "the server crashed." },
  "57P03": { words: "the server is starting up or shutting down." },
  "57014": { words: "a statement took too long." },
  "55P03": { words: "a lock was held for too long." },
  "25006": { words: "the server takes no writes: it is a standby, or no longer the primary." },
  "25P03": { words: "a transaction was idle for too long." },
  "40001": { words: "two transactions were in each other's way." },
  "40P01": { words: "two transactions were in each other's way." },
  ECONNREFUSED: { words: "nothing listens there." },
  ECONNRESET: { words: "the connection broke." },
  EPIPE: { words: "the connection broke." },
  ETIMEDOUT: { words: "it does not answer in time." },
  EHOSTUNREACH: { words: "there is no way to it on the network." },
  ENETUNREACH: { words: "there is no way to it on the network." },
  ENOTFOUND: { words: `its name is not known. Check the host in ${setting}.` },
  EAI_AGAIN: { words: "its name cannot be looked up just now." },
  ENOENT: { words: `a file or socket is missing. Check ${setting}.` },
};

const untrusted = `its certificate is not trusted. Name the file of the right authority as sslrootcert in ${setting}.`;
const otherName = `its certificate is for another name. Use the name it was issued for as host in ${setting}, or sslmode=verify-ca.`;

/** Errors of poolers and Node that have only a message. */
const sayings: readonly (readonly [RegExp, Meaning])[] = [
  [/password authentication failed|auth failed|wrong password|SASL authentication failed/i, meanings["28P01"] as Meaning],
  [/password must be a string|no password supplied/i, { words: `a password is needed. Add it to ${setting}.`, fault: "setup" }],
  [/no such user|authentication failed/i, meanings["28000"] as Meaning],
  [/no such database|database "[^"]{1,100}" does not exist/i, meanings["3D000"] as Meaning],
  [/does not support SSL/i, { words: `the server offers no TLS. Let it, or set sslmode=prefer in ${setting}.`, fault: "setup" }],
  [/unsupported startup parameter/i, { words: `a pooler refuses a parameter of ${setting}. Remove it.`, fault: "setup" }],
  [/altname|ERR_TLS_CERT_ALTNAME_INVALID/i, { words: otherName, fault: "setup" }],
  [/certificate|self.signed|unable to (get|verify)|PEM|ERR_OSSL|ERR_SSL/i, { words: untrusted, fault: "setup" }],
  [/timeout/i, { words: "it does not answer in time." }],
  [/connection|terminated|socket|closed/i, { words: "the connection broke." }],
];

/** An error of the driver or server as one that tells the operator what to do. `where` names the database. */
export function explain(where: string, error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  const { words, fault = "outage" } = meaningOf(code, said);
  return new DatabaseError(`The database ${where} cannot be used: ${words} (${said || code})`, fault, { code, cause: error });
}

/** Classes of SQLSTATEs that mean that the statement is wrong. It would fail again. */
const statementClasses = /^(0A|2[0-46-9A-Z]|3[0-9A-Z]|42|44|54|P0)...$/;

function meaningOf(code: string | undefined, said: string): Meaning {
  const known = code === undefined ? undefined : meanings[code];
  if (known) return known;
  if (code !== undefined && statementClasses.test(code)) return { words: "it refused a statement.", fault: "statement" };
  const saying = sayings.find(([pattern]) => pattern.test(`${code ?? ""} ${said}`));
  return saying?.[1] ?? { words: "it answered with an error." };
}

/** Whether the work can simply be repeated: the server rolled it back because it was in the way of other work. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === "40001" || code === "40P01";
}

/** Whether no open connection can be trusted after this error: the server is gone, or is no longer the primary. */
export function movesOn(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  return code === "25006" || code.startsWith("57P") || code.startsWith("08");
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}
