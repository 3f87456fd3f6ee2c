import { randomBytes } from "node:crypto";
import { ExecutorInfo, ExecutorInfo_Type, type Offer, type Resource } from "../../../gen/mesos/v1/mesos.js";
import type { Ledger } from "./ledger.js";

/** How agents start an executor. */
export interface ExecutorProgram {
  archiveUrl: string;
  /** A shell command, in the folder into which the archive was unpacked. */
  command: string;
}

/**
 * The executors of the batch, one an agent: the first task there starts it, and later ones use it, for which Mesos
 * wants the very same ExecutorInfo. So that is kept in the ledger.
 */
export class Executors {
  readonly #ledger: Ledger;
  readonly #program: ExecutorProgram;
  readonly #isBusy: (agentId: string, executorId: string) => boolean;

  /** @param isBusy  whether tasks that have not ended were given to that executor */
  constructor(ledger: Ledger, program: ExecutorProgram, isBusy: (agentId: string, executorId: string) => boolean) {
    this.#ledger = ledger;
    this.#program = program;
    this.#isBusy = isBusy;
  }

  /** True when the offer's agent has an executor: Mesos names those that live, and one that starts has tasks. */
  canReuse(offer: Offer): boolean {
    const agentId = offer.agentId?.value ?? "";
    const executor = this.#ledger.executors.get(agentId);
    if (executor === undefined) return false;
    return (
      offer.executorIds.some(({ value }) => value === executor.executorId) || this.#isBusy(agentId, executor.executorId)
    );
  }

  /** The executor for tasks on the agent: a new one when `resources` are given for it. */
  forLaunch(agentId: string, resources: Resource[] | undefined): ExecutorInfo {
    const known = this.#ledger.executors.get(agentId);
    if (resources === undefined && known !== undefined) return ExecutorInfo.decode(Buffer.from(known.info, "base64"));
    const info = this.#create(resources ?? []);
    const executorId = info.executorId?.value ?? "";
    const bytes = Buffer.from(ExecutorInfo.encode(info).finish());
    this.#ledger.saveExecutor({ agentId, executorId, info: bytes.toString("base64") });
    return info;
  }

  /** The agent's executor has ended: the next task there starts another one, under another id. */
  forget(agentId: string, executorId?: string): void {
    const known = this.#ledger.executors.get(agentId);
    if (known !== undefined && (executorId === undefined || known.executorId === executorId)) {
      this.#ledger.forgetExecutor(agentId);
    }
  }

  #create(resources: Resource[]): ExecutorInfo {
    return ExecutorInfo.fromPartial({
      type: ExecutorInfo_Type.CUSTOM,
      executorId: { value: `inverter-${randomBytes(4).toString("hex")}` },
      name: "image inverter",
      resources,
      command: {
        shell: true,
        value: this.#program.command,
        uris: [{ value: this.#program.archiveUrl, extract: true }],
      },
    });
  }
}
