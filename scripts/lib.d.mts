/** What tests use of lib.mjs. */
export declare function withLock<T>(name: string, work: () => Promise<T>): Promise<T>;
