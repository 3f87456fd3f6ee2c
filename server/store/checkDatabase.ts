import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";

/*
 * The format of LMDB's files, as its sources have it (data version 2): a page begins with its number (8 bytes), the
 * transaction that wrote it (8), padding (2), flags (2), and the ends of its node pointers (2) and free space (2), both
 * counted from the end of this head. A meta page holds a magic number and version, and for the list of free pages and for
 * the main tree a record with the root. The file may end before the "last page": what is free at its end is
 * never written. So only following the trees tells whether pages are missing.
 */
const HEAD_BYTES = 24;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const TREE_BYTES = 48;
const META_BYTES = HEAD_BYTES + 24 + 2 * TREE_BYTES + 24;
const NO_ROOT = 0xffff_ffff_ffff_ffffn;
const BRANCH = 1;
const LEAF = 2;
const BIG_DATA = 1;
const SUB_TREE = 2;
/** Set in a meta page whose transaction is not known to have come to the disk. */
const UNSYNCED = 0x1000;
/** A process that writes meanwhile changes what is read; then it is read anew. */
const MAX_ATTEMPTS = 5;

interface Meta {
  readonly pageBytes: number;
  readonly transaction: bigint;
  readonly synced: boolean;
  readonly bootId: bigint;
  /** Pages of the trees of free pages and of all databases. */
  readonly roots: readonly bigint[];
}

/**
 * Sees that all pages of an LMDB file are there. LMDB maps a file into memory and takes the process down when it
 * reaches for what has been cut off. Does not change the file; others may write to it meanwhile. @throws Error
 */
export function checkDatabase(path: string): void {
  const file = openSync(path, "r");
  try {
    // LMDB makes an empty file first.
    if (fstatSync(file).size > 0) check(file, path);
  } finally {
    closeSync(file);
  }
}

function check(file: number, path: string): void {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const metas = readMetas(file, path);
    const problem = problemOf(file, metas);
    if (problem === "") return;
    if (transactionOf(readMetas(file, path)) === transactionOf(metas)) throw damaged(path, problem);
  }
}

/** What is missing of the trees that LMDB will use; empty if nothing is. */
function problemOf(file: number, metas: readonly Meta[]): string {
  const [latest, ...older] = newestFirst(metas);
  if (!latest) return "it has no meta page";
  const problem = missingOf(file, latest);
  // After a crash of the machine LMDB goes back to what was surely written.
  const usesLatest = latest.synced || latest.bootId === bootId();
  if (problem === "" || usesLatest || older.every((meta) => missingOf(file, meta) !== "")) return problem;
  return "";
}

function missingOf(file: number, { roots, pageBytes }: Meta): string {
  const { size } = fstatSync(file);
  const seen = new Set<bigint>();
  const open = [...roots];
  const page = Buffer.alloc(pageBytes);
  for (let number = open.pop(); number !== undefined; number = open.pop()) {
    const missing = missingPage(number, 1n, pageBytes, size);
    if (missing !== "") return missing;
    if (seen.has(number)) return `page ${number} is in it twice`;
    seen.add(number);
    readSync(file, page, 0, pageBytes, Number(number) * pageBytes);
    const children = childrenOf(page, number);
    if (!children) return `page ${number} is not what it should be`;
    for (const { first, count } of children.data) {
      const missing = missingPage(first, count, pageBytes, size);
      if (missing !== "") return missing;
    }
    for (const child of children.pages) open.push(child);
  }
  return "";
}

function missingPage(first: bigint, count: bigint, pageBytes: number, size: number): string {
  const needed = (first + count) * BigInt(pageBytes);
  return needed <= BigInt(size) ? "" : `it has ${size} bytes and needs ${needed} or more`;
}

interface Children {
  readonly pages: bigint[];
  /** Runs of pages that hold large values. */
  readonly data: { first: bigint; count: bigint }[];
}

/** Undefined if this is not the page of that number, or no page of a tree. */
function childrenOf(page: Buffer, number: bigint): Children | undefined {
  const flags = page.readUInt16LE(18);
  const branch = (flags & BRANCH) !== 0;
  if (page.readBigUInt64LE(0) !== number || branch === ((flags & LEAF) !== 0)) return undefined;
  const children: Children = { pages: [], data: [] };
  const pointersEnd = HEAD_BYTES + page.readUInt16LE(20);
  try {
    for (let at = HEAD_BYTES; at < pointersEnd; at += 2) {
      const node = HEAD_BYTES + page.readUInt16LE(at);
      if (branch) children.pages.push(BigInt(page.readUIntLE(node, 6)));
      else readLeafNode(page, node, children);
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return children;
}

function readLeafNode(page: Buffer, node: number, { pages, data }: Children): void {
  const flags = page.readUInt16LE(node + 4);
  const value = node + 8 + page.readUInt16LE(node + 6);
  if (flags & SUB_TREE) {
    for (const root of rootOf(page, value)) pages.push(root);
  } else if (flags & BIG_DATA) {
    data.push({ first: page.readBigUInt64LE(value), count: page.readBigUInt64LE(value + 16) });
  }
}

/** The root in the record of a tree; none if the tree is empty. */
function rootOf(bytes: Buffer, tree: number): bigint[] {
  const root = bytes.readBigUInt64LE(tree + TREE_BYTES - 8);
  return root === NO_ROOT ? [] : [root];
}

/** All meta pages that were written: two, and one in the middle of the first for what has surely come to the disk. */
function readMetas(file: number, path: string): Meta[] {
  const first = readMeta(file, 0);
  if (!first) throw new Error(`${path} is not a database`);
  const last = readMeta(file, first.pageBytes);
  if (!last) throw damaged(path, "its second page is missing");
  const middle = readMeta(file, first.pageBytes / 2);
  return [first, last, ...(middle && middle.transaction > 0n ? [middle] : [])];
}

function readMeta(file: number, position: number): Meta | undefined {
  const bytes = Buffer.alloc(META_BYTES);
  if (readSync(file, bytes, 0, META_BYTES, position) < META_BYTES) return undefined;
  const version = bytes.readUInt32LE(HEAD_BYTES + 4) & 0xffff;
  if (bytes.readUInt32LE(HEAD_BYTES) !== MAGIC || version !== DATA_VERSION) return undefined;
  const trees = HEAD_BYTES + 24;
  const pageBytes = bytes.readUInt32LE(trees);
  if (pageBytes < 256 || pageBytes > 65_536) return undefined;
  const rest = trees + 2 * TREE_BYTES;
  return {
    pageBytes,
    transaction: bytes.readBigUInt64LE(rest + 8),
    bootId: bytes.readBigInt64LE(rest + 16),
    synced: (bytes.readUInt16LE(trees + 4) & UNSYNCED) === 0,
    roots: [...rootOf(bytes, trees), ...rootOf(bytes, trees + TREE_BYTES)],
  };
}

function newestFirst(metas: readonly Meta[]): Meta[] {
  return [...metas].sort((a, b) => (a.transaction > b.transaction ? -1 : 1));
}

/** The newest transaction. */
function transactionOf(metas: readonly Meta[]): bigint | undefined {
  return newestFirst(metas)[0]?.transaction;
}

/** This run of the machine, as LMDB knows it: the first part of Linux's id. Undefined elsewhere. */
function bootId(): bigint | undefined {
  try {
    const [hex = ""] = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").split("-");
    return BigInt(`0x${hex}`);
  } catch {
    return undefined;
  }
}

function damaged(path: string, problem: string): Error {
  return new Error(
    `${path} is damaged: ${problem}. Put a copy of it back; or move it away, and tell the bridge of each framework ` +
      "that Mesos has by 'mesos-bridge frameworks import'",
  );
}
