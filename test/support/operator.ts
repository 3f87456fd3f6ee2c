import { Call, type Response, Response as ResponseType } from "../../gen/mesos/v1/master/master.js";
import type { QuotaConfig } from "../../gen/mesos/v1/quota/quota.js";
import { type Codec, json, type MessageClass } from "./codec.js";
import { getJson, type RawAnswer, send } from "./http.js";

export type PartialOperatorCall = Parameters<typeof Call.fromPartial>[0];
type Amounts = Record<string, number>;

const callType = Call as MessageClass<Call>;
const responseType = ResponseType as MessageClass<Response>;

/** A role as `/roles` shows it. */
export interface RoleModel {
  name: string;
  weight: number;
  quota: { role: string; guarantee: Amounts; limit: Amounts; consumed: Amounts };
  resources: Amounts;
  allocated: Amounts;
  offered: Amounts;
  reserved: Amounts;
  frameworks: string[];
}

/** Sends a call to the operator API as JSON, just as it is written. */
export async function operate(master: string, call: object): Promise<RawAnswer> {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return send(`${master}/api/v1`, { headers, body: JSON.stringify(call) });
}

/** Asks the operator API for something. */
export async function ask(master: string, call: PartialOperatorCall, codec: Codec = json): Promise<Response> {
  const headers = { "Content-Type": codec.mediaType, Accept: "application/json" };
  const body = codec.encode(callType, Call.fromPartial(call));
  const { status, text } = await send(`${master}/api/v1`, { headers, body });
  if (status !== 200) throw new Error(`operator API: ${status} ${text}`);
  return json.decode(responseType, Buffer.from(text));
}

const scalars = (amounts: Amounts = {}) =>
  Object.fromEntries(Object.entries(amounts).map(([name, value]) => [name, { value }]));

/** A quota as UPDATE_QUOTA takes it. */
export function quota(role: string, { guarantees, limits }: { guarantees?: Amounts; limits?: Amounts } = {}) {
  return { role, guarantees: scalars(guarantees), limits: scalars(limits) } satisfies Partial<QuotaConfig>;
}

export function updateQuota(master: string, configs: readonly object[], force = false): Promise<RawAnswer> {
  return operate(master, { type: "UPDATE_QUOTA", update_quota: { force, quota_configs: configs } });
}

/** Takes the quotas of all roles away. */
export async function removeQuotas(master: string): Promise<void> {
  const { configs = [] } = (await getJson(`${master}/quota`)) as { configs?: { role: string }[] };
  for (const { role } of configs) await send(`${master}/quota/${role}`, { method: "DELETE" });
}

/** The roles that `/roles` shows, by name; of the real Mesos without that of the framework that keeps it alive. */
export async function rolesOf(master: string, path = "/roles"): Promise<Record<string, RoleModel>> {
  const { roles } = (await getJson(`${master}${path}`)) as { roles: RoleModel[] };
  return Object.fromEntries(roles.filter(({ name }) => name !== "keeper").map((role) => [role.name, role]));
}
