/**
 * The three files of PipeEdge (github.com/usc-isi/PipeEdge, README_Scheduler.md), in which per-layer profiles of models on
 * real boards are published: models.yml, device_types.yml, devices.yml. Forward passes only.
 *
 * Units there are by name: `time_s` seconds per layer for a batch of `batch_size`; `bw_Mbps` 10⁶ bit/s; `mem_MB` of a layer is
 * measured in 10⁶ bytes (profiler.py), that of a board is its nominal size, of which 1024 are a GiB; `parameters_in` and
 * `parameters_out` are elements of activations per item.
 */
import path from 'node:path';
import {z} from 'zod';
import {readConfig} from '../config/config.js';
import {type ConfigDocument, readConfigFile} from '../config/document.js';
import {FplError} from '../errors.js';
import {suggestion} from '../nearest.js';
import {megabitsPerSecond} from '../units.js';

const layers = z.number().int().min(0).max(100_000);
const amount = z.number().min(0).max(1e15);
const elements = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const modelsSchema = z.record(
	z.string(),
	z.strictObject({
		layers,
		mem_MB: z.array(amount),
		parameters_in: elements,
		parameters_out: z.array(elements),
	}),
);

const profile = z.strictObject({
	batch_size: z.number().int().positive(),
	dtype: z.string(),
	time_s: z.array(amount),
});

const typesSchema = z.record(
	z.string(),
	z.strictObject({
		bw_Mbps: amount,
		mem_MB: amount,
		model_profiles: z.record(z.string(), z.array(profile)).nullish(),
	}),
);

const devicesSchema = z.record(z.string(), z.array(z.string().min(1)).nullable());

export interface PipeEdgeModel {
	readonly name: string;
	readonly layers: number;
	/** By layer. */
	readonly memoryBytes: readonly number[];
	/** Per item, into the first layer. */
	readonly elementsIn: number;
	/** Per item, out of each layer. */
	readonly elementsOut: readonly number[];
}

export interface PipeEdgeType {
	readonly name: string;
	readonly bandwidthBytesPerSecond: number;
	readonly memoryBytes: number;
	/** Forward pass of each layer over `batch` items. */
	readonly secondsPerLayer: readonly number[];
}

export interface PipeEdge {
	readonly model: PipeEdgeModel;
	/** Items in the batches that were measured, the same for all types. */
	readonly batch: number;
	/** Bytes of an element that crosses. */
	readonly bytesPerElement: number;
	/** Those that devices have, in the order of the devices. */
	readonly types: readonly PipeEdgeType[];
	readonly devices: readonly {readonly id: string; readonly type: string}[];
}

export interface PipeEdgeDocuments {
	readonly models: ConfigDocument;
	readonly deviceTypes: ConfigDocument;
	readonly devices: ConfigDocument;
}

export interface PipeEdgeChoice {
	/** Needed where the file has several. */
	readonly model?: string;
	/** Needed where devices were measured with several. */
	readonly batch?: number;
	/** By default `torch.float32`. */
	readonly dtype?: string;
}

const dtypeBytes: Readonly<Record<string, number>> = {
	'torch.float32': 4,
	'torch.float16': 2,
	'torch.bfloat16': 2,
	'torch.int64': 8,
};

const wrong = (where: string, facts: {problem?: string; expected?: string; got?: string; fix?: string}) =>
	new FplError('CONFIG_VALUE', {where, ...facts});

function expectLayers(document: ConfigDocument, path: readonly PropertyKey[], list: readonly number[], count: number) {
	if (list.length !== count) {
		throw wrong(document.placeOf(path), {expected: `a value for each of ${count} layers`, got: `${list.length}`});
	}
}

function modelOf(document: ConfigDocument, wanted: string | undefined): PipeEdgeModel {
	const models = readConfig(modelsSchema, {document});
	// A model without layers stands in some files as an example.
	const names = Object.keys(models).filter(name => models[name]!.layers > 0);
	const name = wanted ?? (names.length === 1 ? names[0] : undefined);
	const model = name === undefined || !Object.hasOwn(models, name) ? undefined : models[name];
	if (name === undefined || model === undefined || model.layers === 0) {
		const fix = wanted === undefined ? undefined : suggestion(wanted, names);
		throw wrong(document.name, {
			expected: names.length === 0 ? 'a model with layers' : `one of the models ${names.join(', ')} to be named`,
			got: wanted === undefined ? 'none' : `«${wanted.slice(0, 80)}»`,
			...(names.length > 0 && {fix: fix ?? 'Name one of them (--model).'}),
		});
	}
	expectLayers(document, [name, 'mem_MB'], model.mem_MB, model.layers);
	expectLayers(document, [name, 'parameters_out'], model.parameters_out, model.layers);
	return {
		name,
		layers: model.layers,
		memoryBytes: model.mem_MB.map(size => size * 1e6),
		elementsIn: model.parameters_in,
		elementsOut: model.parameters_out,
	};
}

/** @throws FplError `CONFIG_VALUE` for a device that is there twice, or when there is none. */
function devicesOf(document: ConfigDocument): PipeEdge['devices'] {
	const ids = new Set<string>();
	const devices = Object.entries(readConfig(devicesSchema, {document})).flatMap(([type, hosts]) =>
		(hosts ?? []).map((id, index) => {
			if (ids.has(id)) {
				throw wrong(document.placeOf([type, index]), {problem: `device «${id}» is there already`});
			}
			ids.add(id);
			return {id, type};
		}),
	);
	if (devices.length === 0) {
		throw wrong(document.name, {expected: 'at least one device', got: 'none'});
	}
	return devices;
}

type WrittenType = z.output<typeof typesSchema>[string];

interface Wanted {
	readonly model: PipeEdgeModel;
	readonly batch: number | undefined;
	readonly dtype: string;
}

/** The one profile that is wanted. @throws FplError `CONFIG_VALUE` */
function typeOf(
	document: ConfigDocument,
	name: string,
	{bw_Mbps, mem_MB, model_profiles: profiles}: WrittenType,
	{model, batch, dtype}: Wanted,
): {readonly type: PipeEdgeType; readonly batch: number} {
	if (bw_Mbps === 0 || mem_MB === 0) {
		const key = bw_Mbps === 0 ? 'bw_Mbps' : 'mem_MB';
		throw wrong(document.placeOf([name, key]), {expected: 'more than zero', got: '0'});
	}
	const all = profiles?.[model.name] ?? [];
	const fitting = all.filter(one => one.dtype === dtype && (batch === undefined || one.batch_size === batch));
	const [found] = fitting;
	if (found === undefined || fitting.length > 1) {
		const measured = all.map(one => `${one.batch_size} items of ${one.dtype}`).join(', ');
		throw wrong(document.placeOf([name, 'model_profiles']), {
			expected: `one profile of «${model.name}»${batch === undefined ? '' : ` with batches of ${batch}`}, ${dtype}`,
			got: measured === '' ? 'none' : measured,
			fix: fitting.length > 1 ? 'Say which batch is meant (--batch-size).' : 'Measure the model on such a device first',
		});
	}
	const path = [name, 'model_profiles', model.name, all.indexOf(found), 'time_s'];
	expectLayers(document, path, found.time_s, model.layers);
	return {
		batch: found.batch_size,
		type: {
			name,
			bandwidthBytesPerSecond: megabitsPerSecond(bw_Mbps),
			memoryBytes: mem_MB * 2 ** 20,
			secondsPerLayer: found.time_s,
		},
	};
}

/**
 * @throws FplError `CONFIG_KEY`, `CONFIG_VALUE` with line and column: other numbers of layers than the model has, times that
 * are negative or no numbers, no bandwidth, a device of a type that was not measured with the model; `DEVICE_UNKNOWN` for a
 * device of an unknown type.
 */
export function readPipeEdge(documents: PipeEdgeDocuments, choice: PipeEdgeChoice = {}): PipeEdge {
	const {deviceTypes} = documents;
	const {dtype = 'torch.float32'} = choice;
	const bytesPerElement = dtypeBytes[dtype];
	if (bytesPerElement === undefined) {
		throw wrong('dtype', {expected: `one of ${Object.keys(dtypeBytes).join(', ')}`, got: `«${dtype.slice(0, 40)}»`});
	}
	const model = modelOf(documents.models, choice.model);
	const written = readConfig(typesSchema, {document: deviceTypes});
	const devices = devicesOf(documents.devices);
	let {batch} = choice;
	const types: PipeEdgeType[] = [];
	for (const name of new Set(devices.map(({type}) => type))) {
		if (!Object.hasOwn(written, name)) {
			const fix = suggestion(name, Object.keys(written));
			throw new FplError('DEVICE_UNKNOWN', {
				where: documents.devices.placeOf([name]),
				problem: `${deviceTypes.name} has no device type «${name.slice(0, 80)}»`,
				...(fix !== undefined && {fix}),
			});
		}
		const read = typeOf(deviceTypes, name, written[name] as WrittenType, {model, batch, dtype});
		types.push(read.type);
		// What the first type was measured with, all others must have been.
		batch = read.batch;
	}
	return {model, batch: batch!, bytesPerElement, types, devices};
}

/** The three files of a folder, by their usual names. @throws FplError as `readPipeEdge`, and `CONFIG_FILE` for a file that is not there. */
export async function readPipeEdgeFolder(folder: string, choice: PipeEdgeChoice = {}): Promise<PipeEdge> {
	const read = (name: string) => readConfigFile(path.join(folder, name));
	const documents = {
		models: await read('models.yml'),
		deviceTypes: await read('device_types.yml'),
		devices: await read('devices.yml'),
	};
	return readPipeEdge(documents, choice);
}
