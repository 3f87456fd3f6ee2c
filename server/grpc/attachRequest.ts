import { Duration } from "../../gen/google/protobuf/duration.js";
import { ResumeFields, SubscribeRequestFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { ExpiryPolicy as ExpiryPolicyCode, SubscribeMode } from "../../gen/mesosbridge/v1/scheduler.js";
import type { Resume } from "../session/attachments.js";
import type { AttachRequest } from "../session/attachRequest.js";
import { invalidField } from "../session/errors.js";
import type { ExpiryPolicy } from "../session/frameworkStore.js";
import { checkFrameworkName } from "./callHeader.js";
import { decodeRequest } from "./decodeRequest.js";
import { RequestFields } from "./requestFields.js";

const REQUEST = SubscribeRequestFields;
const MAX_KEPT_BYTES = 2 * 1024 * 1024;

/** Reads a `SubscribeRequest`. @throws BridgeError INVALID_FIELD, WireError */
export function readAttachRequest(bytes: Uint8Array, identity: string, peer: string): AttachRequest {
  const request = new RequestFields(bytes);
  const frameworkName = request.string(REQUEST.frameworkName);
  checkFrameworkName(frameworkName, "framework_name");
  return {
    identity,
    peer,
    frameworkName,
    frameworkInfo: bounded(request.message(REQUEST.frameworkInfo), "framework_info"),
    resume: readResume(request.message(REQUEST.resume)),
    leaseMs: readLease(request.message(REQUEST.lease)),
    expiryPolicy: readPolicy(request.varint(REQUEST.expiryPolicy)),
    suppressedRoles: request.strings(REQUEST.suppressedRoles),
    offerConstraints: bounded(request.message(REQUEST.offerConstraints), "offer_constraints") ?? new Uint8Array(0),
    replaceRemoved: request.varint(REQUEST.replaceRemoved) !== 0,
    standby: readStandby(request.varint(REQUEST.mode)),
  };
}

/** @throws BridgeError INVALID_FIELD for what is too large to be kept for as long as the framework is */
function bounded(message: Uint8Array | undefined, field: string): Uint8Array | undefined {
  if (message === undefined || message.length <= MAX_KEPT_BYTES) return message;
  throw invalidField(field, `must be at most ${MAX_KEPT_BYTES / 1024 / 1024} MiB`);
}

function readResume(bytes: Uint8Array | undefined): Resume | undefined {
  if (!bytes) return undefined;
  const resume = new RequestFields(bytes);
  return {
    attachmentId: resume.string(ResumeFields.attachmentId),
    afterSequence: resume.varint(ResumeFields.afterSequence),
  };
}

function readLease(bytes: Uint8Array | undefined): number | undefined {
  if (!bytes) return undefined;
  const { seconds, nanos } = decodeRequest(Duration, bytes);
  const ms = Number(seconds) * 1000 + nanos / 1e6;
  if (ms < 0) throw invalidField("lease", "must not be negative");
  return ms;
}

function readStandby(code: number): boolean {
  if (code > SubscribeMode.SUBSCRIBE_MODE_STANDBY) throw invalidField("mode", `${code} is not known`);
  return code === SubscribeMode.SUBSCRIBE_MODE_STANDBY;
}

function readPolicy(code: number): ExpiryPolicy {
  if (code === ExpiryPolicyCode.EXPIRY_POLICY_TEARDOWN) return "teardown";
  if (code > ExpiryPolicyCode.EXPIRY_POLICY_TEARDOWN) throw invalidField("expiry_policy", `${code} is not known`);
  return "disconnect";
}
