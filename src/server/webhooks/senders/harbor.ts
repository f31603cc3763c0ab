import { whyNoImage } from "../../../core/images/image-kind.ts";
import { isDigest } from "../../../core/images/image-reference.ts";
import { asObject, isObject, type Json, named, nothing, type Sender, type Told, textOf, withoutScheme } from "./reading.ts";

/** Harbor's own format and its CloudEvents: https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/ */
export const harbor: Sender = ({ type, event_data: own, data }) => {
  if (typeof type !== "string") return undefined;
  if (isObject(own)) return readResources(type === "PUSH_ARTIFACT", own);
  return type.startsWith("harbor.") ? readResources(type === "harbor.artifact.pushed", asObject(data)) : undefined;
};

function readResources(isPush: boolean, { resources }: Json): readonly Told[] {
  return isPush && Array.isArray(resources) ? resources.map((resource) => () => readResource(resource)) : [nothing];
}

/** For a push without a tag the digest is in the tag's place, and in older versions nowhere else. */
function readResource(resource: unknown) {
  if (!isObject(resource) || typeof resource.resource_url !== "string") return undefined;
  const tag = textOf(resource.tag);
  if (whyNoImage({ tag, artifactType: textOf(resource.artifact_type) }) !== undefined) return undefined;
  const url = withoutScheme(resource.resource_url);
  const [, inUrl] = /[@:](sha256:[0-9a-f]{64})$/.exec(url) ?? [];
  const digest = [resource.digest, tag, inUrl].find(isDigest);
  const bare = (inUrl === undefined ? url : url.slice(0, -inUrl.length - 1)).replace(/:[^/:]*$/, "");
  const image = named(digest ? `${bare}@${digest}` : url, bare.split("/")[0] ?? "");
  const isTagged = tag === undefined ? inUrl === undefined : !isDigest(tag);
  return isTagged ? image : { ...image, untagged: true };
}
