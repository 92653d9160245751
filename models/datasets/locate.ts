/** Where data lie on this machine. */
import {access} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';
import {FplError} from '../../core/errors.js';

/** The variables of the environment that matter here. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Places {
	/** `process.env` in programs. */
	readonly environment: Environment;
	/** Further folders that hold a folder per dataset; looked through after `$FPL_DATA_DIR`. */
	readonly folders?: readonly string[];
}

/** The folder that downloads go to: `$XDG_DATA_HOME/fpl/data`, by default `~/.local/share/fpl/data`. */
export function userDataFolder(environment: Environment): string {
	const given = environment['XDG_DATA_HOME'];
	// The XDG specification has relative paths ignored.
	const base = given !== undefined && path.isAbsolute(given) ? given : path.join(homedir(), '.local', 'share');
	return path.join(base, 'fpl', 'data');
}

/** Folders that hold a folder per dataset, in the order in which they are looked through. */
export function dataFolders({environment, folders = []}: Places): string[] {
	const given = environment['FPL_DATA_DIR'];
	return [...(given ? [given] : []), ...folders, userDataFolder(environment)];
}

/** What a dataset's folder looks like. */
export interface Appearance {
	/** Names that its folder may have. */
	readonly folders: readonly string[];
	/** Role → names that the file may have in the folder; all roles must be there. */
	readonly files: Readonly<Record<string, readonly string[]>>;
}

const exists = (file: string) =>
	access(file).then(
		() => true,
		() => false,
	);

/** Role → path, or the first role that is missing. */
async function filesIn(folder: string, files: Appearance['files']): Promise<Record<string, string> | string> {
	const found: Record<string, string> = {};
	for (const [role, names] of Object.entries(files)) {
		for (const name of names) {
			const file = path.join(folder, name);
			if (await exists(file)) {
				found[role] = file;
				break;
			}
		}
		if (found[role] === undefined) {
			return names[0]!;
		}
	}
	return found;
}

/**
 * The files of a dataset by role, or undefined where they are nowhere.
 * @param explicit a folder that must hold them (itself, or in a folder of one of the names).
 * @throws FplError `DATA_FILE` when an explicit folder does not hold them.
 */
export async function findFiles(
	appearance: Appearance,
	places: Places,
	explicit?: string,
): Promise<Readonly<Record<string, string>> | undefined> {
	const under = (folder: string) => appearance.folders.map(name => path.join(folder, name));
	const candidates = explicit === undefined ? dataFolders(places).flatMap(under) : [explicit, ...under(explicit)];
	let missing: string | undefined;
	for (const folder of candidates) {
		const found = await filesIn(folder, appearance.files);
		if (typeof found !== 'string') {
			return found;
		}
		missing ??= found;
	}
	if (explicit !== undefined) {
		throw new FplError('DATA_FILE', {where: explicit, problem: `there is no ${missing} in this folder`});
	}
	return undefined;
}
