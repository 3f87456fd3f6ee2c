import type { Clock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import {
  type Authentication,
  basicAuthentication,
  bearerAuthentication,
  noAuthentication,
} from "../mesos/link/authentication.js";
import type { ServeConfig } from "./serveConfig.js";

/** How the bridge authenticates to Mesos. @throws Error with one line that names the option if a file can't be used */
export async function authenticationOf(
  config: Pick<ServeConfig, "principal" | "secretFile" | "tokenFile">,
  clock: Clock,
): Promise<Authentication> {
  const { principal, secretFile, tokenFile } = config;
  if (principal !== undefined && secretFile !== undefined)
    return checked(basicAuthentication(principal, secretFile, clock), "--secret-file");
  if (tokenFile !== undefined) return checked(bearerAuthentication(tokenFile, clock), "--token-file");
  return noAuthentication;
}

/** Reads the credentials once, so that a wrong path is reported at the start. */
async function checked(authentication: Authentication, flag: string): Promise<Authentication> {
  try {
    await authentication.header();
  } catch (error) {
    throw new Error(`${flag}: ${errorText(error)}`);
  }
  return authentication;
}
