import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";
import { portOf } from "../../mesos/link/openSocket.js";
import { type Check, ok, type Trouble } from "./check.js";
import { eachMaster, hostsOf } from "./eachMaster.js";
import type { Examination } from "./examination.js";
import { MASTER_TLS_FILES } from "./files.js";
import { versionOf } from "./masterAnswers.js";
import { LEADER_NODE } from "./zookeeper.js";

const CONNECT_MS = 3_000;
const LOOKUP_MS = 3_000;
const NO_ANSWER = "no answer from DNS";

export const MASTER_NAME = "master's name";
export const MASTER_PORT = "master's port";
export const MASTER_TLS = "TLS with the master";

export const masterName: Check = {
  name: MASTER_NAME,
  needs: [LEADER_NODE],
  run: (examination, signal) =>
    eachMaster(
      examination,
      (master) => unresolved(master, signal),
      (masters) => {
        const names = masters.filter(({ hostname }) => !isAddress(hostname));
        return names.length === 0 ? "an address, which needs no DNS" : `${hostsOf(names)} can be resolved`;
      },
    ),
};

async function unresolved({ hostname }: URL, signal: AbortSignal): Promise<Trouble | undefined> {
  if (isAddress(hostname)) return undefined;
  try {
    await Promise.race([lookup(hostname), aborted(AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_MS)]))]);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const cure =
      code === "EAI_AGAIN" || code === NO_ANSWER
        ? "Check the name in --master, and that the DNS server in /etc/resolv.conf answers."
        : "Correct the name in --master, or add it to DNS or /etc/hosts.";
    return { cause: `the name ${hostname} can't be resolved (${code})`, cure };
  }
}

/** The system's own lookup may take minutes, and can't be ended. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const error = Object.assign(new Error("no DNS server answers"), { code: NO_ANSWER });
    signal.addEventListener("abort", () => reject(error), { once: true });
  });
}

export const masterPort: Check = {
  name: MASTER_PORT,
  needs: [MASTER_NAME],
  run: (examination, signal) =>
    eachMaster(
      examination,
      (master) => unreachable(master, signal),
      (masters) => `${hostsOf(masters)} takes connections`,
    ),
};

function unreachable(master: URL, signal: AbortSignal): Promise<Trouble | undefined> {
  const { host, hostname } = master;
  return new Promise((resolve) => {
    const socket = connect({ host: bare(hostname), port: portOf(master) });
    const finish = (trouble?: Trouble) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", silent);
      socket.destroy();
      resolve(trouble);
    };
    const silent = () =>
      finish({
        cause: `${host} can't be reached: no connection within ${CONNECT_MS / 1000} s`,
        cure: "Check routes and firewalls from this machine to that port.",
      });
    const timer = setTimeout(silent, CONNECT_MS);
    signal.addEventListener("abort", silent, { once: true });
    socket.once("connect", () => finish());
    socket.on("error", (error: NodeJS.ErrnoException) => finish(unreachableTrouble(error, host)));
  });
}

function unreachableTrouble({ code, message }: NodeJS.ErrnoException, host: string): Trouble {
  if (code === "ECONNREFUSED") {
    return { cause: `nothing listens at ${host}`, cure: "Start the master, or correct host and port in --master." };
  }
  return {
    cause: `${host} can't be reached: ${message}`,
    cure: "Check routes and firewalls from this machine to that port.",
  };
}

/** The handshake, and an answer over it: a server refuses a client certificate only after the handshake. */
export const masterTls: Check = {
  name: MASTER_TLS,
  needs: [MASTER_PORT, MASTER_TLS_FILES],
  applies: ({ config: { master, masterScheme } }) =>
    master.kind === "zookeeper" ? masterScheme === "https" : master.urls.some(isHttps),
  run: async (examination, signal) => {
    const hosts = examination.masters.filter(isHttps);
    if (hosts.length === 0) return ok("no master with https is left to examine");
    return eachMaster(
      examination,
      (master) => tlsTrouble(master, examination, signal),
      () => `${hostsOf(hosts)} shows a certificate that is trusted`,
    );
  },
};

async function tlsTrouble(master: URL, examination: Examination, signal: AbortSignal): Promise<Trouble | undefined> {
  if (!isHttps(master)) return undefined;
  const answer = await versionOf(master, examination, signal);
  if (answer.kind !== "silent" || !answer.byTls) return undefined;
  return tlsTroubleOf(answer.text);
}

function tlsTroubleOf(text: string): Trouble {
  if (/not trusted/.test(text)) {
    return {
      cause: text.replace(/; give its certificate with --master-ca/, ""),
      cure: "Give the certificate of its authority with --master-ca.",
    };
  }
  if (/has expired/.test(text) && /^the certificate of/.test(text)) {
    return { cause: text, cure: "Renew the master's certificate; if it is not old, set this machine's clock." };
  }
  if (/not valid yet/.test(text)) {
    return { cause: text, cure: "Set the clock of this machine, or of the one that made the certificate." };
  }
  if (/another name/.test(text)) {
    return {
      cause: text,
      cure: "Write the name that the certificate has in --master, or give the master a certificate for this one.",
    };
  }
  if (/plain HTTP/.test(text)) {
    return {
      cause: text.replace(/; if it speaks plain HTTP, write http:\/\//, ""),
      cure: "If this master speaks plain HTTP, write http:// in --master (or --master-scheme http).",
    };
  }
  if (/client certificate/.test(text)) {
    return {
      cause: text.replace(/: give one with --master-cert and --master-key/, ""),
      cure: "Give a certificate that the master accepts with --master-cert and --master-key.",
    };
  }
  return {
    cause: text,
    cure: "Check the master's LIBPROCESS_SSL settings, and --master-ca, --master-cert and --master-key.",
  };
}

const isHttps = ({ protocol }: URL) => protocol === "https:";
const bare = (hostname: string) => hostname.replace(/^\[|\]$/g, "");
const isAddress = (hostname: string) => isIP(bare(hostname)) !== 0;
