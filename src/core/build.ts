/**
 * What the bot reads of an OpenShift Build (build.openshift.io/v1). Everything is optional: a watch delivers what the server has, and
 * a field of a wrong shape must cost one build its analysis, never the watch.
 */
export interface Build {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: {
    readonly source?: {
      readonly git?: { readonly uri?: string; readonly ref?: string };
      readonly images?: readonly { readonly from?: ObjectReference }[];
    };
    readonly revision?: { readonly git?: { readonly commit?: string; readonly message?: string } };
    readonly strategy?: {
      readonly type?: string;
      readonly dockerStrategy?: { readonly from?: ObjectReference };
      readonly sourceStrategy?: { readonly from?: ObjectReference };
      readonly customStrategy?: { readonly from?: ObjectReference };
    };
    readonly output?: { readonly to?: ObjectReference };
    readonly triggeredBy?: readonly { readonly message?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly completionTimestamp?: string;
    readonly outputDockerImageReference?: string;
    readonly output?: { readonly to?: { readonly imageDigest?: string } };
    readonly config?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
  };
}

/** A pointer to an image: `DockerImage`, `ImageStreamTag` or `ImageStreamImage`. */
export interface ObjectReference {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** A Build's identity: names are used again after a BuildConfig was recreated, the uid never is. */
export interface BuildKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}
