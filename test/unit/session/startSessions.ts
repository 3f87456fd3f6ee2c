import type { Log } from "../../../server/log.js";
import { ListDetector } from "../../../server/mesos/detect/detector.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import { linksWith } from "../../../server/mesos/link/link.js";
import type { FrameworkStore } from "../../../server/session/frameworkStore.js";
import { ObserverHub } from "../../../server/session/observerHub.js";
import { SessionManager } from "../../../server/session/sessionManager.js";
import { LogStore } from "../../../server/store/logStore.js";
import { type Clock, systemClock } from "../../../wire/clock.js";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import type { Cleanup } from "../../support/cleanup.js";

/**
 * Sessions at a master that takes everything, with offers that go back as soon as their client is away.
 *
 * @param storeOf what the sessions store in, by default the store itself
 * @param clock whose time counts, by default the system's
 */
export async function startSessions(
  cleanup: Cleanup,
  log: Log,
  storeOf: (store: LogStore) => FrameworkStore = (store) => store,
  clock: Clock = systemClock,
): Promise<{ master: AnsweringMaster; hub: ObserverHub; sessions: SessionManager }> {
  const master = cleanup.use(await AnsweringMaster.start());
  const store = storeOf(await LogStore.open(await cleanup.tempDir(), { log, clock }));
  cleanup.defer(() => store.close());
  const detector = new ListDetector({ kind: "list", urls: [master.fake.url] });
  const hub = new ObserverHub();
  const links = linksWith({ detector, authentication: noAuthentication, log, clock });
  const sessions = new SessionManager({ links, log, store, hub, clock, offerHoldMs: 1 });
  cleanup.defer(() => sessions.close());
  return { master, hub, sessions };
}
