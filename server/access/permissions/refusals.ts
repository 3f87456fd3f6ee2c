import { BridgeError } from "../../session/errors.js";
import type { LimitName, Service, Verb } from "./rule.js";

const ADVICE = "ask the bridge's operator for a rule that allows it";

/** The caller may not do that with the framework: the same whether there is such a framework or not. */
export function notAllowed(caller: string, verb: Verb, frameworkName: string): BridgeError {
  return denied(`${caller} has no permission to ${verb} framework '${frameworkName}'`, {
    verb,
    framework_name: frameworkName,
  });
}

export function nothingAllowed(caller: string, verb: Verb): BridgeError {
  return denied(`${caller} has no permission to ${verb} any framework`, { verb });
}

/** What is asked for concerns all frameworks. */
export function notEverywhere(caller: string, verb: Verb): BridgeError {
  const text = `${caller} has no permission to ${verb} all frameworks (frameworks = ["*"])`;
  return denied(text, { verb });
}

export function serviceNotAllowed(caller: string, service: Service): BridgeError {
  return denied(`${caller} has no permission to use ${service}`, { verb: service });
}

/** What of a framework or a call is not allowed. */
export type Used = "role" | "user" | "principal";

const USES: Record<Used, (name: string) => string> = {
  role: (name) => `use the role '${name}'`,
  user: (name) => `run tasks as the user '${name}'`,
  principal: (name) => `name the principal '${name}'`,
};

export function useNotAllowed(caller: string, used: Used, name: string, frameworkName: string): BridgeError {
  const text = `${caller} has no permission to ${USES[used](name)} with framework '${frameworkName}'`;
  return denied(text, { framework_name: frameworkName, [used]: name });
}

/** A stream ends because the permissions are others now. */
export function withdrawn(cause: BridgeError): BridgeError {
  const { message, metadata } = cause;
  return new BridgeError("PERMISSION_DENIED", `the permissions have changed: ${message}`, {
    metadata: { ...metadata },
  });
}

function denied(text: string, metadata: Record<string, string>): BridgeError {
  return new BridgeError("PERMISSION_DENIED", `${text}: ${ADVICE}`, { metadata });
}

/** The caller has as much as it may have. @param has what that is, such as "3 frameworks" */
export function identityLimit(caller: string, limit: LimitName, has: string, advice: string): BridgeError {
  const text = `${caller} has ${has}, which is its limit (${limit} in the bridge's permissions)`;
  return new BridgeError("IDENTITY_LIMIT", `${text}: ${advice}`, { metadata: { limit } });
}
