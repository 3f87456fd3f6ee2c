/** What tests use of lib.mjs. */
export declare function withLock<T>(name: string, work: () => Promise<T>): Promise<T>;
export declare function filesUnder(folder: string, keep?: (name: string) => boolean): string[];
