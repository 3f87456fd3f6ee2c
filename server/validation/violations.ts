/** One thing that is wrong with a message. */
export interface FieldViolation {
  /** Where: a path in proto names from the request's root, such as "call.accept.operations[0].launch.task_infos[2].task_id.value". */
  readonly field: string;
  /** What is wrong, to be read after the field: "is required". */
  readonly description: string;
}

/** How many violations one validation reports at most; a last one then says that there are more. */
export const MAX_VIOLATIONS = 20;

/** No violations: shared, so that the good path allocates nothing. */
export const NO_VIOLATIONS: readonly FieldViolation[] = Object.freeze([]);
