/** What became of the attempts of all links to subscribe. */
export class AttemptCounts {
  subscribed = 0;
  /** Another master leads. */
  redirected = 0;
  /** No master could be used, or it did not take the subscription; the link tries again. */
  failed = 0;
  /** Mesos wants no more of the framework. */
  refused = 0;
  /** Subscriptions that ended, for whatever reason. */
  ended = 0;
}
