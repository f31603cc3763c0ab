import type { FailureReason } from "../core/jobs/errors.ts";

/** How messages name an analysis service, and the special meanings of its refusals. */
export interface Service {
  /** As a sentence begins with it: "The analysis endpoint", "RHACS". */
  readonly name: string;
  /** What answers there when all is well: "Thoth's User API". */
  readonly api: string;
  /** The setting that holds its address. */
  readonly addressSetting: string;
  /** The setting that switches the verification of its certificate off, where there is one. */
  readonly tlsSetting?: string;
  /** The setting of the login; absent for a service without one. */
  readonly loginSetting?: string;
  /** Whether a refusal can be in plain text. */
  readonly speaksText?: boolean;
  /** The meaning of a status for this service; undefined for the usual one. */
  readonly reasonOf?: (status: number, said: string) => FailureReason | undefined;
}

export const thothService: Service = {
  name: "The analysis endpoint",
  api: "Thoth's User API",
  addressSetting: "THOTH_USER_API_HOST",
  tlsSetting: "THOTH_NO_TLS_VERIFY",
};
