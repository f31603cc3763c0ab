const name = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** The longest name of an object in a cluster (a DNS subdomain). */
const longestName = 253;

/** Whether a cluster can have an object of this name. Other names must not become part of an API path. */
export function isObjectName(text: unknown): text is string {
  return typeof text === "string" && text.length <= longestName && name.test(text) && !text.includes("..");
}
