/** What all runs have in common while devices work on them: who comes and goes, and how a run is ended early. */
import type {Clock} from '../../core/clock.js';
import type {DeviceId, RunId} from '../../core/ids.js';
import {runId} from '../../core/ids.js';
import type {Logger} from '../../core/log.js';
import type {Job} from '../../core/plan/job.js';
import type {Plan} from '../../core/plan/plan.js';
import type {DeviceProfile} from '../../core/profile/profile.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import type {Messenger} from '../../core/wire/messenger.js';
import type {Acceptance, IncomingTransfer, TensorLink} from '../../core/wire/tensor-link.js';
import type {Engine, TrainerState} from '../../models/engines/engine.js';
import type {Model} from '../../models/graph.js';
import type {Fleet} from '../fleet.js';
import type {ServerAccounts} from '../server/accounts.js';
import type {Checkpoint, CheckpointStore} from '../server/checkpoints.js';
import type {Leaving} from '../stages/state.js';
import type {RunEnd} from './end.js';
import {releaseFrom} from './gather.js';
import type {Journal} from './journal.js';
import type {LedgerBook} from './ledger-book.js';
import type {Planner} from './planning/planner.js';
import type {Preparation} from './preparation.js';
import type {ReplanTimes} from './replan/replanner.js';
import type {Standing} from './replan/standing.js';
import type {Manifest, RunStore} from './store.js';

/** A run that devices work on: what the coordinator passes on to it. */
export interface ActiveRun {
	/** Devices that belong to the run. */
	readonly devices: readonly string[];
	readonly ended: Promise<RunEnd>;
	/** Seconds since the run began, earlier attempts included. */
	readonly seconds: number;
	start(present: Iterable<string>): Promise<void>;
	joined(device: string): void;
	left(device: string): void;
	/** Devices that work for no run, the best first; they may take over the work of others. */
	spares(devices: readonly string[]): void;
	stop(because: string): void;
	accept(transfer: IncomingTransfer): Acceptance;
	ready(body: BodyOf<'ready'>, from: DeviceId): void;
	failed(body: BodyOf<'failed'>, from: DeviceId): void;
	held(body: BodyOf<'held'>, from: DeviceId): void;
	report(body: BodyOf<'roundReport'>, from: DeviceId): void;
	/** What a device does in the run, in words. */
	roleOf(device: string): string;
	/** The trained models: one, or where devices keep weights of their own one by device. */
	results(): Promise<
		ReadonlyMap<string, {readonly model: Model; readonly state: Pick<TrainerState, 'parameters' | 'buffers'>}>
	>;
}

/** A run that trains: it may go on by another plan. */
export interface TrainingRun extends ActiveRun {
	/** Part of the steps that are done, in [0, 1], and the plan as it is executed now; undefined: the run waits for devices. */
	readonly standing: {readonly plan: Plan | undefined; readonly done: number};
	/** Ends it with its weights where this may be; the run's end says that it `moved`. */
	leave(leaving: Leaving): void;
}

/** Who wants to know how a run is getting on. */
export interface RunObserver {
	/** Who was there at the beginning is known. */
	began(): void;
	joined(device: string): void;
	left(device: string): void;
	/** A device has no other run to work for any more. */
	freed(device: string): void;
	/** What a device says of a step, or of a round. */
	reported(device: string, report: BodyOf<'roundReport'>): void;
}

export interface RunContext {
	readonly clock: Clock;
	readonly log: Logger;
	readonly store: RunStore;
	readonly journal: Journal;
	readonly engine: Engine;
	readonly messenger: Messenger;
	readonly link: TensorLink;
	readonly fleet: Fleet;
	readonly planner: Planner;
	/** How quickly runs look for another plan; see `replanTimes`. */
	readonly replanTimes?: ReplanTimes | undefined;
	/** The machine that the coordinator itself runs on. */
	readonly host: DeviceProfile;
	/** Called when rounds are about to begin; the coordinator passes messages on to it. */
	readonly onDriver: (driver: ActiveRun) => void;
}

/** Two ways of ending a run early. */
export interface RunSignals {
	/** The coordinator is being stopped: the run goes on with its next start. */
	readonly pause: AbortSignal;
	/** A client asked for the end of the run. */
	readonly cancel: AbortSignal;
}

/** Everything that is ready before devices are asked. */
export interface Setting {
	readonly context: RunContext;
	readonly run: RunId;
	readonly manifest: Manifest;
	readonly job: Job;
	readonly plan: Plan;
	readonly preparation: Preparation;
	readonly checkpoints: CheckpointStore;
	readonly checkpoint: Checkpoint | undefined;
	readonly book: LedgerBook;
	readonly accounts: ServerAccounts;
	/** Where the run is taken up, if its checkpoint is of another plan. */
	readonly standing: Standing | undefined;
	/** Devices of the plan that are known to be away: they are not waited for. */
	readonly away: readonly string[];
	/** Seconds that the run has taken before. */
	readonly earlierSeconds: number;
	/** Closed when the run is over. */
	readonly opened: Array<{close(): Promise<void>}>;
}

export const cancelled = 'a client asked for it';

/** The same run, whose reports somebody else hears as well. */
function observed(active: ActiveRun, run: RunId, observer: RunObserver): ActiveRun {
	return Object.create(active, {
		report: {
			value: (body: BodyOf<'roundReport'>, from: DeviceId) => {
				if (body.run === run) {
					observer.reported(from, body);
				}
				active.report(body, from);
			},
		},
	}) as ActiveRun;
}

/** A device's costs are counted from now on, as those of who it says it is. */
export function enrol(fleet: Fleet, book: LedgerBook, device: string, role: string): void {
	const birth = fleet.find(device);
	book.enrol(device, {profile: birth?.profile.name ?? 'unknown', emulated: birth?.emulated ?? false, role});
}

/** Passes on who comes and goes and whether the run is to end, until it has. */
export async function conduct(
	{context, run, book}: Pick<Setting, 'context' | 'run' | 'book'>,
	active: ActiveRun,
	{pause, cancel}: RunSignals,
	observer?: RunObserver,
): Promise<RunEnd> {
	const {fleet} = context;
	const add = (device: string) => enrol(fleet, book, device, active.roleOf(device));
	for (const device of active.devices) {
		add(device);
	}
	const tellSpares = () => {
		const idle = fleet.list().filter(({device, run: other}) => other === undefined && !active.devices.includes(device));
		const strongest = idle.toSorted((a, b) => b.profile.memoryBytes - a.profile.memoryBytes);
		active.spares(strongest.map(({device}) => device));
	};
	const unfollow = fleet.follow({
		joined: ({device, run: other}) => {
			if (other !== undefined && other !== run) {
				releaseFrom(context, device, runId(other));
			}
			if (active.devices.includes(device)) {
				add(device);
			}
			tellSpares();
			active.joined(device);
			observer?.joined(device);
		},
		left: device => {
			tellSpares();
			active.left(device);
			observer?.left(device);
		},
		freed: (device, from) => {
			tellSpares();
			if (from !== run && !active.devices.includes(device)) {
				observer?.freed(device);
			}
		},
	});
	const onPause = () => active.stop('the coordinator was stopped');
	const onCancel = () => active.stop(cancelled);
	try {
		context.onDriver(observer ? observed(active, run, observer) : active);
		tellSpares();
		await active.start(fleet.list().map(({device}) => device));
		observer?.began();
		for (const [signal, stop] of [
			[pause, onPause],
			[cancel, onCancel],
		] as const) {
			signal.addEventListener('abort', stop, {once: true});
			if (signal.aborted) {
				stop();
			}
		}
		return await active.ended;
	} finally {
		unfollow();
		pause.removeEventListener('abort', onPause);
		cancel.removeEventListener('abort', onCancel);
	}
}
