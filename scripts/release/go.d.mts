export declare function buildGo(options: { output: string; version: string }): Promise<void>;
