import {createHash} from 'node:crypto';
import {mkdir, readdir, readFile, stat, writeFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import path from 'node:path';
import {gzipSync} from 'node:zlib';
import test, {type ExecutionContext} from 'ava';
import {downloadDataset, type Progress} from '../../../models/datasets/download/download.js';
import {downloadNames, officialSources, type Source, type Sources} from '../../../models/datasets/download/sources.js';
import {openDataset} from '../../../models/datasets/open.js';
import {temporaryFolder} from '../../support/temporary.js';
import {rejects} from './files.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on the loopback that answers as told, and remembers what was asked. */
async function serve(t: ExecutionContext, answer: Answer) {
	const asked: {readonly url: string; readonly range: string | undefined}[] = [];
	const server = createServer((request, response) => {
		asked.push({url: request.url ?? '', range: request.headers.range});
		answer(request, response);
	});
	await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	return {asked, base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`};
}

const contents = Buffer.from(Array.from({length: 300_000}, (_, index) => (index * 31) % 253));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const oneFile = (base: string, bytes: Uint8Array = contents): Source => ({
	files: [{name: 'file.bin', address: `${base}file.bin`, bytes: bytes.length, sha256: sha256(bytes)}],
});
const as = (source: Source): Sources => ({...officialSources, mnist: source, cifar10: source});

/** Sends everything, or from where it is asked to. */
const sendAll: Answer = (request, response) => {
	const from = Number(/bytes=(\d+)-/u.exec(request.headers.range ?? '')?.[1] ?? 0);
	response.writeHead(from > 0 ? 206 : 200, {
		'content-length': contents.length - from,
		...(from > 0 && {'content-range': `bytes ${from}-${contents.length - 1}/${contents.length}`}),
	});
	response.end(contents.subarray(from));
};

test('a file is downloaded, checked, put in its place and not fetched again', async t => {
	const directory = await temporaryFolder(t);
	const {asked, base} = await serve(t, sendAll);
	const progress: Progress[] = [];
	const options = {directory, sources: as(oneFile(base)), onProgress: (now: Progress) => progress.push(now)};
	const folder = await downloadDataset('mnist', options);
	t.is(folder, path.join(directory, 'mnist'));
	t.deepEqual(await readdir(folder), ['file.bin']);
	t.deepEqual(await readFile(path.join(folder, 'file.bin')), contents);
	t.deepEqual(progress.at(-1), {file: 'file.bin', received: 300_000, total: 300_000});
	t.true(progress.every(({received}, index) => index === 0 || received >= progress[index - 1]!.received));
	await downloadDataset('mnist', options);
	t.is(asked.length, 1);
	await writeFile(path.join(folder, 'file.bin'), contents.subarray(0, -1));
	await downloadDataset('mnist', options);
	t.is(asked.length, 2, 'a damaged file is fetched anew');
});

test('a broken download goes on where it ended', async t => {
	const directory = await temporaryFolder(t);
	let calls = 0;
	const {asked, base} = await serve(t, (request, response) => {
		calls += 1;
		if (calls > 1) {
			sendAll(request, response);
			return;
		}
		response.writeHead(200, {'content-length': contents.length});
		response.write(contents.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
	});
	const options = {directory, sources: as(oneFile(base))};
	await rejects(t, downloadDataset('mnist', options), 'DATA_DOWNLOAD', /file\.bin.*what has arrived is kept/u);
	t.is((await stat(path.join(directory, 'mnist', 'file.bin.part'))).size, 100_000);
	await downloadDataset('mnist', options);
	t.is(asked[1]?.range, 'bytes=100000-');
	t.deepEqual(await readFile(path.join(directory, 'mnist', 'file.bin')), contents);
});

test('a server that cannot continue sends everything again', async t => {
	const directory = await temporaryFolder(t);
	const {base} = await serve(t, (_request, response) => {
		response.writeHead(200, {'content-length': contents.length});
		response.end(contents);
	});
	await mkdir(path.join(directory, 'mnist'));
	await writeFile(path.join(directory, 'mnist', 'file.bin.part'), 'something else');
	await downloadDataset('mnist', {directory, sources: as(oneFile(base))});
	t.deepEqual(await readFile(path.join(directory, 'mnist', 'file.bin')), contents);
});

test('another file than the published one is removed', async t => {
	const directory = await temporaryFolder(t);
	const other = Buffer.from(contents);
	other[1000] = 99;
	const {base} = await serve(t, (_request, response) => response.end(other));
	const run = downloadDataset('mnist', {directory, sources: as(oneFile(base))});
	await rejects(t, run, 'DATA_DOWNLOAD', /not the published one.*SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}/u);
	t.deepEqual(await readdir(path.join(directory, 'mnist')), []);
});

test('a file that ends too early or never ends is an error', async t => {
	const directory = await temporaryFolder(t);
	const {base} = await serve(t, (_request, response) => response.end(contents.subarray(0, 5000)));
	const short = downloadDataset('mnist', {directory, sources: as(oneFile(base))});
	await rejects(t, short, 'DATA_DOWNLOAD', /ended after 5000 of 300000 bytes/u);
	const endless = await serve(t, (_request, response) => {
		const more = () => {
			if (!response.destroyed) {
				response.write(contents, more);
			}
		};
		more();
	});
	const long = downloadDataset('cifar10', {directory, sources: as(oneFile(endless.base))});
	await rejects(t, long, 'DATA_DOWNLOAD', /longer than the published 300000/u);
	t.true((await stat(path.join(directory, 'cifar10', 'file.bin.part'))).size <= 300_000);
});

test('what the server refuses is told with its status', async t => {
	const directory = await temporaryFolder(t);
	const {base} = await serve(t, (_request, response) => {
		response.writeHead(404);
		response.end('no');
	});
	const run = downloadDataset('mnist', {directory, sources: as(oneFile(base))});
	await rejects(t, run, 'DATA_DOWNLOAD', /file\.bin.*answered 404 Not Found/u);
});

test('a silent server is given up after its deadline', async t => {
	const directory = await temporaryFolder(t);
	const {base} = await serve(t, (_request, response) => {
		response.writeHead(200, {'content-length': contents.length});
		response.write(contents.subarray(0, 1000));
	});
	const midway = downloadDataset('mnist', {directory, sources: as(oneFile(base)), stallMs: 200});
	await rejects(t, midway, 'DATA_DOWNLOAD', /nothing came for 0\.2 s/u);
	const mute = await serve(t, () => {});
	const never = downloadDataset('mnist', {directory, sources: as(oneFile(mute.base)), stallMs: 200});
	await rejects(t, never, 'DATA_DOWNLOAD', /nothing came/u);
});

test('without a connection the address and the reason are told', async t => {
	const directory = await temporaryFolder(t);
	const {base} = await serve(t, sendAll);
	const closed = base.replace(/:\d+/u, ':1');
	const run = downloadDataset('mnist', {directory, sources: as(oneFile(closed))});
	await rejects(t, run, 'DATA_DOWNLOAD', /127\.0\.0\.1:1\/file\.bin.*(?:ECONNREFUSED|bad port).*Check the connection/u);
});

test('an aborted download says so and keeps its part', async t => {
	const directory = await temporaryFolder(t);
	const controller = new AbortController();
	const {base} = await serve(t, (_request, response) => {
		response.writeHead(200, {'content-length': contents.length});
		response.write(contents.subarray(0, 2000));
	});
	const run = downloadDataset('mnist', {
		directory,
		sources: as(oneFile(base)),
		signal: controller.signal,
		onProgress: ({received}) => received >= 2000 && controller.abort(),
	});
	await rejects(t, run, 'INTERRUPTED', /file\.bin/u);
	t.is((await stat(path.join(directory, 'mnist', 'file.bin.part'))).size, 2000);
	const early = downloadDataset('mnist', {directory, sources: as(oneFile(base)), signal: AbortSignal.abort()});
	await rejects(t, early, 'INTERRUPTED', /file\.bin/u);
});

/** A ustar header and the padded contents. */
function tarEntry(name: string, data: Uint8Array, type = '0'): Buffer {
	const header = Buffer.alloc(512);
	header.write(name, 0);
	header.write('0000644\0', 100);
	header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
	header.write('        ', 148);
	header.write(type, 156);
	header.write('ustar\0', 257);
	const sum = header.reduce((total, byte) => total + byte, 0);
	header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
	return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

const record = (label: number) => Buffer.concat([Buffer.of(label), Buffer.alloc(3072, label)]);
const batchNames = [1, 2, 3, 4, 5].map(number => `data_batch_${number}.bin`);
const cifarEntries = () => [
	tarEntry('cifar-10-batches-bin/', Buffer.alloc(0), '5'),
	tarEntry('cifar-10-batches-bin/readme.html', Buffer.from('<p>hello</p>')),
	...batchNames.map((name, index) => tarEntry(`cifar-10-batches-bin/${name}`, record(index))),
	tarEntry('../../test_batch.bin', record(9)),
	Buffer.alloc(1024),
];

async function cifarRun(t: ExecutionContext, archive: Uint8Array) {
	const directory = await temporaryFolder(t);
	const {asked, base} = await serve(t, (_request, response) => response.end(archive));
	const lengths = Object.fromEntries([...batchNames, 'test_batch.bin'].map(name => [name, 3073]));
	const source: Source = {...oneFile(base, archive), unpack: {folder: 'cifar-10-batches-bin', files: lengths}};
	return {directory, asked, run: () => downloadDataset('cifar10', {directory, sources: as(source)})};
}

test('CIFAR-10’s archive is unpacked, opens, is not kept, and no entry leaves its folder', async t => {
	const {directory, asked, run} = await cifarRun(t, gzipSync(Buffer.concat(cifarEntries())));
	const folder = await run();
	t.deepEqual(await readdir(folder), ['cifar-10-batches-bin']);
	t.deepEqual((await readdir(path.join(folder, 'cifar-10-batches-bin'))).sort(), [...batchNames, 'test_batch.bin']);
	const {train, test: held} = await openDataset({kind: 'cifar10'}, {environment: {FPL_DATA_DIR: directory}});
	t.deepEqual([[...train.labels!], [...held.labels!]], [[0, 1, 2, 3, 4], [9]]);
	await run();
	t.is(asked.length, 1);
});

test('a damaged archive leaves nothing half unpacked', async t => {
	const entries = cifarEntries();
	const whole = Buffer.concat(entries);
	const flipped = Buffer.from(whole);
	flipped[512 + 5] = 0x7a;
	for (const [archive, text] of [
		[gzipSync(whole.subarray(0, 6000)), /ends too early|has no/u],
		[gzipSync(Buffer.concat([...entries.slice(0, 4), Buffer.alloc(1024)])), /has no data_batch_3\.bin/u],
		[gzipSync(flipped), /no sound tar/u],
		[gzipSync(whole).subarray(0, 200), /unexpected end of file/u],
		[Buffer.from('this is no archive at all'), /incorrect header/u],
		[gzipSync(tarEntry('data_batch_1.bin', Buffer.alloc(5))), /5 bytes instead of 3073/u],
	] as const) {
		const {directory, run} = await cifarRun(t, archive);
		await rejects(t, run(), 'DATA_FORMAT', text);
		t.deepEqual(await readdir(path.join(directory, 'cifar10')), ['file.bin']);
	}
});

test('the official table is complete and sound', t => {
	for (const name of downloadNames) {
		for (const {address, bytes, sha256: digest, name: file} of officialSources[name].files) {
			t.true(address.startsWith('http') && address.endsWith(`/${file}`));
			t.true(Number.isInteger(bytes) && bytes > 1000);
			t.regex(digest, /^[0-9a-f]{64}$/u);
		}
	}
});
