import { grouped } from "../numbers.ts";
import type { FailureReason } from "./errors.ts";

interface Affected {
  readonly waiting: number;
  readonly failed: number;
}

/** A problem in one line: what it is, and how many jobs it affects. */
export function problemLine({ title, waiting, failed }: Affected & { readonly title: string }): string {
  const jobs = jobsLine({ waiting, failed });
  return jobs === "" ? title : `${title}: ${jobs}`;
}

/** `3 jobs wait for it, 2 failed`; empty when there are no such jobs. */
export function jobsLine({ waiting, failed }: Affected): string {
  const waits = waiting > 0 && `${counted(waiting, "job")} ${waiting === 1 ? "waits" : "wait"} for it`;
  const ended = failed > 0 && (waiting > 0 ? `${grouped(failed)} failed` : `${counted(failed, "job")} failed`);
  return [waits, ended].filter(Boolean).join(", ");
}

const registryWords: { readonly [Reason in FailureReason]?: string } = {
  RegistryUnavailable: "does not answer",
  RegistryDenied: "denies access",
  RegistryUntrusted: "has a certificate that is not trusted",
  RateLimited: "limits requests",
  LoginExpired: "says the login has expired",
  RegistryFull: "has no room left",
  RegistryReadOnly: "accepts no uploads now",
  RegistryUnlicensed: "needs a licence or a paid plan",
  PolicyViolation: "blocks images by a policy",
  NoSuchRepository: "does not create repositories by itself",
  UploadTooLarge: "limits uploads",
  UnsupportedImage: "does not accept this kind of image",
  CopyFailed: "does not accept copies",
};

/** What a registry does wrong, for failures that are not about a single image. */
export function wordsOfRegistry(reason: FailureReason): string | undefined {
  return (
    registryWords[reason] ?? (/^(?:Registry|Proxy)/.test(reason) ? `fails (${reasonWords(reason).toLowerCase()})` : undefined)
  );
}

/** Reasons whose names alone do not say enough. */
const specialWords: Readonly<Record<string, string>> = {
  AnalyzerRejected: "Refused by the analysis service",
  AnalyzerLogin: "Login refused by the analysis service",
  AnalyzerMissing: "Analyzer no longer set up",
  AnalyzerUnavailable: "Analysis service does not answer",
  AnalyzerFailed: "Analysis service failed",
  AnalyzerProtocol: "Wrong answer of the analysis service",
  ForeignNamespace: "Image of another namespace",
  NotAnImage: "Not a container image",
  NestedIndex: "Index of indexes",
  Unexpected: "Unexpected error",
};

/** A failure's reason in words: `ImageNotFound` is "Image not found". */
export function reasonWords(reason: string): string {
  const special = specialWords[reason];
  if (special !== undefined) return special;
  const words = reason.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `1 job`, `2,000 jobs`. */
export function counted(amount: number, noun: string, plural = `${noun}s`): string {
  return `${grouped(amount)} ${amount === 1 ? noun : plural}`;
}
