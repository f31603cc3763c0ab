import { databaseSource } from "../../app/settings.ts";
import type { Config } from "../../config/options.ts";
import type { Environment } from "../../config/sources.ts";
import { packageTables } from "../../inventory/index.ts";
import { type DatabaseProbe, type DatabaseSource, freshUrl, probeDatabase } from "../../postgres/index.ts";
import { queueSchema } from "../../queue/index.ts";
import { type Finding, failed, passed, warned } from "./finding.ts";
import { type SetCommand, setNamed } from "./set-command.ts";

/** Milliseconds to an answer from which a database counts as far away: a job takes several answers. */
const slow = 50;

const name = "BUILD_WATCHER_DATABASE_URL";

/** Whether the database can be worked with, where there is one. It is left as it was. */
export async function checkDatabase(
  config: Config,
  { set, environment }: { readonly set: SetCommand; readonly environment: Environment },
): Promise<readonly Finding[]> {
  const source = databaseSource(config, environment);
  if (!source) return [];
  try {
    return findingsOf(await probeDatabase(freshUrl(source), [queueSchema, packageTables]), set);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [
      failed("database", error, mendOf(message, source, { set, inPod: environment.KUBERNETES_SERVICE_HOST !== undefined })),
    ];
  }
}

function findingsOf(probe: DatabaseProbe, set: SetCommand): readonly Finding[] {
  const { name: where, user, version, isPooled, hasTables, mayMakeTables } = probe;
  const pooler = "A pooler gives each transaction a connection, which is fine.";
  const rights = mayMakeTables
    ? passed("database rights", `${user} can make and use tables in ${where}.`)
    : warned("database rights", withoutMaking(user, where));
  const latency = `${probe.latency.toFixed(1)} ms`;
  const answers = `${where} answers in ${latency}: PostgreSQL ${version}${hasTables ? "" : ", without tables of the bot so far"}.`;
  const far = `${where} takes ${latency} to answer, and every job waits for several answers. Run the bot near the database.`;
  return [
    probe.latency > slow && !probe.isLocal
      ? warned("database", far)
      : passed("database", isPooled ? `${answers} ${pooler}` : answers),
    trustOf(probe, set),
    rights,
  ];
}

function withoutMaking(user: string, where: string): string {
  return `${user} can use the tables in ${where}, but can make none: a newer version of the bot could not change them. Let it own the schema build_watcher.`;
}

function trustOf({ name: where, sslMode, isLocal }: DatabaseProbe, set: SetCommand): Finding {
  const check = "database TLS";
  if (sslMode === "verify-full" || sslMode === "verify-ca") return passed(check, `${where} is verified (sslmode=${sslMode}).`);
  if (isLocal) return passed(check, `${where} is on the same machine (sslmode=${sslMode}).`);
  const detail = `${where} is not verified (sslmode=${sslMode}): the password goes to whoever answers there. Name the file with its CA certificates.`;
  return warned(check, detail, set("BUILD_WATCHER_DATABASE_CA"));
}

/** An operator's Secret is mounted as a file of its own; what settings say is changed as settings are. */
function mendOf(
  message: string,
  { file }: DatabaseSource,
  { set, inPod }: { readonly set: SetCommand; readonly inPod: boolean },
): string {
  if (file === undefined || file.endsWith(`/${name}`)) return setNamed(message, set) ?? set(name);
  return inPod ? `correct the Secret that is mounted as ${file}` : `correct ${file}`;
}
