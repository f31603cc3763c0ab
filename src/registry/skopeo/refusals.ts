import type { FailureReason } from "../../core/jobs/errors.ts";
import type { ToldFailure } from "./skopeo-line.ts";

export interface Refusal {
  readonly reason: FailureReason;
  readonly retryable?: boolean;
}

/**
 * What registries write in addition to a vague code (Harbor, Quay, ECR, ACR, Artifactory, Nexus, GitLab); searched only in their own text.
 * The first that fits decides.
 */
const saidBy: readonly { readonly pattern: RegExp; readonly reason: FailureReason }[] = [
  {
    pattern: /rate limit|rate exceeded|(?:pull|request) limit|requests? per\b|too many (?:requests|failed)|throttl|slow down/i,
    reason: "RateLimited",
  },
  {
    pattern: /not authorized to (?:perform|access)|identity-based policy|permission "|insufficient_scope/i,
    reason: "RegistryDenied",
  },
  {
    pattern: /(?:token|jwt|credential|session|password|robot|account)(?:\b|_).{0,40}expired|expired.{0,20}token|reauthenticate/i,
    reason: "LoginExpired",
  },
  // A link into a storage that was used too late, or by another clock; and what lasts for moments.
  {
    pattern:
      /(?:request|link|url|signature) has expired|too ?skewed|try again (?:later|in)|temporarily|being (?:renamed|moved|migrated)/i,
    reason: "RegistryUnavailable",
  },
  {
    pattern:
      /quota|storage (?:resource|limit|space|capacity)|(?:upper|size|maximum) limit|maximum number|exceed(?:s|ed|ing)? the limit|limit ?(?:has been )?(?:exceeded|reached)|insufficient (?:storage|space)|no space left|disk (?:is )?full/i,
    reason: "RegistryFull",
  },
  {
    pattern:
      /read.?only|maintenance|garbage collect|blacked out|(?:repository|registry|image)\b.{0,40}\b(?:frozen|locked|not in a normal state)/i,
    reason: "RegistryReadOnly",
  },
  { pattern: /licen[cs]e|subscription|payment|billing/i, reason: "RegistryUnlicensed" },
  {
    pattern: /polic(?:y|ies)|vulnerab|severity|not signed|unsigned|quarantin|prevent|content trust|cosign|notar/i,
    reason: "PolicyViolation",
  },
  {
    pattern:
      /media.?type|schema version|not supported|unsupported (?!:)|unrecognized manifest|oci (?:image|index|manifest|artifact)/i,
    reason: "UnsupportedImage",
  },
];

/** What a registry's answer means, by status and code, then by its words; undefined if the line has no answer. */
export function refusalReason(told: ToldFailure, mediaType: string | undefined): Refusal | undefined {
  const { status, code, said } = told;
  if (status === undefined && code === undefined) return undefined;
  if (status === 429 || code === "toomanyrequests") return { reason: "RateLimited" };
  if (status === 507) return { reason: "RegistryFull" };
  if (status !== undefined && status >= 500) return { reason: "RegistryUnavailable" };
  if (code === "name invalid") return { reason: "BadReference" };
  if (code === undefined && ofTokenService.test(told.words)) return { reason: byToken(status) };
  const named = mayExplain(told) ? saidBy.find(({ pattern }) => pattern.test(said)) : undefined;
  if (named && fits(named.reason, told)) return { reason: named.reason };
  return byCode(told, mediaType) ?? byStatus(told) ?? { reason: "CopyFailed" };
}

/** skopeo asks a token service, whose status says nothing about an image (wordings of 1.9 to 1.22). */
const ofTokenService = /requesting bear(?:er)? token|unable to retrieve auth token/i;

function byToken(status: number | undefined): FailureReason {
  return status === 401 || status === 403 ? "RegistryDenied" : "CopyFailed";
}

/** The words about an unknown name or digest only repeat the request. */
function mayExplain({ code }: ToldFailure): boolean {
  return code === undefined || !/name unknown|blob unknown|manifest unknown|tag invalid/.test(code);
}

/** Whether a reason fits that side: only a push can fail because there is no room. */
function fits(reason: FailureReason, { side }: ToldFailure): boolean {
  return side !== "source" || !["RegistryFull", "RegistryReadOnly"].includes(reason);
}

function byCode(told: ToldFailure, mediaType = ""): Refusal | undefined {
  const { code, side, said, part, words } = told;
  switch (code) {
    case "unauthorized":
    case "denied":
      return { reason: "RegistryDenied" };
    case "unavailable":
      return { reason: "RegistryUnavailable" };
    case "name unknown":
      return side === "source" ? { reason: "ImageNotFound" } : { reason: "NoSuchRepository" };
    case "manifest unknown":
      return side === "destination" ? { reason: "CopyFailed" } : missingManifest(part, words);
    case "manifest blob unknown":
    case "blob unknown":
      // Registries with several stores can answer this right after a push.
      return side === "destination" ? { reason: "CopyFailed" } : { reason: "ImageNotFound" };
    case "manifest invalid":
      return isOci(mediaType) ? { reason: "UnsupportedImage" } : undefined;
    case "unsupported":
      if (side === "source") return { reason: "CopyFailed" };
      return { reason: isOci(mediaType) && words.includes("manifest") ? "UnsupportedImage" : "RegistryReadOnly" };
    case "unknown":
      return /not found|does not exist|no such|unable to find/i.test(said) ? missing(told) : undefined;
    default:
      return undefined;
  }
}

function byStatus(told: ToldFailure): Refusal | undefined {
  const { status, side } = told;
  switch (status) {
    case 401:
    case 403:
      return { reason: "RegistryDenied" };
    case 402:
      return { reason: "RegistryUnlicensed" };
    case 404:
      return missing(told);
    case 410:
      return side === "source" ? { reason: "ImageNotFound" } : undefined;
    case 405:
      return { reason: side === "source" ? "CopyFailed" : "RegistryReadOnly" };
    case 407:
      return { reason: "ProxyRefused" };
    case 412:
    case 451:
      return { reason: "PolicyViolation" };
    case 408:
    case 425:
      return { reason: "RegistryUnavailable" };
    case 423:
      return { reason: side === "source" ? "RegistryUnavailable" : "RegistryReadOnly" };
    case 413:
      return { reason: "UploadTooLarge" };
    case 415:
    case 422:
      return { reason: "UnsupportedImage" };
    default:
      return undefined;
  }
}

/** A push begins with an upload. What is missing later was there before: an upload, a layer. */
function missing({ side, words }: ToldFailure): Refusal {
  if (side === "source") return { reason: "ImageNotFound" };
  return { reason: /initiating layer upload/i.test(words) ? "NoSuchRepository" : "CopyFailed" };
}

function isOci(mediaType: string): boolean {
  return mediaType.includes("vnd.oci.");
}

/** One manifest of an index is asked for by digest, after the index itself was found. */
function missingManifest(part: string | undefined, words: string): Refusal {
  return part !== undefined && /MIME type/i.test(words) ? { reason: "IncompleteImage" } : { reason: "ImageNotFound" };
}
