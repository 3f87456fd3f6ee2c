import { ANONYMOUS, type Identity, nameOf } from "../identity.js";
import { GlobSet } from "./glob.js";
import { LIMIT_NAMES, type Limits, type Rule, type Service, type Verb } from "./rule.js";

/** With what an identity may act on a framework. */
export interface Scope {
  readonly roles: GlobSet;
  readonly users: GlobSet;
  readonly principals: GlobSet;
}

/** What an identity may do with one framework. */
export interface FrameworkRights {
  may(verb: Verb): boolean;
  readonly attach: Scope;
  readonly call: Scope;
}

/** What an identity may do, by one version of the permissions. */
export interface Rights {
  /** Of the identity, for logs and errors. */
  readonly name: string;
  readonly limits: Limits;
  /** False while authentication is off: nothing needs to be asked. */
  readonly restricted: boolean;
  mayUse(service: Service): boolean;
  /** Whether there is a framework name with which it may do that. */
  mayAnywhere(verb: Verb): boolean;
  /** Whether it may do that with every framework name. */
  mayEverywhere(verb: Verb): boolean;
  on(frameworkName: string): FrameworkRights;
}

/** Identities, and frameworks of each, whose rights are kept. */
const MAX_IDENTITIES = 10_000;
const MAX_FRAMEWORKS = 1_000;

/** The rules of one version of the permissions file. Rules add up: what no rule allows is not allowed. */
export class Ruleset {
  readonly #rules: readonly { readonly rule: Rule; readonly identities: GlobSet }[];
  readonly #known = new WeakMap<Identity, Rights>();
  readonly #byNames = new Map<string, Rights>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((rule) => ({ rule, identities: new GlobSet(rule.identities) }));
  }

  /** Worked out once for each identity, and then found by its object or its names. */
  of(identity: Identity): Rights {
    const known = this.#known.get(identity);
    if (known) return known;
    const rights = this.#byNamesOf(identity);
    this.#known.set(identity, rights);
    return rights;
  }

  #byNamesOf(identity: Identity): Rights {
    const names = identity.kind === "anonymous" ? [] : identity.names;
    // Not joined by a character: a name may hold any.
    const key = JSON.stringify(names);
    const known = this.#byNames.get(key);
    if (known) return known;
    const matching = this.#rules.filter(({ identities }) => names.some((name) => identities.matches(name)));
    const rights = new IdentityRights(
      nameOf(identity),
      matching.map(({ rule }) => rule),
    );
    keep(this.#byNames, MAX_IDENTITIES, key, rights);
    return rights;
  }
}

class IdentityRights implements Rights {
  readonly name: string;
  readonly limits: Limits;
  readonly restricted = true;
  readonly #rules: readonly Rule[];
  readonly #frameworks = new Map<string, FrameworkRights>();

  constructor(name: string, rules: readonly Rule[]) {
    this.name = name;
    this.#rules = rules;
    this.limits = highestLimits(rules);
  }

  mayUse(service: Service): boolean {
    return this.#rules.some(({ allow }) => allow.has(service));
  }

  mayAnywhere(verb: Verb): boolean {
    return this.#rules.some(({ allow, frameworks }) => allow.has(verb) && frameworks.length > 0);
  }

  mayEverywhere(verb: Verb): boolean {
    return this.#rules.some(({ allow, frameworks }) => allow.has(verb) && frameworks.some(({ any }) => any));
  }

  on(frameworkName: string): FrameworkRights {
    const known = this.#frameworks.get(frameworkName);
    if (known) return known;
    const rules = this.#rules.filter(({ frameworks }) => frameworks.some((glob) => glob.matches(frameworkName)));
    const verbs = new Set(rules.flatMap(({ allow }) => [...allow]));
    const rights = {
      may: (verb: Verb) => verbs.has(verb),
      attach: scopeOf(rules, "attach"),
      call: scopeOf(rules, "call"),
    };
    keep(this.#frameworks, MAX_FRAMEWORKS, frameworkName, rights);
    return rights;
  }
}

/** Of the rules that allow the verb on the framework: what a rule for another framework names does not count here. */
function scopeOf(rules: readonly Rule[], verb: Verb): Scope {
  const allowing = rules.filter(({ allow }) => allow.has(verb));
  return {
    roles: new GlobSet(allowing.flatMap(({ roles }) => roles)),
    users: new GlobSet(allowing.flatMap(({ users }) => users)),
    principals: new GlobSet(allowing.flatMap(({ principals }) => principals)),
  };
}

/** Of several limits of one kind the highest counts. */
function highestLimits(rules: readonly Rule[]): Limits {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const name of LIMIT_NAMES) {
    for (const rule of rules) {
      const limit = rule.limits[name];
      if (limit !== undefined) limits[name] = Math.max(limit, limits[name] ?? 0);
    }
  }
  return limits;
}

/** Forgets the oldest when there are too many: it is worked out again if it is asked for. */
function keep<Value>(kept: Map<string, Value>, max: number, key: string, value: Value): void {
  if (kept.size >= max) {
    const [oldest] = kept.keys();
    if (oldest !== undefined) kept.delete(oldest);
  }
  kept.set(key, value);
}

const everything = new GlobSet([{ text: "*", any: true, matches: () => true }]);
const anything: Scope = { roles: everything, users: everything, principals: everything };
const ALL_OF_FRAMEWORK: FrameworkRights = { may: () => true, attach: anything, call: anything };

/** While authentication is off, whoever reaches the bridge may do everything. */
export const UNRESTRICTED: Rights = {
  name: nameOf(ANONYMOUS),
  limits: {},
  restricted: false,
  mayUse: () => true,
  mayAnywhere: () => true,
  mayEverywhere: () => true,
  on: () => ALL_OF_FRAMEWORK,
};
