/** The shape of the house, as docs tell it: who leans on whom, no cycles, files and folders of a readable size. */
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import path from 'node:path';
import test from 'ava';
import {
	type Area,
	areas,
	findCycle,
	importsOf,
	isRelative,
	resolveImport,
	root,
	sourceFiles,
} from './support/imports.js';

const everything = areas;

/** Area → the areas it may import from, besides itself. */
const mayImport = {
	core: [],
	models: ['core'],
	planners: ['models', 'core'],
	reports: ['core'],
	'edge-agent': ['models', 'core'],
	'fog-broker': ['planners', 'models', 'core'],
	cli: ['core', 'models', 'planners', 'reports', 'edge-agent', 'fog-broker'],
	test: everything,
	bench: everything,
} as const satisfies Record<Area, readonly Area[]>;

/** Planners are pure: whatever they load must be free of sockets and native add-ons. */
const impure = ['onnxruntime-node', '@tensorflow/tfjs-node', 'mqtt', 'aedes', 'node:net', 'node:http', 'node:tls'];

/** Generated files (`*_pb.ts`) are read by nobody and may be longer. */
const maxLines = 350;
const maxEntries = 18;
const manyEntries = 13;

const files = sourceFiles();
const byName = new Map(files.map(file => [file.file, file]));

test('the sources are found', t => {
	t.true(files.length > 20);
	t.true(byName.has('core/errors.ts'));
	t.deepEqual(byName.get('core/clock.ts')?.imports, [
		{kind: 'load', specifier: 'node:perf_hooks'},
		{kind: 'load', specifier: './errors.js'},
	]);
});

test('every form of import is seen, and nothing in comments or strings', t => {
	const text = readFileSync(path.join(root, 'test/fixtures/architecture/imports.txt'), 'utf8');
	const found = importsOf(text).map(({kind, specifier}) => `${kind} ${specifier}`);
	t.deepEqual(found.sort(), [
		'lazy ./nine.js',
		'lazy ./ten.js',
		'load ./eight.js',
		'load ./five.js',
		'load ./four.js',
		'load ./one.js',
		'load ./six.js',
		'load ./three.js',
		'load ./twelve.js',
		'load ava',
		'type ./eleven.js',
		'type ./seven.js',
		'type ./two.js',
	]);
});

test('a cycle is found wherever it hides', t => {
	const edges = (text: string) =>
		new Map(text.split(' ').map(pair => [pair[0]!, [...pair.slice(1)]] as [string, string[]]));
	t.is(findCycle(edges('abc bd cd d')), undefined);
	t.deepEqual(findCycle(edges('abc bd cd db')), ['b', 'd', 'b']);
	t.deepEqual(findCycle(edges('aa')), ['a', 'a']);
});

test('imports between areas go one way', t => {
	const strays = files.flatMap(({file, area, imports}) =>
		imports
			.filter(({specifier}) => isRelative(specifier))
			.map(({specifier}) => resolveImport(file, specifier))
			.filter(target => {
				const other = target.split('/')[0] as Area;
				return other !== area && !(mayImport[area] as readonly Area[]).includes(other);
			})
			.map(target => `${file} imports ${target}`),
	);
	t.deepEqual(strays, []);
});

test('every import of ours names an existing file with its extension', t => {
	const broken = files.flatMap(({file, imports}) =>
		imports
			.filter(({specifier}) => isRelative(specifier) && !byName.has(resolveImport(file, specifier)))
			.filter(({specifier}) => !existsSync(path.join(root, path.posix.join(path.posix.dirname(file), specifier))))
			.map(({specifier}) => `${file} imports ${specifier}`),
	);
	t.deepEqual(broken, []);
});

test('every package that is imported is a declared dependency', t => {
	const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
		'dependencies' | 'devDependencies' | 'optionalDependencies',
		Record<string, string>
	>;
	const runtime = Object.keys({...manifest.dependencies, ...manifest.optionalDependencies});
	const development = [...runtime, ...Object.keys(manifest.devDependencies)];
	const undeclared = files.flatMap(({file, area, imports}) => {
		const allowed = area === 'test' || area === 'bench' ? development : runtime;
		return imports
			.map(({specifier}) => specifier)
			.filter(specifier => !isRelative(specifier) && !specifier.startsWith('node:'))
			.filter(specifier => {
				const [scope, name] = specifier.split('/');
				return !allowed.includes(specifier.startsWith('@') ? `${scope}/${name}` : scope!);
			})
			.map(specifier => `${file} imports ${specifier}`);
	});
	t.deepEqual(undeclared, []);
});

test('no file is loaded before itself', t => {
	const edges = new Map(
		files.map(({file, imports}) => [
			file,
			imports
				.filter(({kind, specifier}) => kind !== 'type' && isRelative(specifier))
				.map(({specifier}) => resolveImport(file, specifier)),
		]),
	);
	t.is(findCycle(edges)?.join(' → '), undefined);
});

test('what planners load has neither sockets nor native add-ons', t => {
	const seen = new Set<string>();
	const visit = (file: string, trail: readonly string[]): string[] => {
		if (seen.has(file)) {
			return [];
		}
		seen.add(file);
		const loads = byName.get(file)?.imports.filter(({kind}) => kind === 'load') ?? [];
		return loads.flatMap(({specifier}) =>
			isRelative(specifier)
				? visit(resolveImport(file, specifier), [...trail, file])
				: impure.includes(specifier)
					? [[...trail, file, specifier].join(' → ')]
					: [],
		);
	};
	const planners = files.filter(({area}) => area === 'planners');
	t.deepEqual(
		planners.flatMap(({file}) => visit(file, [])),
		[],
	);
});

test('no folder has a barrel', t => {
	const barrels = files.filter(({file, imports, lines}) => file.endsWith('/index.ts') && imports.length >= lines - 3);
	t.deepEqual(
		barrels.map(({file}) => file),
		[],
	);
});

test(`no file has more than ${maxLines} lines`, t => {
	const long = files.filter(({file, lines}) => lines > maxLines && !file.endsWith('_pb.ts'));
	t.deepEqual(
		long.map(({file, lines}) => `${file}: ${lines}`),
		[],
	);
});

test(`no folder has more than ${maxEntries} entries`, t => {
	const folders = areas
		.filter(area => existsSync(path.join(root, area)))
		.flatMap(area => [
			area,
			...readdirSync(path.join(root, area), {recursive: true, encoding: 'utf8'})
				.map(entry => path.join(area, entry))
				.filter(entry => statSync(path.join(root, entry)).isDirectory()),
		])
		.filter(folder => !folder.startsWith(path.join('test', 'fixtures')))
		.map(folder => ({folder, entries: readdirSync(path.join(root, folder)).length}));
	for (const {folder, entries} of folders) {
		if (entries > manyEntries) {
			t.log(`${folder} has ${entries} entries: is there a second idea in it?`);
		}
	}
	t.deepEqual(
		folders.filter(({entries}) => entries > maxEntries).map(({folder, entries}) => `${folder}: ${entries}`),
		[],
	);
});
