/** What `fpl plan` works on: the job, its model, and the devices that may take part. */
import {type Command, Option} from 'commander';
import {parseValue} from '../../core/config/config.js';
import {readConfigFile} from '../../core/config/document.js';
import {FplError} from '../../core/errors.js';
import {deviceId} from '../../core/ids.js';
import {type Job, jobSchema} from '../../core/plan/job.js';
import {type BrokerLink, type DeclaredDevice, readFleet} from '../../core/profile/fleet-file.js';
import {readUnitTimes, type UnitTimes} from '../../core/profile/unit-times.js';
import type {FleetDevice} from '../../fog-broker/fleet.js';
import {ownSamples} from '../../fog-broker/run/gather.js';
import {prepare} from '../../fog-broker/run/preparation.js';
import type {Model} from '../../models/graph.js';
import type {FleetMember} from '../../models/plans/check.js';
import type {Candidate} from '../../models/plans/plan-for.js';
import {type Client, withClient} from '../client.js';
import {loggerOf} from '../options.js';
import {readSubmission} from '../submission.js';

/** A device that may take part, with what is known of it. */
export type Participant = Candidate &
	FleetMember & {
		/** Items of its own; undefined: it has none, or does not say. */
		readonly samples?: number | undefined;
		/** Whether another machine plays it. */
		readonly emulated?: boolean | undefined;
		/** Of devices at the broker: the data that they have. */
		readonly holdings?: FleetDevice['holdings'];
	};

/** With what devices at the broker say of the job's data. @param items of these that are here. */
export const withOwnData = (
	participants: readonly Participant[],
	job: Job,
	items: number | undefined,
): readonly Participant[] =>
	participants.map(one =>
		one.holdings === undefined
			? one
			: {...one, samples: ownSamples(job, {device: one.device, holdings: one.holdings}, items)},
	);

/** A job file and the model that it names, built for the data where these are here; and how many items these are. */
export async function readJob(file: string): Promise<{
	readonly job: Job;
	readonly model: Model;
	/** The model as an ONNX file. */
	readonly bytes: Uint8Array;
	readonly items: number | undefined;
}> {
	const submission = await readSubmission(file, {});
	if (submission.kind !== 'job') {
		throw new FplError('USAGE', {expected: 'a job file', got: 'none'});
	}
	const job = parseValue(jobSchema, JSON.parse(submission.job), file, 'JOB_INVALID');
	const {model, bytes, items} = await prepare(job, submission.model?.bytes);
	return {job, model, bytes, items};
}

const declared = (devices: readonly DeclaredDevice[]): readonly Participant[] => {
	// A file that says nothing of data says nothing of sources.
	const known = devices.some(({samples}) => samples !== undefined);
	return devices.map(({device, profile, samples}) => ({
		device,
		profile,
		memoryBytes: profile.memoryBytes,
		...(known ? {isSource: samples !== undefined, samples} : {}),
	}));
};

/** The devices that are at the coordinator, in the order of their names. */
export async function participantsOf(client: Client): Promise<readonly Participant[]> {
	const {devices} = await client.ask({kind: 'listDevices'}, 'deviceList');
	return (JSON.parse(devices) as FleetDevice[]).map(({device, profile, engines, emulated, holdings}) => ({
		device,
		holdings,
		profile,
		memoryBytes: profile.memoryBytes,
		engines,
		emulated,
	}));
}

export interface FleetOptions {
	/** A fleet file. */
	readonly fleet?: string | undefined;
	/** Names, separated by commas: only these, in this order. */
	readonly devices?: string | undefined;
}

/** What may take part, and the broker between them where a fleet file says what it can do. */
export interface Participants {
	readonly participants: readonly Participant[];
	readonly broker: BrokerLink | undefined;
}

/**
 * The devices of a fleet file; or names of which nothing more is known; or, without either, those that are at the broker.
 * @throws FplError `CONFIG_FILE` …, `DEVICE_UNKNOWN`, and those of asking the coordinator.
 */
export async function readParticipants(options: FleetOptions, command: Command): Promise<Participants> {
	const {fleet, devices} = options;
	const names = devices?.split(',').map(name => deviceId(name.trim(), '--devices'));
	if (fleet === undefined) {
		const participants = names?.map(device => ({device})) ?? (await withClient(command, participantsOf));
		return {participants, broker: undefined};
	}
	const {devices: written, broker, warnings} = readFleet(await readConfigFile(fleet));
	for (const warning of warnings) {
		loggerOf(command).warn(warning);
	}
	return {participants: onlyNamed(declared(written), names, fleet), broker};
}

/**
 * What `--devices` asks for, in its order; all without it.
 * @param file in which they stand.
 * @throws FplError `DEVICE_UNKNOWN`
 */
export function onlyNamed<D extends {readonly device: string}>(
	all: readonly D[],
	names: readonly string[] | undefined,
	file: string,
): readonly D[] {
	return (
		names?.map(name => {
			const found = all.find(({device}) => device === name);
			if (!found) {
				throw new FplError('DEVICE_UNKNOWN', {
					where: '--devices',
					expected: `one of ${all.map(({device}) => device).join(', ')}, as in ${file}`,
					got: `«${name}»`,
				});
			}
			return found;
		}) ?? all
	);
}

/** `--times FILE`, of `fpl plan` and `fpl simulate`. */
export const timesOption = (): Option =>
	new Option(
		'--times <file>',
		'times that «fpl profile» measured, for the devices of its type; may be repeated',
	).argParser((value: string, before: readonly string[] = []) => [...before, value]);

/**
 * Files of `fpl profile`, each for devices of that id or profile.
 * @param warn is told of times of a model by another name, or measured with more threads than a device has cores.
 * @throws FplError `CONFIG_FILE`, `CONFIG_KEY`, `CONFIG_VALUE` with the place in the file, also where no device is meant.
 */
export const readTimes = (
	files: readonly string[],
	participants: readonly Participant[],
	{name: model}: Pick<Model, 'name'>,
	warn: (text: string) => void,
): Promise<UnitTimes[]> =>
	Promise.all(
		files.map(async file => {
			const document = await readConfigFile(file);
			const times = readUnitTimes(document);
			const names = [
				...new Set(participants.flatMap(({device, profile}) => [device, ...(profile ? [profile.name] : [])])),
			];
			if (!names.includes(times.device)) {
				throw new FplError('CONFIG_VALUE', {
					where: document.placeOf(['device']),
					expected: `the id or the profile of a device here, one of ${names.slice(0, 12).join(', ')}${names.length > 12 ? ' …' : ''}`,
					got: `«${times.device.slice(0, 80)}»`,
					fix: 'Write there whose times these are, or measure with «fpl profile … --device NAME».',
				});
			}
			if (times.model !== model) {
				// A file may have another name than the same model in the zoo: whether units are the same is seen later.
				warn(
					`${document.placeOf(['model'])}: these are times of «${times.model.slice(0, 80)}», taken for those of the job's «${model}»; if it is another model, measure this one`,
				);
			}
			for (const {device, profile} of participants) {
				if (profile && [device, profile.name].includes(times.device) && profile.cores < times.threads) {
					warn(
						`${document.placeOf(['threads'])}: these times were measured with ${times.threads} threads, but «${device}» has ${profile.cores} core${profile.cores === 1 ? '' : 's'}`,
					);
				}
			}
			return times;
		}),
	);
