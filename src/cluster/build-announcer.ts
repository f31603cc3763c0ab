import { createHash } from "node:crypto";
import type { BuildKey } from "../core/builds/build.ts";
import { forPeople } from "../core/outside-text.ts";
import type { BuildAnnouncer, BuildEvent } from "./announcer.ts";
import type { Api } from "./api/api.ts";
import { ApiError } from "./api/api-error.ts";
import type { Access } from "./api/grants.ts";
import { objectPath, type Resource, resourceName, segment } from "./api/paths.ts";
import { type Patience, retrying } from "./api/retrying.ts";
import { asClusterError } from "./api/trouble.ts";

export interface AnnouncerSettings {
  readonly api: Api;
  readonly patience: Patience;
  /** The pod's name, which distinguishes several bots. */
  readonly instance: string;
  /** What a build is in the cluster. */
  readonly targetOf: (build: BuildKey) => AnnouncedObject;
}

/** A kind of builds to write to. */
export interface AnnouncedObject {
  readonly resource: Resource;
  /** `kind` of its objects. */
  readonly kind: string;
  /** The template that grants the right to patch it; see `Access`. */
  readonly template: string;
}

/** The prefix of the bot's annotations, and the name of its controller. */
const domain = "build-watcher.thoth-station.ninja";

/** Limits of events.k8s.io/v1, in bytes: longer ones are answered with 422. */
const longestNote = 1024;
const longestInstance = 128;
/** How much fits before `.<hash>` into an object's name of 253 characters. */
const longestNameStart = 200;

/** How many conflicts with other changes of a Build are retried before a patch is given up. */
const conflicts = 4;

export function createBuildAnnouncer({ api, patience, instance, targetOf }: AnnouncerSettings): BuildAnnouncer {
  return {
    async annotate(build, fields, signal) {
      const { resource, template } = targetOf(build);
      const annotations = Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [`${domain}/${name}`, value === undefined ? null : forPeople(value)]),
      );
      // With the uid, another Build of the same name is refused.
      const change = { metadata: { uid: build.uid, annotations } };
      const patch = () => api.patch(objectPath(resource, build.namespace, build.name), change, signal);
      const { group } = resource;
      const access = { verb: "patch", resource: resourceName(resource), group, template, namespace: build.namespace } as const;
      await told(access, signal, [404, 409, 422], () => despiteConflicts(() => retrying(patience, signal, patch)));
    },
    async event(build, event, signal) {
      const path = `/apis/events.k8s.io/v1/namespaces/${segment(build.namespace)}/events`;
      const object = eventObject(build, targetOf(build), event, instance);
      const access = { verb: "create", resource: "events", group: "events.k8s.io", namespace: build.namespace } as const;
      // 409: an earlier attempt arrived, or an earlier bot wrote it.
      await told(access, signal, [409], () => retrying(patience, signal, () => api.post(path, object, signal)));
    },
  };
}

/** Runs a request; some answers mean that there is nothing to do. */
async function told(access: Access, signal: AbortSignal, settled: readonly number[], act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ApiError && settled.includes(error.status ?? 0)) return;
    throw asClusterError(error, access);
  }
}

async function despiteConflicts(patch: () => Promise<unknown>): Promise<void> {
  for (let left = conflicts; ; left--) {
    try {
      await patch();
      return;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409) || left === 0) throw error;
    }
  }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
function eventObject(build: BuildKey, { resource, kind }: AnnouncedObject, event: BuildEvent, instance: string): object {
  const { group, version } = resource;
  const { namespace, name, uid } = build;
  const { type, reason, action, note, at, occasion } = event;
  const hash = createHash("sha256").update(`${uid} ${reason} ${occasion}`).digest("hex").slice(0, 16);
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { namespace, name: `${name.slice(0, longestNameStart)}.${hash}` },
    eventTime: new Date(at).toISOString().replace("Z", "000Z"),
    reportingController: `${domain}/controller`,
    reportingInstance: cutTo(instance, longestInstance),
    action,
    reason,
    type,
    regarding: { apiVersion: `${group}/${version}`, kind, namespace, name, uid },
    note: cutTo(forPeople(note), longestNote),
  };
}

/** The beginning of a text, at most this many bytes, in whole characters. */
function cutTo(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  const room = new Uint8Array(bytes - Buffer.byteLength("…"));
  const { read } = new TextEncoder().encodeInto(text, room);
  return `${text.slice(0, read)}…`;
}
