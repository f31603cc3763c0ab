import type { RequestOptions } from "node:https";
import { JobError } from "../../core/jobs/errors.ts";
import type { ClusterContext, KubeconfigSource } from "./context.ts";
import { createFileReader } from "./file-reader.ts";
import type { ContextChoice } from "./kubeconfig.ts";
import { createKubeconfigReader, type KubeconfigText } from "./kubeconfig-files.ts";
import { podContext } from "./pod-context.ts";

/** One state of the kubeconfig, with the tokens that its plugins gave. */
export interface Session {
  readonly read: KubeconfigText;
  readonly context: ClusterContext;
}

/** What one request needs: headers and TLS material. */
export interface Authentication {
  readonly session: Session;
  readonly options: RequestOptions;
}

/** The credentials, which are read whenever they are used. Failures are `JobError`s. */
export interface Credentials {
  /** The current kubeconfig; the same object until its text changes or the server refuses it. */
  session(): Promise<Session>;
  /**
   * Headers and TLS material for one request. Calls at the same time share the answer, so that a plugin runs once. If one of them gives up
   * waiting, the next call starts again.
   */
  authenticate(signal: AbortSignal): Promise<Authentication>;
  /** Forgets a session that the server did not accept, with all its cached tokens. */
  refuse(session: Session): void;
}

export function createCredentials(source: KubeconfigSource): Credentials {
  const readFile = createFileReader();
  const readKubeconfig = createKubeconfigReader(source, readFile);
  let known: Session | undefined;
  let first: ContextChoice | undefined;
  let running: Promise<Authentication> | undefined;

  async function session(): Promise<Session> {
    const read = await readKubeconfig();
    if (known && textOf(known.read) === textOf(read)) return known;
    known = { read, context: read.pod ? podContext(read.pod, source, readFile) : await contextOf(read) };
    return known;
  }

  /** A pod does without. */
  async function contextOf(read: KubeconfigText): Promise<ClusterContext> {
    const { loadKubeconfig } = await import("./kubeconfig.ts");
    const { context, choice } = await loadKubeconfig(read, source, readFile, first);
    first ??= choice;
    return context;
  }

  async function apply(): Promise<Authentication> {
    const current = await session();
    const options: RequestOptions = { headers: {} };
    try {
      await current.context.authenticate(options);
    } catch (error) {
      throw unusable(error);
    }
    return { session: current, options };
  }

  return {
    session,
    authenticate(signal) {
      running ??= apply();
      const shared = running;
      const settled = () => {
        signal.removeEventListener("abort", settled);
        if (running === shared) running = undefined;
      };
      signal.addEventListener("abort", settled, { once: true });
      return shared.finally(settled);
    },
    refuse(session) {
      if (known !== session) return;
      known = undefined;
      running = undefined;
    },
  };
}

/** A parser's message could quote a token that a plugin printed. */
function unusable(error: unknown): JobError {
  if (error instanceof JobError) return error;
  const said =
    error instanceof SyntaxError ? "the credential plugin printed no JSON" : String((error as Error)?.message ?? error);
  const reason = said.trim().split("\n")[0]?.slice(0, 200);
  return new JobError(
    "ClusterUnavailable",
    `The credentials of the kubeconfig cannot be used (${reason}): run oc login, or correct it`,
  );
}

function textOf(read: KubeconfigText): string {
  return JSON.stringify(read);
}
