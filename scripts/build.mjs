// Compiles the tree to dist/ and drops outputs whose source is gone, so that a renamed test never runs twice.
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, rmSync} from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const dist = path.join(root, 'dist');

if (existsSync(dist)) {
	for (const entry of readdirSync(dist, {recursive: true, encoding: 'utf8'})) {
		if (!entry.endsWith('.js')) {
			continue;
		}
		if (!existsSync(path.join(root, entry.replace(/\.js$/, '.ts')))) {
			rmSync(path.join(dist, entry), {force: true});
			rmSync(path.join(dist, `${entry}.map`), {force: true});
		}
	}
}

const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const {status} = spawnSync(process.execPath, [tsc, '-p', root], {stdio: 'inherit', cwd: root});
process.exit(status ?? 1);
