import type { ImageReference } from "../../core/images/image-reference.ts";
import { planCopy, readPushSettings } from "../../core/images/push-target.ts";
import { JobError } from "../../core/jobs/errors.ts";
import { asksForBasic, bearersOf, challengeForSkopeo } from "../http/challenges.ts";
import type { Greeting } from "../http/greeting.ts";
import type { RegistryAccess, RegistryHttp } from "../http/registry-http.ts";
import { urlOf } from "../http/registry-url.ts";
import { headManifest } from "../reading/distribution.ts";
import { createRegistryParts } from "../registry-parts.ts";
import type { ImageCopierSettings } from "../skopeo/skopeo-copier.ts";
import { noRegistry } from "../trust/verdict.ts";

/** What one looks for: whether images could be pushed, and where to. */
export interface PushCheck {
  readonly place: string;
  /** False if asking would leave something behind. The login is known to be accepted. */
  readonly proven: boolean;
  /** Whether there is a login for it. */
  readonly hasLogin: boolean;
}

/** An image such as builds make, for the name its copy would have. */
const example: ImageReference = {
  registry: "image-registry.openshift-image-registry.svc:5000",
  repository: "build-watcher/check",
  digest: `sha256:${"0".repeat(64)}`,
};

/**
 * Whether the push registry takes uploads with the destination's login: one is begun and given up at once, so that nothing stays. Throws an
 * `Error` that says what to change.
 */
export async function checkPush(settings: ImageCopierSettings, signal: AbortSignal): Promise<PushCheck> {
  const { pushRegistry, layout, template, destinationVerifyTls: verifyTls } = settings;
  const rules = readPushSettings({ registry: pushRegistry, layout, template, skip: [], owns: () => true });
  const plan = planCopy(example, rules);
  const { registry, repository } = plan.kind === "copied" ? plan.target : example;
  const { credentials, http, ...registries } = createRegistryParts(settings);
  await registries.check();
  const login = await credentials.find({ image: { registry, repository }, side: "destination", ownLogin: true }, signal);
  const certificates = await registries.readCertificates();
  const access: RegistryAccess = { registry, repository, actions: "pull,push", login, verifyTls, certificates };
  try {
    await assertAsksForLogin(http, access, signal);
    const proven = layout === "flat" || !(await makesRepositories(http, access, signal));
    if (proven) await tryUpload(http, access, signal);
    else await headManifest(http.open({ ...access, actions: "pull" }), "latest", signal);
    return { place: `${registry}/${repository}`, proven, hasLogin: login !== undefined };
  } finally {
    registries.close();
  }
}

/** What cannot be used in auth files and certificates, each as a sentence; none if a file cannot be read, which `checkPush` reports. */
export async function checkLoginFiles(settings: ImageCopierSettings): Promise<readonly string[]> {
  const registries = createRegistryParts(settings);
  return registries
    .check()
    .catch(() => [])
    .finally(() => registries.close());
}

/** skopeo asks `/v2/` first, and sends no login to a registry that does not ask for one there. */
async function assertAsksForLogin(http: RegistryHttp, access: RegistryAccess, signal: AbortSignal): Promise<void> {
  const { registry, login } = access;
  const greeting = await http.greet(access, signal);
  const { answered, status, type, challenges } = greeting;
  if (login !== undefined && challenges.length > 0) await assertSkopeoAnswers(http, access, greeting, signal);
  if (answered && status === 200 && /^text\/html/i.test(type ?? "")) throw noRegistry(urlOf(registry, "https", ""), type ?? "");
  if (!answered || status === 401 || challenges.length > 0 || login === undefined) return;
  const failure = await tryUpload(http, { ...access, login: undefined }, signal).catch((error: unknown) => error);
  if (!(failure instanceof JobError) || failure.reason !== "RegistryDenied") return;
  throw denied(
    `${registry} does not ask for a login at /v2/ (it answers ${status}), so skopeo sends none, but it refuses uploads without a login. Configure it, or the proxy in front of it, to answer 401 there`,
  );
}

/** What the bot reads of the challenges, skopeo has to read as well: it does the uploads. */
async function assertSkopeoAnswers(
  http: RegistryHttp,
  access: RegistryAccess,
  { challenges, headers }: Greeting,
  signal: AbortSignal,
): Promise<void> {
  const { registry } = access;
  const [bearer] = bearersOf(challenges);
  const told = JSON.stringify(headers.join(", ").slice(0, 200));
  if (!bearer && !asksForBasic(challenges))
    throw denied(`${registry} takes no login that the bot can send (${told}): switch on Basic or token logins there`);
  const challenge = challengeForSkopeo(headers);
  if (challenge === undefined)
    throw denied(
      `${registry} asks for a login in a form that skopeo cannot read (${told}): Basic or Bearer must come first, or in a header of its own`,
    );
  if (challenge.scheme === "bearer" && challenge.realm !== bearer?.realm)
    throw denied(
      `${registry} asks for a login in a form that skopeo cannot read (${told}): the value of realm must be in quotes, right after the equals sign`,
    );
  if (challenge.scheme === "bearer" || !bearer) return;
  const failure = await tryUpload(http, { ...access, scheme: "basic" }, signal).catch((error: unknown) => error);
  if (!(failure instanceof JobError) || failure.reason !== "RegistryDenied") return;
  throw denied(
    `${registry} offers Basic before Bearer (${told}), so skopeo sends user and password, and the registry refuses them: let it, or the proxy in front of it, offer Bearer first`,
  );
}

function denied(message: string): JobError {
  return new JobError("RegistryDenied", message);
}

/** Quay creates a repository on the first request for a push token (quay, endpoints/v2/v2auth.py). */
async function makesRepositories(http: RegistryHttp, access: RegistryAccess, signal: AbortSignal): Promise<boolean> {
  return bearersOf(await http.challenge(access, signal)).some(({ realm }) => realm.endsWith("/v2/auth"));
}

async function tryUpload(http: RegistryHttp, access: RegistryAccess, signal: AbortSignal): Promise<void> {
  const send = http.open(access);
  const upload = { method: "POST", path: "blobs/uploads/", headers: { "Content-Length": "0" } } as const;
  const begun = await send(upload, signal).catch((error: unknown) => Promise.reject(readOnly(error, access)));
  const location = begun.header("location");
  if (begun.status === 404 || location === undefined) {
    throw new JobError(
      "RegistryDenied",
      `${access.registry} takes no uploads to ${access.repository}: it answered ${begun.status}`,
    );
  }
  const path = uploadPath(location, access.repository);
  if (path) await send({ method: "DELETE", path }, signal).catch(() => undefined);
}

/** A registry that only lets read does not know the method. */
function readOnly(error: unknown, { registry }: RegistryAccess): unknown {
  const isReadOnly = error instanceof JobError && error.message.includes("answered 405");
  return isReadOnly ? new JobError("CopyFailed", `${registry} is read-only: it takes no uploads (405)`) : error;
}

/** Registries name the upload by a URL or a path. An upload at another host is left to expire. */
function uploadPath(location: string, repository: string): string | undefined {
  const { pathname, search } = new URL(location, "https://registry.invalid");
  const [, path] = pathname.split(`/v2/${repository}/`);
  return path && path + search;
}
