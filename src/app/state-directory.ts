import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "../core/jobs/errors.ts";

/**
 * Throws a `SetupError` when others could read or replace the bot's files: when everybody can write to the state directory or a file in it, or
 * it holds a link. A group can share it, as with volumes in a cluster. In a pod nobody else is there, and volumes can have any mode.
 */
export function assertPrivateState(
  directory: string,
  { inPod, uid }: { readonly inPod: boolean; readonly uid: number | undefined },
): void {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return;
  if (!inPod) assertOwn(directory, stats, uid);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (!entry) continue;
    if (entry.isSymbolicLink()) throw fault(path, "is a link to somewhere else", "remove it");
    if (!inPod) assertOwn(path, entry, uid);
  }
}

function assertOwn(path: string, { uid: owner, mode }: Stats, uid: number | undefined): void {
  if (uid !== undefined && owner !== uid && owner !== 0)
    throw fault(path, "belongs to another user", "name a directory of your own");
  const open = mode & 0o007;
  if ((open & 0o002) !== 0 || (open !== 0 && path.includes("ledger.db")))
    throw fault(path, "is open to every user", `chmod o-rwx '${path}'`);
}

function fault(path: string, what: string, remedy: string): SetupError {
  return new SetupError(`${path} ${what}, and logins and jobs are kept there: ${remedy} (BUILD_WATCHER_STATE_DIR)`);
}
