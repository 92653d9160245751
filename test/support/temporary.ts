/** A folder of its own for one test, removed afterwards. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {ExecutionContext} from 'ava';

export async function temporaryFolder(t: ExecutionContext<unknown>): Promise<string> {
	const folder = await mkdtemp(path.join(tmpdir(), 'fpl-test-'));
	// A process that was killed, or a write under way, may leave something while it is removed.
	t.teardown(() => rm(folder, {recursive: true, force: true, maxRetries: 5}));
	return folder;
}
