import { systemClock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import { openAccess } from "./access.js";
import { allowedAddresses } from "./listening.js";
import { authenticationOf } from "./masterAuthentication.js";
import { openMasterTls, openZookeeperTls } from "./mesosTls.js";
import { Opened } from "./opened.js";
import { openPrincipals } from "./principals.js";
import { openAdmission } from "./serve.js";
import type { ServeConfig } from "./serveConfig.js";

const ignore = () => {};

/**
 * Reads the files that options name, as `serve` does at its start, and looks at the addresses. Changes nothing, and
 * connects to nobody but the resolver of host names.
 *
 * @param warn told what does not keep the bridge from starting
 * @returns what would: each is one line that names the option as a flag
 */
export async function fileProblems(config: ServeConfig, warn: (text: string) => void): Promise<string[]> {
  const say = (_: object, message: string) => warn(message);
  const log = { level: "warn", debug: ignore, info: ignore, warn: say, error: say, child: () => log };
  // Keys at a URL are fetched all the time: that nobody answers now does not keep the bridge from starting.
  const quiet = { ...log, warn: ignore, error: ignore };
  const isUrl = config.jwks !== undefined && /^https?:/i.test(config.jwks);
  const problems = await Promise.all([
    problemOf(async (opened) => {
      const access = await openAccess({ ...config, auditLog: undefined }, systemClock, isUrl ? quiet : log, opened);
      await allowedAddresses(config, access.protection);
    }),
    problemOf(async (opened) => opened.add(await openMasterTls(config, log, systemClock))),
    problemOf(async (opened) => opened.add(await openZookeeperTls(config, log, systemClock))),
    problemOf(async (opened) => {
      const authentication = await authenticationOf(config, systemClock);
      opened.add(await openPrincipals(config.frameworkPrincipals, authentication, log, systemClock));
    }),
    problemOf((opened) => openAdmission(config, { log, clock: systemClock, audit: undefined }, opened)),
  ]);
  return problems.filter((problem) => problem !== undefined);
}

async function problemOf(check: (opened: Opened) => Promise<unknown>): Promise<string | undefined> {
  const opened = new Opened();
  try {
    await check(opened);
    return undefined;
  } catch (error) {
    return errorText(error);
  } finally {
    await opened.close();
  }
}
