/**
 * `identity.json` of a node's directory: whose it is, in which life, and below which level of the cluster no release may start on it any more.
 *
 * Releases before levels know nothing of them, but compare the cluster with their own and refuse a directory of another one. So a sealed directory
 * names a cluster that no release of that time can be, in words that say what to do; the cluster's real id stands in `cluster`.
 */
import { join } from 'node:path';
import { messageOf } from '../kernel/errors';
import type { Incarnation, NodeId } from '../kernel/ids';
import { firstLevel, goingBackTrouble, release, releaseOfLevel } from '../kernel/release';
import { replaceFile, type SmallFiles, systemFiles } from '../kernel/small-files';
import { StartError } from './data-directory';

export type NodeIdentity = {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly clusterId: string;
  /** Releases below this level refuse the directory. */
  readonly level: number;
  /** That sealed it. */
  readonly release: string;
};

type IdentityFile = {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly clusterId: string;
  readonly cluster?: string;
  readonly level?: number;
  readonly release?: string;
};

export class DamagedIdentity extends StartError {}

export function identityFile(nodeDirectory: string): string {
  return join(nodeDirectory, 'identity.json');
}

/** @throws StartError with what to do: damaged, or used by a release that this one is too old for. */
export function readIdentity(nodeDirectory: string, files: SmallFiles = systemFiles): NodeIdentity {
  const file = identityFile(nodeDirectory);
  let content: IdentityFile;
  try {
    const text = files.readText(file);
    if (text === null) throw new Error(`ENOENT: no such file or directory, open '${file}'`);
    content = JSON.parse(text) as IdentityFile;
    const texts = [content.nodeId, content.incarnation, content.cluster ?? content.clusterId];
    if (texts.some((text) => typeof text !== 'string')) throw new Error('fields are missing');
    if (content.level !== undefined && !Number.isInteger(content.level)) throw new Error('level is not a whole number');
  } catch (error) {
    throw new DamagedIdentity(
      `${file} is damaged (${messageOf(error)}). Move the directory ${nodeDirectory} away and start again: the node then joins as a new member and copies its data from the primary.`,
    );
  }
  const level = content.level ?? firstLevel;
  const identity: NodeIdentity = {
    nodeId: content.nodeId,
    incarnation: content.incarnation,
    clusterId: content.cluster ?? content.clusterId,
    level,
    release: content.release ?? releaseOfLevel(level),
  };
  const trouble = goingBackTrouble(`The node directory ${nodeDirectory}`, identity);
  if (trouble !== null) throw new StartError(trouble);
  return identity;
}

/** Also of a file that nothing else can be read from; a level that this release is too old for is refused all the same. */
export function levelOf(nodeDirectory: string): number {
  try {
    return readIdentity(nodeDirectory).level;
  } catch (error) {
    if (error instanceof DamagedIdentity) return firstLevel;
    throw error;
  }
}

/** Durable when it returns: the file, and its name in the directory. */
export function writeIdentity(
  nodeDirectory: string,
  identity: Omit<NodeIdentity, 'release'>,
  files: SmallFiles = systemFiles,
): void {
  const { nodeId, incarnation, clusterId, level } = identity;
  const content: IdentityFile =
    level <= firstLevel
      ? { nodeId, incarnation, clusterId }
      : {
          nodeId,
          incarnation,
          clusterId: `${clusterId} [used by RustyDB ${release}: start that release or a newer one, and move nothing away]`,
          cluster: clusterId,
          level,
          release,
        };
  replaceFile(files, identityFile(nodeDirectory), JSON.stringify(content));
}

/** From now on releases below `level` refuse this directory. Durable when it returns; sealed as far already: nothing is written. */
export function sealIdentity(nodeDirectory: string, level: number, files: SmallFiles = systemFiles): void {
  const identity = readIdentity(nodeDirectory, files);
  if (identity.level < level) writeIdentity(nodeDirectory, { ...identity, level }, files);
}
