/** Adds up what the devices of a run report, round by round, into its ledger. Plain data in and out, so it can be resumed. */
import {
	type DeviceLedger,
	type EnergySource,
	type Ledger,
	type Phase,
	type PhaseCost,
	phases,
	type RoundRecord,
	type RunNote,
	type Timeline,
} from '../../core/ledger/ledger.js';
import {addMetering} from '../../core/ledger/metering.js';
import type {DeviceProgress} from '../../core/ledger/run-update.js';
import type {CodecCounts} from '../../core/plan/orders.js';

/** What one device reports of one round. */
export interface DeviceRound {
	readonly phases: Readonly<Record<Phase, PhaseCost>>;
	readonly radioJoules: number;
	readonly energySource: EnergySource;
	/** Seconds that the meter saw; absent: all, or none where all is modelled. */
	readonly meteredSeconds?: number | undefined;
	readonly modelledJoules?: number | undefined;
	/** Energy left in its battery, where one tells. */
	readonly batteryJoules?: number | undefined;
	readonly bytesSent: number;
	readonly bytesReceived: number;
	readonly items: number;
	readonly peakMemoryBytes: number;
}

export interface DeviceFacts {
	readonly profile: string;
	readonly emulated: boolean;
	readonly role: string;
}

/** Everything in a book, as JSON. */
export interface BookPages {
	readonly devices: readonly DeviceLedger[];
	readonly rounds: readonly RoundRecord[];
	readonly notes: readonly RunNote[];
	/** Seconds that earlier attempts took. */
	readonly seconds: number;
	readonly timeline?: Timeline;
}

export const emptyPages: BookPages = {devices: [], rounds: [], notes: [], seconds: 0};

const noCodecs: CodecCounts = {saturated: 0, nonFinite: 0, bytesBefore: 0, bytesAfter: 0};
const noCost: PhaseCost = {seconds: 0, joules: 0};
const addCost = (a: PhaseCost, b: PhaseCost): PhaseCost => ({
	seconds: a.seconds + b.seconds,
	joules: a.joules + b.joules,
});
const perPhase = (make: (phase: Phase) => PhaseCost): Record<Phase, PhaseCost> =>
	Object.fromEntries(phases.map(phase => [phase, make(phase)])) as Record<Phase, PhaseCost>;

/** More records than that say nothing more in a curve, but would make every checkpoint larger. */
const mostRounds = 2000;

/** Half as many records: neighbours become one, except where one of them was evaluated. */
function thinned(rounds: readonly RoundRecord[]): RoundRecord[] {
	const result: RoundRecord[] = [];
	for (let index = 0; index < rounds.length; index++) {
		const first = rounds[index]!;
		const second = rounds[index + 1];
		if (!second || first.testLoss !== undefined) {
			result.push(first);
			continue;
		}
		index++;
		result.push({
			...second,
			seconds: first.seconds + second.seconds,
			loss: (first.loss + second.loss) / 2,
			bytes: first.bytes + second.bytes,
			joules: first.joules + second.joules,
			devices: [...new Set([...first.devices, ...second.devices])],
		});
	}
	return result;
}

export class LedgerBook {
	readonly #devices: Map<string, DeviceLedger>;
	readonly #rounds: RoundRecord[];
	readonly #notes: RunNote[];
	/** What codecs had done in an attempt by the last report of each device. */
	readonly #counted = new Map<string, {readonly attempt: number; readonly counts: CodecCounts}>();
	#timeline: Timeline | undefined;

	constructor(pages: BookPages) {
		this.#devices = new Map(pages.devices.map(device => [device.device, device]));
		this.#rounds = [...pages.rounds];
		this.#notes = [...pages.notes];
		this.#timeline = pages.timeline;
	}

	get rounds(): readonly RoundRecord[] {
		return this.#rounds;
	}

	/** A device takes part, or does something else from now on. */
	enrol(device: string, facts: DeviceFacts): void {
		const before = this.#devices.get(device);
		this.#devices.set(device, {
			device,
			phases: perPhase(() => noCost),
			radioJoules: 0,
			joules: 0,
			energySource: 'modelled',
			bytesSent: 0,
			bytesReceived: 0,
			items: 0,
			roundsAsked: 0,
			roundsDone: 0,
			...before,
			...facts,
		});
	}

	/** What codecs have done on a device since the attempt began: with each attempt it counts from zero. */
	encoded(device: string, attempt: number, counts: CodecCounts): void {
		const last = this.#counted.get(device);
		const since = last?.attempt === attempt ? last.counts : noCodecs;
		this.#counted.set(device, {attempt, counts});
		if (counts.bytesBefore > 0) {
			this.#change(device, ({codecs = noCodecs}) => ({
				codecs: {
					saturated: codecs.saturated + counts.saturated - since.saturated,
					nonFinite: codecs.nonFinite + counts.nonFinite - since.nonFinite,
					bytesBefore: codecs.bytesBefore + counts.bytesBefore - since.bytesBefore,
					bytesAfter: codecs.bytesAfter + counts.bytesAfter - since.bytesAfter,
				},
			}));
		}
	}

	/** How the stages shared the step that is over. */
	timeline(timeline: Timeline): void {
		this.#timeline = timeline;
	}

	asked(device: string): void {
		this.#change(device, ({roundsAsked}) => ({roundsAsked: roundsAsked + 1}));
	}

	/** Counts what a device spent, whether or not its contribution came in time. */
	spent(device: string, round: DeviceRound): void {
		this.#change(device, before => {
			const costs = perPhase(phase => addCost(before.phases[phase], round.phases[phase]));
			const joules = phases.reduce((sum, phase) => sum + round.phases[phase].joules, 0);
			const {batteryJoules} = round;
			return {
				phases: costs,
				radioJoules: before.radioJoules + round.radioJoules,
				joules: phases.reduce((sum, phase) => sum + costs[phase].joules, 0),
				...addMetering(before, {...round, joules}),
				...(batteryJoules === undefined ? {} : {batteryJoules}),
				bytesSent: before.bytesSent + round.bytesSent,
				bytesReceived: before.bytesReceived + round.bytesReceived,
				items: before.items + round.items,
				peakMemoryBytes: Math.max(before.peakMemoryBytes ?? 0, round.peakMemoryBytes),
			};
		});
	}

	contributed(device: string): void {
		this.#change(device, ({roundsDone}) => ({roundsDone: roundsDone + 1}));
	}

	addRound(record: RoundRecord): void {
		this.#rounds.push(record);
		if (this.#rounds.length > mostRounds) {
			this.#rounds.splice(0, this.#rounds.length, ...thinned(this.#rounds));
		}
	}

	/** Forgets the curve from this round on, since it is done again. What it cost stays. */
	backTo(round: number): void {
		const kept = this.#rounds.filter(record => record.round < round);
		this.#rounds.splice(0, this.#rounds.length, ...kept);
	}

	/** Adds a test result to a round that is over. */
	evaluated(round: number, accuracy: number | undefined, testLoss: number): void {
		const index = this.#rounds.findIndex(record => record.round >= round);
		const record = this.#rounds[index];
		if (record) {
			this.#rounds[index] = {...record, testLoss, ...(accuracy === undefined ? {} : {accuracy})};
		}
	}

	note(note: RunNote): void {
		this.#notes.push(note);
	}

	/** Totals of every device so far. */
	progress(): DeviceProgress[] {
		return [...this.#devices.values()].map(device => ({
			device: device.device,
			emulated: device.emulated,
			computeSeconds: device.phases.compute.seconds,
			bytes: device.bytesSent + device.bytesReceived,
			joules: device.joules,
			items: device.items,
		}));
	}

	/** Of this moment: what is added later does not show in it. */
	pages(seconds: number): BookPages {
		const timeline = this.#timeline ? {timeline: this.#timeline} : {};
		return {
			devices: [...this.#devices.values()],
			rounds: [...this.#rounds],
			notes: [...this.#notes],
			seconds,
			...timeline,
		};
	}

	ledger(facts: Pick<Ledger, 'run' | 'model' | 'dataset' | 'scheme' | 'startedAt' | 'seconds' | 'final'>): Ledger {
		return {version: 1, kind: 'measured', ...facts, ...this.pages(facts.seconds), seconds: facts.seconds};
	}

	#change(device: string, change: (before: DeviceLedger) => Partial<DeviceLedger>): void {
		const before = this.#devices.get(device);
		if (before) {
			this.#devices.set(device, {...before, ...change(before)});
		}
	}
}
