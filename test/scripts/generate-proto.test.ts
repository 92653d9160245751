import {spawnSync} from 'node:child_process';
import path from 'node:path';
import test from 'ava';

test('generated protobuf descriptors are those of their .proto files', t => {
	const root = path.resolve(import.meta.dirname, '../../..');
	const {status, stderr} = spawnSync(process.execPath, ['scripts/generate-proto.mjs', '--check'], {
		cwd: root,
		encoding: 'utf8',
	});
	t.is(status, 0, stderr);
});
