import { Secrets } from "../../../wire/secrets.js";
import type { Log } from "../../log.js";
import { type Authentication, noAuthentication } from "./authentication.js";

/** What a file says: which frameworks authenticate as whom. */
export interface PrincipalRules {
  /** In order: the first that matches counts. */
  readonly rules: readonly PrincipalRule[];
  /** How each principal of the rules authenticates. */
  readonly credentials: ReadonlyMap<string, Authentication>;
}

export interface PrincipalRule {
  readonly principal: string;
  matches(frameworkName: string): boolean;
}

type Listener = (header: string) => void;

/**
 * As whom each framework authenticates to Mesos: by the first rule that matches its name, else as the bridge itself. Mesos
 * lets no framework change its principal, so one that has a principal keeps it, whatever the rules say later.
 */
export class FrameworkPrincipals {
  readonly #own: Authentication;
  readonly #log: Log;
  readonly #inUse = new Set<FrameworkCredentials>();
  readonly #probe: FrameworkCredentials;
  #rules: PrincipalRules;

  /** @param own the bridge's own credentials */
  constructor(rules: PrincipalRules, own: Authentication, log: Log) {
    this.#rules = rules;
    this.#own = own;
    this.#log = log;
    this.#probe = new FrameworkCredentials(() => this.#forProbe(), this.#inUse);
  }

  /** What asks for the leading master: the bridge itself, or, if it has no credentials, the first principal of the rules. */
  get probe(): Authentication {
    return this.#probe;
  }

  /** How each principal of the rules authenticates, by its name. */
  get credentials(): ReadonlyMap<string, Authentication> {
    return this.#rules.credentials;
  }

  /** The principal that a new framework of this name gets. */
  wantedFor(frameworkName: string): string | undefined {
    return this.#rules.rules.find((rule) => rule.matches(frameworkName))?.principal ?? this.#own.principal;
  }

  /**
   * The credentials of a framework, which follow the rules.
   *
   * @param principal the one in its FrameworkInfo. Without one Mesos lets it authenticate as anybody
   */
  credentialsOf(frameworkName: string, principal: string | undefined): Authentication {
    const holder = { frameworkName, principal: principal === "" ? undefined : principal };
    const credentials = new FrameworkCredentials((before) => this.#decide(holder, before), this.#inUse, holder);
    this.#tell(credentials);
    return credentials;
  }

  /** Takes other rules for those so far. */
  replace(rules: PrincipalRules): void {
    this.#rules = rules;
    for (const credentials of [...this.#inUse]) {
      credentials.decideAgain();
      this.#tell(credentials);
    }
  }

  #forProbe(): Decision {
    const [first] = this.#rules.credentials.values();
    return { wanted: undefined, authentication: this.#own === noAuthentication && first ? first : this.#own };
  }

  #decide(holder: Holder, before: Authentication | undefined): Decision {
    const wanted = this.wantedFor(holder.frameworkName);
    return { wanted, authentication: this.#authenticationOf(holder.principal, wanted, before) };
  }

  #authenticationOf(
    principal: string | undefined,
    wanted: string | undefined,
    before: Authentication | undefined,
  ): Authentication | undefined {
    const kept = principal ?? wanted;
    if (kept === undefined) return this.#own;
    const known = this.#rules.credentials.get(kept) ?? (this.#own.principal === kept ? this.#own : undefined);
    if (known) return known;
    // A framework keeps a secret that it uses after the rules have lost it.
    if (before) return before;
    // A token may be of any principal, and a master that authenticates nobody takes none for any.
    const ownMayBe = this.#own.principal === undefined && (wanted === undefined || this.#own !== noAuthentication);
    return ownMayBe ? this.#own : undefined;
  }

  /** One line for a framework that does not get what the rules say. */
  #tell({ holder, decision: { wanted, authentication } }: FrameworkCredentials): void {
    if (holder?.principal === undefined) return;
    const { frameworkName, principal } = holder;
    if (wanted === principal || (wanted === undefined && authentication === this.#own)) return;
    const secret = authentication ? "" : `, of which no rule has the secret, so that it can't subscribe`;
    const instead = wanted === undefined ? "" : `, and does not get '${wanted}'`;
    const reason =
      `Mesos lets no framework change its principal: '${frameworkName}' keeps '${principal}'${secret}${instead}; ` +
      `put a rule for it with '${principal}' before the others, or tear it down and attach it anew`;
    this.#log.warn({ framework: frameworkName, reason }, "--framework-principals can't be followed");
  }
}

interface Holder {
  readonly frameworkName: string;
  readonly principal: string | undefined;
}

interface Decision {
  /** The principal that the framework would get if it were new. */
  readonly wanted: string | undefined;
  /** Undefined: nobody knows the secret of the principal that the framework has. */
  readonly authentication: Authentication | undefined;
}

/** @param before what it has authenticated with so far */
type Decide = (before: Authentication | undefined) => Decision;

/** Credentials that may become others while they are used. They are in use while somebody listens. */
class FrameworkCredentials implements Authentication {
  readonly holder: Holder | undefined;
  readonly #decide: Decide;
  readonly #inUse: Set<FrameworkCredentials>;
  readonly #listeners = new Set<Listener>();
  #decision: Decision;
  #unlisten: (() => void) | undefined;
  readonly #nothing = new Secrets();

  constructor(decide: Decide, inUse: Set<FrameworkCredentials>, holder?: Holder) {
    this.#decide = decide;
    this.#inUse = inUse;
    this.holder = holder;
    this.#decision = decide(undefined);
  }

  get decision(): Decision {
    return this.#decision;
  }

  get #current(): Authentication | undefined {
    return this.#decision.authentication;
  }

  get principal(): string | undefined {
    return this.holder ? this.holder.principal : this.#current?.principal;
  }

  get secrets(): Secrets {
    return this.#current?.secrets ?? this.#nothing;
  }

  async header(): Promise<string | undefined> {
    if (this.#current) return this.#current.header();
    throw new Error(`no rule of --framework-principals has the secret of '${this.holder?.principal}'`);
  }

  onChanged(listener: Listener): () => void {
    if (this.#listeners.size === 0) {
      this.#inUse.add(this);
      this.#decision = this.#decide(this.#current);
      this.#listen();
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#inUse.delete(this);
      this.#unlisten?.();
      this.#unlisten = undefined;
    };
  }

  /** The rules are others now. */
  decideAgain(): void {
    const before = this.#current;
    this.#decision = this.#decide(before);
    const next = this.#current;
    if (next === before) return;
    this.#listen();
    next?.header().then(
      (header) => {
        if (header !== undefined && next === this.#current) this.#changed(header);
      },
      // The next attempt to subscribe reports the error.
      () => {},
    );
  }

  #listen(): void {
    this.#unlisten?.();
    this.#unlisten = this.#current?.onChanged((header) => this.#changed(header));
  }

  #changed(header: string): void {
    for (const listener of [...this.#listeners]) listener(header);
  }
}
