import { z } from "zod";
import type { Authentication } from "../../mesos/link/authentication.js";
import { connectErrorText } from "../../mesos/link/connectError.js";
import { isLeaderAnswer, SCHEDULER_PATH } from "../../mesos/link/masterProbe.js";
import { getFromMaster, type MasterAnswer } from "../../mesos/link/masterRequest.js";
import { connectWith } from "../../mesos/link/openSocket.js";
import { leaderOf } from "../../mesos/link/redirection.js";
import { rejectionText } from "../../mesos/link/rejectionText.js";
import type { TlsError } from "../../mesos/tls/tlsErrorText.js";
import type { Silence, Standing, VersionAnswer } from "./answers.js";
import type { Examination } from "./examination.js";

const versionSchema = z.looseObject({ version: z.string().regex(/^\d{1,4}(\.\d{1,6}){1,3}[\w.+-]{0,40}$/) });
const flagsSchema = z.looseObject({ flags: z.looseObject({ roles: z.string().optional() }) });
const ANSWER_MS = 3_000;
const AGENT_HEALTH = "/slave(1)/health";
const MASTER_HEALTH = "/master/health";

/** Asks once; the answer is kept. */
export function versionOf(master: URL, examination: Examination, signal: AbortSignal): Promise<VersionAnswer> {
  return once(examination.versions, master, () => askVersion(master, examination, signal));
}

/**
 * Whether an agent answers, and no master beside it. An agent answers a GET of what schedulers POST to as the leading
 * master does, because its own API has the beginning of that path.
 */
export async function isAgent(master: URL, examination: Examination, signal: AbortSignal): Promise<boolean> {
  const is200 = async (path: string) => {
    const answer = await get(master, path, undefined, examination, signal);
    return !("kind" in answer) && answer.status === 200;
  };
  return (await is200(AGENT_HEALTH)) && !(await is200(MASTER_HEALTH));
}

/**
 * The roles that a master allows to frameworks, by its flags, which it shows to anybody unless it is told not to.
 *
 * @returns undefined if it allows all; "unknown" if it does not show its flags
 */
export async function allowedRoles(
  master: URL,
  examination: Examination,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | "unknown" | undefined> {
  const answer = await get(master, "/flags", undefined, examination, signal);
  if ("kind" in answer || answer.status !== 200) return "unknown";
  const parsed = flagsSchema.safeParse(jsonIn(answer));
  if (!parsed.success) return "unknown";
  const { roles } = parsed.data.flags;
  return roles === undefined ? undefined : new Set(["*", ...roles.split(",").map((role) => role.trim())]);
}

/** Asks once with the bridge's own credentials; the answer is kept. */
export function standingOf(master: URL, examination: Examination, signal: AbortSignal): Promise<Standing> {
  const { authentication, principals } = examination;
  const credentials = principals?.probe ?? authentication;
  return once(examination.standings, master, () => askStanding(master, credentials, examination, signal));
}

/** Asks with some credentials what a master is. */
export async function askStanding(
  master: URL,
  authentication: Authentication,
  examination: Examination,
  signal: AbortSignal,
): Promise<Standing> {
  const authorization = await authentication.header();
  const answer = await get(master, SCHEDULER_PATH, authorization, examination, signal);
  if ("kind" in answer) return answer;
  if (isLeaderAnswer(answer)) return { kind: "leads" };
  const { status } = answer;
  const leader = status === 307 ? leaderOf(answer.location, master) : undefined;
  if (leader) return { kind: "follows", leader };
  if (![401, 403, 407, 503].includes(status)) return { kind: "foreign", status };
  const text = rejectionText(answer, authorization !== undefined, authentication.secrets);
  return { kind: "refuses", status, text: `${master.host}: ${text}` };
}

async function askVersion(master: URL, examination: Examination, signal: AbortSignal): Promise<VersionAnswer> {
  const { clock } = examination.machine;
  const before = clock.wallTime();
  const answer = await get(master, "/version", undefined, examination, signal);
  if ("kind" in answer) return answer;
  const middle = (before + clock.wallTime()) / 2;
  const dateMs = answer.date === undefined ? Number.NaN : Date.parse(answer.date);
  // The header leaves out fractions of a second.
  const clockOffMs = Number.isNaN(dateMs) ? undefined : dateMs + 500 - middle;
  return { kind: "answer", answer, version: versionIn(answer), clockOffMs };
}

function versionIn(answer: MasterAnswer): string | undefined {
  const parsed = answer.status === 200 ? versionSchema.safeParse(jsonIn(answer)) : undefined;
  return parsed?.data?.version;
}

function jsonIn({ body }: MasterAnswer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

async function get(
  master: URL,
  path: string,
  authorization: string | undefined,
  { masterTls, machine: { clock } }: Examination,
  signal: AbortSignal,
): Promise<MasterAnswer | Silence> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    return await getFromMaster(master, path, authorization, { connect: connectWith(masterTls), clock }, inTime);
  } catch (error) {
    const { meaning } = error as TlsError;
    if (inTime.aborted) return silence(`${master.host} took the connection and does not answer`, false);
    return silence(connectErrorText(error as TlsError, master, false), meaning !== undefined);
  }
}

const silence = (text: string, byTls: boolean): Silence => ({ kind: "silent", text, byTls });

function once<T>(kept: Map<string, Promise<T>>, { origin }: URL, ask: () => Promise<T>): Promise<T> {
  const known = kept.get(origin) ?? ask();
  kept.set(origin, known);
  return known;
}
