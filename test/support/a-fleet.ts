/** A whole fleet in this process, over the memory broker: coordinator, devices and a client, wired like the daemons. */
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {type Client, createClient} from '../../cli/client.js';
import {systemClock} from '../../core/clock.js';
import {codecNames} from '../../core/codec/spec.js';
import {type DeviceId, deviceId, type RunId, runId} from '../../core/ids.js';
import type {Ledger} from '../../core/ledger/ledger.js';
import {type Logger, silentLogger} from '../../core/log.js';
import type {JobDocument} from '../../core/plan/job.js';
import type {PlanDocument} from '../../core/plan/plan.js';
import {libraryProfile} from '../../core/profile/library.js';
import {coordinatorId, createTopics} from '../../core/wire/topics.js';
import type {Transport, Will} from '../../core/wire/transport.js';
import {MemoryBroker, type MemoryBrokerOptions} from '../../core/wire/transports/memory-broker.js';
import {MemoryTransport} from '../../core/wire/transports/memory-transport.js';
import {Meter, type MeterOptions} from '../../edge-agent/meter.js';
import {ModelCache} from '../../edge-agent/model-cache.js';
import {type Description, type DeviceOptions, type RunningDevice, startDevice} from '../../edge-agent/service.js';
import {Planner} from '../../fog-broker/run/planning/planner.js';
import type {ReplanTimes} from '../../fog-broker/run/replan/replanner.js';
import {RunStore} from '../../fog-broker/run/store.js';
import {startCoordinator} from '../../fog-broker/service.js';
import type {Engine} from '../../models/engines/engine.js';
import {startEngine} from '../../models/engines/index.js';
import {temporaryFolder} from './temporary.js';
import {type Brake, createBrake} from './waiting/brake.js';
import {watched} from './waiting/watched.js';

export interface FleetDeviceHandle extends RunningDevice {
	readonly transport: Transport;
	/** Breaks its link for good, as a crash does: the last will is published. */
	kill(): Promise<void>;
}

export interface TestFleet {
	readonly broker: MemoryBroker;
	readonly store: RunStore;
	readonly engine: Engine;
	readonly folder: string;
	/** Of all devices; off to begin with. */
	readonly brake: Brake;
	/** `staging`: what is different about this device when it gets ready for a run; `facts`: in what it says of itself; `meter`: how its energy is measured. */
	device(
		name: string,
		staging?: Partial<DeviceOptions['staging']>,
		facts?: Partial<Description['facts']>,
		meter?: Partial<MeterOptions>,
	): Promise<FleetDeviceHandle>;
	/** Starts the coordinator (again). */
	coordinator(): Promise<() => Promise<void>>;
	client(): Promise<Client>;
	/** With the plan that the job's scheme asks for, or a given one. */
	submit(job: JobDocument, plan?: PlanDocument): Promise<RunId>;
	/** Goes on with a run that was stopped. */
	resume(run: RunId): Promise<void>;
	/** Follows a run to its end and answers its ledger. */
	finish(run: RunId): Promise<Ledger>;
}

export interface FleetOptions {
	readonly faults?: MemoryBrokerOptions['faults'];
	readonly logger?: Logger;
	readonly replanTimes?: ReplanTimes;
	/** How a party connects; over the memory broker by default. The party owns the transport. */
	readonly attach?: (party: DeviceId, will?: () => Will) => Promise<Transport>;
	/** Sees the transport of every party before it is used, and may stand in for it. */
	readonly wrap?: (party: DeviceId, transport: Transport) => Transport;
	/** For the test, from one assertion or news of a run to the next. */
	readonly deadlineMs?: number;
}

/** A test that hangs fails before the whole suite is given up, which is after three minutes without news. */
const deadlineMs = 150_000;

/**
 * One of each for all fleets of a test's process, as long as that lives: starting a thread with the runtime, or with the planner, takes
 * longer than most of the runs here. Threads that nobody waits for keep no process alive.
 */
let engineOfAll: Promise<Engine> | undefined;
const anEngine = (): Promise<Engine> => {
	engineOfAll ??= startEngine('onnxruntime', {threads: 1});
	return engineOfAll;
};
const plannerOfAll = new Planner(systemClock);

/** A coordinator's part of the planner of all: what it still waits for when it is closed is given up. */
class PartOfPlanner extends Planner {
	readonly #closed = new AbortController();

	override plan(...[order, signal]: Parameters<Planner['plan']>): ReturnType<Planner['plan']> {
		return plannerOfAll.plan(order, AbortSignal.any([signal, this.#closed.signal]));
	}

	override async close(): Promise<void> {
		this.#closed.abort();
	}
}

/** Timers that keep this process alive. */
const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length;

/** A daemon that was stopped must not go on living for a timer that nobody waits for any more, and neither must a test. */
async function noTimersLeft(before: number): Promise<void> {
	for (let look = 0; timers() > before; look++) {
		if (look === 60) {
			throw new Error(`${timers() - before} timers keep the process alive 3 seconds after the fleet was closed`);
		}
		await sleep(50);
	}
}

export async function aFleet(t: ExecutionContext<unknown>, options: FleetOptions = {}): Promise<TestFleet> {
	const {faults = {}, logger = silentLogger} = options;
	const before = timers();
	const patienceMs = options.deadlineMs ?? deadlineMs;
	const began = performance.now();
	const progress = () => {
		// A run that begins again and again says something for ever.
		if (performance.now() - began < 4 * patienceMs) {
			t.timeout(patienceMs, 'nothing was asserted, and no run said anything, or it says something for much too long');
		}
	};
	progress();
	// The first to be registered is the last to be carried out.
	t.teardown(() => noTimersLeft(before));
	const folder = await temporaryFolder(t);
	const clock = systemClock;
	const topics = createTopics('test');
	const broker = new MemoryBroker({faults});
	const attach = async (party: DeviceId, will?: () => Will): Promise<Transport> => {
		const transport = options.attach ? await options.attach(party, will) : broker.attach(will ? {will} : {});
		return options.wrap?.(party, transport) ?? transport;
	};
	const engine = await anEngine();
	// Nothing here holds a socket, and deadlines do not keep a process alive.
	const alive = setInterval(() => {}, 1000);
	t.teardown(() => clearInterval(alive));
	const brake = createBrake();
	const store = new RunStore(path.join(folder, 'runs'));
	const host = libraryProfile('server-core', 'host');
	let starts = 0;
	let shared: Client | undefined;

	const client = async (): Promise<Client> => {
		if (!shared) {
			const self = deviceId('client-1');
			const made = await createClient({transport: await attach(self), topics, self, clock, logger});
			t.teardown(() => made.close());
			shared = watched(made, store, {onNews: progress});
		}
		return shared;
	};

	return {
		broker,
		store,
		engine,
		folder,
		brake,
		client,

		async device(name, staging = {}, facts = {}, meter = {}) {
			let transport: Transport | undefined;
			starts += 1;
			const running = await startDevice({
				device: deviceId(name),
				topics,
				installation: `installation-${name}`,
				incarnation: starts,
				async connect(will) {
					transport = await attach(deviceId(name), will);
					return transport;
				},
				staging: {
					engine: async () => brake.on(engine),
					models: new ModelCache(path.join(folder, name)),
					places: {environment: process.env},
					dataPaths: {},
					...staging,
				},
				describe: async () => ({
					facts: {
						softwareVersion: 'test',
						profile: JSON.stringify(host),
						emulated: '',
						engines: [engine.name],
						datasets: ['digits'],
						codecs: [...codecNames],
						...facts,
					},
					meter: new Meter({clock, log: logger, profile: host, emulated: false, utilisation: 1, ...meter}),
				}),
				clock,
				logger: logger.child(name),
			});
			t.teardown(() => running.close());
			return {
				...running,
				transport: transport!,
				async kill() {
					if (!(transport instanceof MemoryTransport)) {
						throw new Error('only links of the memory broker are killed');
					}
					transport.kill();
				},
			};
		},

		async coordinator() {
			const transport = await attach(coordinatorId);
			const close = await startCoordinator({
				transport,
				topics,
				engine,
				state: folder,
				host,
				clock,
				logger: logger.child(coordinatorId),
				replanTimes: options.replanTimes,
				planner: new PartOfPlanner(clock),
			});
			const closeAll = async () => {
				await close();
				await transport.close();
			};
			t.teardown(closeAll);
			return closeAll;
		},

		async submit(job, plan) {
			const planText = plan === undefined ? '' : JSON.stringify(plan);
			const accepted = await (await client()).ask(
				{kind: 'submit', job: JSON.stringify(job), plan: planText, resume: '', modelDigest: ''},
				'accepted',
			);
			return runId(accepted.run);
		},

		async resume(run) {
			await (await client()).ask({kind: 'submit', job: '', plan: '', resume: run, modelDigest: ''}, 'accepted');
		},

		async finish(run) {
			for await (const update of (await client()).follow(run)) {
				if (update.kind === 'ended') {
					break;
				}
			}
			return store.ledger(run);
		},
	};
}
