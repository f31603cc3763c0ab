import { digestOf } from "../../support/fixtures.ts";

export const digest = digestOf("pushed");
const manifest = "application/vnd.docker.distribution.manifest.v2+json";

/** One event as docker-registry 2.8 sends it. */
export function distributionEvent({
  action = "push",
  tag,
  host = "registry.example.com:5000",
  ...target
}: DistributionTraits = {}) {
  const repository = "shop/app";
  const url = `http://internal:5000/v2/${repository}/manifests/${digest}`;
  return {
    id: "320678d8-ca14-430f-8bb6-4ca139cd83f7",
    timestamp: "2016-03-09T14:44:26.402973972-08:00",
    action,
    target: { mediaType: manifest, size: 708, digest, length: 708, repository, url, ...(tag && { tag }), ...target },
    request: { id: "6df24a34", addr: "192.168.64.11:42961", host, method: "PUT", useragent: "curl/7.38.0" },
    actor: {},
    source: { addr: "xtal.local:5000", instanceID: "a53db899" },
  };
}

export interface DistributionTraits {
  readonly action?: string;
  readonly tag?: string;
  readonly host?: string | undefined;
  readonly mediaType?: string;
  readonly digest?: string;
  readonly repository?: string;
}

/** A push as Harbor 2 tells of it. */
export function harborPush(resource: Readonly<Record<string, unknown>> = {}, type = "PUSH_ARTIFACT") {
  const url = "hub.harbor.example.com/test-webhook/debian:latest";
  return {
    type,
    occur_at: 1586922308,
    operator: "admin",
    event_data: {
      resources: [{ digest, tag: "latest", resource_url: url, ...resource }],
      repository: { name: "debian", namespace: "test-webhook", repo_full_name: "test-webhook/debian", repo_type: "private" },
    },
  };
}

/** A repository push as Quay tells of it: without any digest. */
export function quayPush(...tags: readonly unknown[]) {
  return {
    name: "repository",
    repository: "mynamespace/repository",
    namespace: "mynamespace",
    docker_url: "quay.io/mynamespace/repository",
    homepage: "https://quay.io/repository/mynamespace/repository",
    updated_tags: tags,
  };
}
