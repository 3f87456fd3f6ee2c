import type { Clock } from "../../../wire/clock.js";
import { MAX_REDIRECTS } from "../../mesos/link/masterProbe.js";
import { rolesOf } from "../../mesos/messages/frameworkInfo.js";
import type { Standing } from "./answers.js";
import { type Check, type Finding, fail, ok, skip, type Trouble, warn } from "./check.js";
import { eachMaster, hostsOf } from "./eachMaster.js";
import type { Examination } from "./examination.js";
import { CREDENTIAL_FILES } from "./files.js";
import { allowedRoles, askStanding, isAgent, standingOf, versionOf } from "./masterAnswers.js";
import { MASTER_PORT, MASTER_TLS } from "./network.js";
import { withOthers } from "./sentence.js";
import { speaksTls } from "./speaksTls.js";

export const MESOS = "Mesos";
export const CREDENTIALS = "credentials";
export const LEADER = "leader";
/** By as much the clocks of this machine and of a master may differ: the bridge allows tokens as much. */
const CLOCK_TOLERANCE_MS = 30_000;
/** Of the principals of frameworks, so many are tried. */
const MAX_PRINCIPALS = 20;

/** Whether it is Mesos that answers. No credentials are sent before that is known. */
export const mesos: Check = {
  name: MESOS,
  needs: [MASTER_PORT, MASTER_TLS],
  run: async (examination, signal) => {
    const versions = new Set<string>();
    return eachMaster(
      examination,
      (master) => notMesos(master, versions, examination, signal),
      (masters) => `${hostsOf(masters)} ${versions.size === 0 ? "answers" : `is Mesos ${[...versions].join(", ")}`}`,
    );
  },
};

async function notMesos(
  master: URL,
  versions: Set<string>,
  examination: Examination,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  const found = await versionOf(master, examination, signal);
  if (found.kind === "silent") return silentTrouble(found.text, master, examination.machine.clock);
  const { answer, version } = found;
  if (version !== undefined) versions.add(version);
  if (version?.startsWith("0.")) {
    return {
      cause: `${master.host} is Mesos ${version}`,
      cure: "Use masters of Mesos 1.0 or newer: older ones have no v1 scheduler API.",
    };
  }
  if (version !== undefined && (await isAgent(master, examination, signal))) return agentTrouble(master, version);
  // Something in front of it may want credentials for this too.
  if (version !== undefined || answer.status === 401 || answer.status === 403) return undefined;
  return {
    cause: `what answers at ${master.host} is not Mesos (HTTP ${answer.status} to GET /version)`,
    cure: "Correct host and port in --master: masters have port 5050 by default.",
  };
}

async function silentTrouble(text: string, master: URL, clock: Clock): Promise<Trouble> {
  const hint = /; if it speaks TLS, write https:\/\//;
  const byTls = master.protocol === "http:" && (await speaksTls(master, clock));
  if (!byTls && !hint.test(text)) {
    const cure = "Check that it is a master's port, and that the master is not stopped or overloaded.";
    return { cause: text, cure };
  }
  const cause = byTls ? `${master.host} speaks TLS, and is asked for plain HTTP` : text.replace(hint, "");
  return { cause, cure: "If this master speaks TLS, write https:// in --master (or --master-scheme https)." };
}

export const clock: Check = {
  name: "clock",
  needs: [MESOS],
  run: async (examination, signal) => {
    const offsets: { readonly host: string; readonly ms: number }[] = [];
    for (const master of examination.masters) {
      const found = await versionOf(master, examination, signal);
      if (found.kind === "answer" && found.clockOffMs !== undefined)
        offsets.push({ host: master.host, ms: found.clockOffMs });
    }
    const [worst] = offsets.sort((a, b) => Math.abs(b.ms) - Math.abs(a.ms));
    if (worst === undefined) return skip("the master does not say what time it is");
    const seconds = Math.round(Math.abs(worst.ms) / 1000);
    if (Math.abs(worst.ms) <= CLOCK_TOLERANCE_MS) return ok(`within ${CLOCK_TOLERANCE_MS / 1000} s of the master's`);
    return fail(
      `the clock of this machine is ${seconds} s ${worst.ms > 0 ? "behind" : "ahead of"} that of ${worst.host}`,
      `Set both by NTP: at more than ${CLOCK_TOLERANCE_MS / 1000} s apart, certificates and tokens may be refused.`,
    );
  },
};

/** Mesos checks credentials before anything else. */
export const credentials: Check = {
  name: CREDENTIALS,
  needs: [MESOS, CREDENTIAL_FILES],
  run: async (examination, signal) => {
    const sent = (await (examination.principals?.probe ?? examination.authentication).header()) !== undefined;
    return eachMaster(
      examination,
      async (master) => refusal(master, await standingOf(master, examination, signal), sent, examination, signal),
      () => (sent ? "the master does not refuse them" : "the master wants none"),
    );
  },
};

async function refusal(
  master: URL,
  standing: Standing,
  sent: boolean,
  examination: Examination,
  signal: AbortSignal,
): Promise<Trouble | undefined> {
  if (standing.kind === "silent") return silentTrouble(standing.text, master, examination.machine.clock);
  if (standing.kind === "foreign") return foreignTrouble(master, standing.status, examination, signal);
  if (standing.kind !== "refuses" || standing.status === 503) return undefined;
  if (standing.status === 407) return { cause: standing.text, cure: "Connect to the masters without this proxy." };
  if (standing.status === 403)
    return { cause: standing.text, cure: "Ask whoever runs the master or what is before it to allow this." };
  return {
    cause: standing.text,
    cure: sent ? cureOf(examination) : "Give --principal and --secret-file, or --token-file.",
  };
}

function cureOf({ config: { tokenFile } }: Examination): string {
  if (tokenFile !== undefined)
    return `Put a token that the master accepts, and that has not expired, into ${tokenFile}.`;
  return "Check --principal and the secret in --secret-file against the master's --credentials.";
}

function agentTrouble({ host }: URL, version: string): Trouble {
  return {
    cause: `what answers at ${host} is Mesos ${version}, but not a master: it is the port of an agent`,
    cure: "Write the master's host and port in --master: masters have port 5050 by default, agents 5051.",
  };
}

async function foreignTrouble(
  master: URL,
  status: number,
  examination: Examination,
  signal: AbortSignal,
): Promise<Trouble> {
  const found = await versionOf(master, examination, signal);
  if (found.kind === "answer" && found.version !== undefined && status === 404) {
    return agentTrouble(master, found.version);
  }
  return {
    cause: `what answers at ${master.host} is not a Mesos master (HTTP ${status} to a scheduler's request)`,
    cure: "Correct host and port in --master: masters have port 5050 by default.",
  };
}

export const leader: Check = {
  name: LEADER,
  needs: [CREDENTIALS],
  run: async (examination, signal) => {
    const found = await Promise.all(examination.masters.map((master) => followed(master, examination, signal)));
    const leaders = found.filter((each) => each instanceof URL);
    const [first] = leaders;
    if (first === undefined) return found.find((each): each is Finding => !(each instanceof URL)) ?? skip("no master");
    examination.leader = first;
    const other = leaders.find(({ origin }) => origin !== first.origin);
    if (other && new Set(leaders.map(({ port, hostname }) => `${hostname}:${port}`)).size > 1) {
      return warn(
        `the masters in --master name different leaders: ${first.host} and ${other.host}`,
        "Name the masters of one cluster only; during an election, run it again.",
      );
    }
    return ok(`${first.host} leads`);
  },
};

/** The leader to which a master's redirects lead. */
async function followed(master: URL, examination: Examination, signal: AbortSignal): Promise<URL | Finding> {
  let [at, from]: [URL, URL | undefined] = [master, undefined];
  for (let i = 0; i <= MAX_REDIRECTS; i++) {
    const standing = await standingOf(at, examination, signal);
    if (standing.kind === "leads") return at;
    if (standing.kind !== "follows") return noLeader(at, from, standing);
    [at, from] = [standing.leader, at];
  }
  return fail(
    `${master.host} and others redirect in a circle: ${MAX_REDIRECTS} redirects and no leader`,
    "Check that all masters have the same --zk, and name the leader in --master.",
  );
}

function noLeader(at: URL, from: URL | undefined, standing: Exclude<Standing, { kind: "leads" | "follows" }>): Finding {
  if (standing.kind === "refuses" && standing.status === 503) {
    return fail(standing.text, "Start masters until a quorum runs, and check that they reach their ZooKeeper.");
  }
  const named = from === undefined ? "" : `${from.host} names ${at.host} as the leader, and `;
  const what = standing.kind === "foreign" ? `that is not a master (HTTP ${standing.status})` : standing.text;
  const cure = `Make ${at.host} reachable from this machine; masters announce what --hostname and --advertise_ip say.`;
  return fail(`${named}${what}`, cure);
}

/** Whether the master allows the roles of stored frameworks. */
export const roles: Check = {
  name: "roles",
  needs: [LEADER],
  applies: ({ records }) => records.length > 0,
  run: async (examination, signal) => {
    const { leader: at, records } = examination;
    const allowed = at === undefined ? "unknown" : await allowedRoles(at, examination, signal);
    if (allowed === "unknown") return skip("the master does not show its flags");
    if (allowed === undefined) return ok("the master allows all roles");
    const refused = records.flatMap(({ frameworkName, frameworkInfo }) =>
      rolesOf(frameworkInfo).flatMap((role) => (allowed.has(role) ? [] : [{ frameworkName, role }])),
    );
    const [first, ...more] = refused;
    if (first === undefined) return ok("the master allows those of the stored frameworks");
    const cause = `the master does not allow the role '${first.role}' of the framework '${first.frameworkName}'`;
    return warn(withOthers(cause, more.length), "Add the role to the masters' --roles, or change the framework.");
  },
};

/** The credentials of frameworks of their own. */
export const principals: Check = {
  name: "frameworks' principals",
  needs: [LEADER],
  applies: ({ config: { frameworkPrincipals } }) => frameworkPrincipals !== undefined,
  run: async (examination, signal) => {
    const { leader: at } = examination;
    const all = [...(examination.principals?.credentials ?? [])];
    if (at === undefined) return skip("no leader is known");
    const tried = await Promise.all(
      all.slice(0, MAX_PRINCIPALS).map(async ([name, authentication]) => {
        const standing = await askStanding(at, authentication, examination, signal);
        return { name, refused: standing.kind === "refuses" && standing.status === 401 };
      }),
    );
    const [first, ...more] = tried.filter(({ refused }) => refused);
    if (first === undefined) return ok(`the master refuses none of ${tried.length}`);
    const cure = "Check its secret in the file of --framework-principals against the master's --credentials.";
    return fail(withOthers(`the master does not accept the principal '${first.name}'`, more.length), cure);
  },
};
