import { whyNoImage } from "../../../core/images/image-kind.ts";
import { isDigest, isTag } from "../../../core/images/image-reference.ts";
import { asObject, isObject, named, nothing, type Sender, type Told, textOf, withoutScheme } from "./reading.ts";

/** Quay's notifications, of which a push names tags and no digest: https://docs.quay.io/guides/notifications.html */
export const quay: Sender = ({ docker_url: url, updated_tags: tags }) => {
  if (typeof url !== "string") return undefined;
  // It was once an object with the tags as keys.
  const all = Array.isArray(tags) ? tags : Object.keys(asObject(tags));
  if (all.length === 0) return isObject(tags) ? [] : [nothing];
  return all.map((tag) => taggedIn(withoutScheme(url), tag));
};

/** Docker Hub: https://docs.docker.com/docker-hub/webhooks/ */
export const dockerHub: Sender = ({ push_data: pushed, repository }) => {
  const name = textOf(asObject(repository).repo_name);
  return isObject(pushed) && name ? [taggedIn(`docker.io/${name}`, pushed.tag)] : undefined;
};

/** GitHub's `package` and `registry_package`: https://docs.github.com/webhooks/webhook-events-and-payloads#registry_package */
export const github: Sender = ({ action, registry_package: ofRegistry, package: plain, zen, hook_id: hook }) => {
  // It asks by a ping first.
  if (typeof zen === "string" && hook !== undefined) return [nothing];
  const { package_type: type, package_version: version } = asObject(ofRegistry ?? plain);
  if (typeof type !== "string" || typeof action !== "string") return undefined;
  const { package_url: url, container_metadata: metadata, version: ofVersion } = asObject(version);
  if (type.toLowerCase() !== "container" || action !== "published" || typeof url !== "string") return [nothing];
  const { name, digest: ofTag } = asObject(asObject(metadata).tag);
  const digest = [ofTag, ofVersion].find(isDigest);
  // An owner's name can have capitals here, and not in an image's name.
  const bare = withoutScheme(url)
    .replace(/(?:@sha256:[0-9a-f]*|:[^/:]*)$/, "")
    .toLowerCase();
  if (digest === undefined) return [taggedIn(bare, name)];
  const host = bare.split("/")[0] ?? "";
  if (whyNoImage({ tag: textOf(name) }) !== undefined) return [nothing];
  return [() => ({ ...named(`${bare}@${digest}`, host), ...(textOf(name) === undefined && { untagged: true }) })];
};

/** Amazon ECR's event of EventBridge: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html */
export const ecr: Sender = ({ source, account, region, detail }) => {
  if (source !== "aws.ecr") return undefined;
  const { "action-type": action, result, "repository-name": name, "image-digest": digest, "image-tag": tag } = asObject(detail);
  const { "artifact-media-type": type } = asObject(detail);
  if (action !== "PUSH" || result !== "SUCCESS" || !isDigest(digest)) return [nothing];
  if (whyNoImage({ tag: textOf(tag), artifactType: textOf(type) }) !== undefined) return [nothing];
  const host = `${account}.dkr.ecr.${region}.amazonaws.com${String(region).startsWith("cn-") ? ".cn" : ""}`;
  return [() => ({ ...named(`${host}/${name}@${digest}`, host), ...(textOf(tag) === undefined && { untagged: true }) })];
};

/**
 * JFrog's event of a Docker repository, which names a manifest's file by its SHA-256:
 * https://jfrog.com/help/r/jfrog-platform-administration-documentation/event-types
 */
export const jfrog: Sender = ({ domain, event_type: type, data, jpd_origin: origin }) => {
  if (typeof domain !== "string" || typeof type !== "string" || !isObject(data)) return undefined;
  const { repo_key: key, image_name: name, tag, sha256 } = data;
  const digest = `sha256:${sha256}`;
  if (domain !== "docker" || type !== "pushed" || typeof origin !== "string" || !isDigest(digest)) return [nothing];
  const isTagged = textOf(tag) !== undefined && !/^sha256[:_]/.test(String(tag));
  if (whyNoImage({ tag: textOf(tag) }) !== undefined) return [nothing];
  const host = withoutScheme(origin).split("/")[0] ?? "";
  return [() => ({ ...named(`${host}/${key}/${name}@${digest}`, host), ...(!isTagged && { untagged: true }) })];
};

function taggedIn(repository: string, tag: unknown): Told {
  if (typeof tag !== "string" || !isTag(tag) || whyNoImage({ tag }) !== undefined) return nothing;
  return () => named(`${repository}:${tag}`, repository.split("/")[0] ?? "");
}
