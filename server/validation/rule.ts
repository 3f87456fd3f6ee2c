/**
 * What a rule beyond the descriptors looks like. Rules are data: `messageTable` looks
 * them up once for each message type, and the walk runs only what it finds there.
 *
 * The same type means different things in different places (a TaskInfo of a LAUNCH needs
 * a command or an executor, one of a LAUNCH_GROUP does not), so a rule may hold only
 * `within` a context. A context is given to a field's messages by a `ContextRule`, and
 * ends there: what lies deeper gets one of its own or none.
 */

/** Says what is wrong with bytes `start` to `end` of `buffer`; undefined if nothing is. Must not throw. */
export type BytesCheck = (buffer: Uint8Array, start: number, end: number) => string | undefined;

/** Tells elements apart: bytes `start` to `end` of `buffer` are one of a repeated field. */
export type ElementTest = (buffer: Uint8Array, start: number, end: number) => boolean;

/** Says what is wrong with a number, or with the number of elements; undefined if nothing is. Must not throw. */
export type NumberCheck = (value: number) => string | undefined;

/** Messages of `field` are in context `gives`. */
export interface ContextRule {
  /** Type and field, as in "mesos.v1.TaskInfo.task_id". */
  readonly field: string;
  /** The context that the type itself has to be in. Default: any. */
  readonly within?: string;
  readonly gives: string;
}

/** A rule about one field. */
export interface FieldRule {
  readonly field: string;
  readonly within?: string;
  /** Checks a string or bytes field, or each element of a repeated one. */
  readonly bytes?: BytesCheck;
  /** Checks the value of a singular number field. 64-bit values may be rounded; their sign is right. */
  readonly number?: NumberCheck;
  /** Adds the number to a sum, if the check of `number` finds nothing wrong with it. Default: false. */
  readonly summed?: boolean;
  /** Checks how many elements a repeated field has, none included. */
  readonly count?: NumberCheck;
  /** True: missing is wrong, as with proto2's `required`. False: missing is fine although proto2 requires it. */
  readonly required?: boolean;
}

/** A rule about several fields of one message. */
export interface MessageRule {
  readonly type: string;
  readonly within?: string;
  /** Called once with a way to name fields, gives the check that runs on each message. */
  readonly check: (slot: (fieldName: string) => number) => (message: MessageView) => void;
}

export interface RuleSet {
  readonly contexts: readonly ContextRule[];
  readonly fields: readonly FieldRule[];
  readonly messages: readonly MessageRule[];
}

/** The message that a `MessageRule` looks at. Fields are named by their slots. Valid only during the check. */
export interface MessageView {
  /** Whether a singular field is present. An enum number that Mesos does not know does not count. */
  has(slot: number): boolean;
  /** Number of elements of a repeated field. */
  count(slot: number): number;
  /** The number of a singular enum field; undefined if it is absent. */
  enumNumber(slot: number): number | undefined;
  /** Whether a singular enum field is there, but with a number that Mesos does not know. */
  hasUnknownEnum(slot: number): boolean;
  /** The bytes of a singular string, bytes or message field; undefined if it is absent. */
  bytes(slot: number): Uint8Array | undefined;
  /** The first element of a repeated string, bytes or message field that passes the test. */
  find(slot: number, test: ElementTest): Uint8Array | undefined;
  /** The sum of all `summed` numbers since it was taken last, or since the walk began; those below this message are in it. */
  takeSum(): number;
  /** Reports a violation at a field of the message, or, without a slot, at the message itself. */
  report(slot: number | undefined, description: string): void;
}
