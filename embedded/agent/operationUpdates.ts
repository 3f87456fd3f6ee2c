import {
  type Offer_Operation,
  Operation,
  OperationState,
  OperationStatus,
  Offer_Operation_Type as Type,
} from "../../gen/mesos/v1/mesos.js";
import { uuidBytes } from "../../wire/uuid.js";
import { conversionsOf } from "../resources/operations.js";
import type { AgentState } from "./state.js";
import { createVolume, destroyVolume } from "./volumes.js";

interface Pending {
  readonly frameworkId: string;
  readonly uuid: string;
  readonly status: OperationStatus;
  cancelRetry: () => void;
}

/** Carries out reservation and volume operations, and reports those with an id until they are acknowledged. */
export class OperationUpdates {
  readonly #state: AgentState;
  readonly #pending = new Map<string, Pending>();
  #paused = true;

  constructor(state: AgentState) {
    this.#state = state;
  }

  /** Takes up one of an earlier run that waits for its acknowledgement. */
  restore(uuid: string, operation: Operation): void {
    this.#state.operations.set(uuid, operation);
    const { frameworkId, latestStatus } = operation;
    if (!latestStatus) return;
    const pending = { frameworkId: frameworkId?.value ?? "", uuid, status: latestStatus, cancelRetry: () => {} };
    this.#pending.set(uuid, pending);
  }

  apply(frameworkId: string, uuid: string, info: Offer_Operation): void {
    for (const { consumed, produced } of conversionsOf(info)) {
      const [freed, made] = [consumed.allocatedTo(undefined), produced.allocatedTo(undefined)];
      this.#state.total = this.#state.total.minus(freed).plus(made);
    }
    this.#changeVolumes(info);
    if (!info.id) return this.#state.save();
    const status = OperationStatus.create({
      operationId: info.id,
      state: OperationState.OPERATION_FINISHED,
      uuid: { value: uuidBytes() },
      agentId: { value: this.#state.id ?? "" },
    });
    const operation = Operation.create({
      frameworkId: { value: frameworkId },
      agentId: { value: this.#state.id ?? "" },
      latestStatus: status,
      uuid: { value: uuidBytes(uuid) },
    });
    operation.info = info;
    this.#state.operations.set(uuid, operation);
    this.#state.save();
    const pending = { frameworkId, uuid, status, cancelRetry: () => {} };
    this.#pending.set(uuid, pending);
    this.#send(pending, this.#state.flags.duration("status_update_retry_interval_min"));
  }

  acknowledge(uuid: string, statusUuid: Buffer): void {
    const pending = this.#pending.get(uuid);
    if (!pending?.status.uuid?.value?.equals(statusUuid)) return;
    pending.cancelRetry();
    this.#pending.delete(uuid);
    this.#state.operations.delete(uuid);
    this.#state.save();
    this.#state.endDrainIfEmpty();
  }

  /** Nobody will acknowledge anything: the agent that it was is no more. */
  forget(): void {
    this.pause();
    this.#pending.clear();
    this.#state.operations.clear();
  }

  pause(): void {
    this.#paused = true;
    for (const pending of this.#pending.values()) pending.cancelRetry();
  }

  resume(): void {
    this.#paused = false;
    for (const pending of this.#pending.values()) {
      this.#send(pending, this.#state.flags.duration("status_update_retry_interval_min"));
    }
  }

  #send(pending: Pending, delayMs: number): void {
    pending.cancelRetry();
    if (this.#paused) return;
    const { frameworkId, uuid, status } = pending;
    this.#state.toMaster((master, agentId) =>
      master.operationUpdate(agentId, { frameworkId, operationUuid: uuid, status, latestStatus: status }),
    );
    const next = Math.min(delayMs * 2, this.#state.flags.duration("status_update_retry_interval_max"));
    pending.cancelRetry = this.#state.clock.setTimeout(() => this.#send(pending, next), delayMs);
  }

  #changeVolumes(info: Offer_Operation): void {
    const { workDir, log } = this.#state;
    try {
      for (const volume of info.type === Type.CREATE ? (info.create?.volumes ?? []) : []) createVolume(workDir, volume);
      for (const volume of info.type === Type.DESTROY ? (info.destroy?.volumes ?? []) : [])
        destroyVolume(workDir, volume);
    } catch (error) {
      log(`a volume could not be made or removed: ${error instanceof Error ? error.message : error}`);
    }
  }
}
