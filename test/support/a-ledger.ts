/** Ledgers that look like those of real runs, from a seed: for tests of reports and of what reads them. */
import {phaseCosts} from '../../core/energy/model.js';
import type {DeviceLedger, Ledger, RoundRecord, Timeline, TimelinePass} from '../../core/ledger/ledger.js';
import {libraryProfile, type ProfileName} from '../../core/profile/library.js';
import {seededRandom} from '../../core/random.js';

export interface LedgerWish {
	readonly devices?: number;
	readonly rounds?: number;
	readonly seed?: number;
	/** Evaluated after every so many rounds. */
	readonly evaluateEvery?: number;
}

const fleet: readonly ProfileName[] = [
	'raspberry-pi-4b',
	'raspberry-pi-5',
	'raspberry-pi-3b-plus',
	'jetson-nano',
	'raspberry-pi-zero-2w',
];

/** Weights of LeNet-5, up and down, per device and round. */
const bytesPerRound = 61_706 * 4 + 900;

/** Replicas on emulated devices, and a fog server (metered by RAPL) that averages their weights. */
export function aLedger(wish: LedgerWish = {}, changes: Partial<Ledger> = {}): Ledger {
	const {devices = 4, rounds = 20, seed = 7, evaluateEvery = 5} = wish;
	const random = seededRandom(seed);
	const seconds = rounds * 1.4 + 3;
	const replicas = Array.from({length: devices}, (_, index): DeviceLedger => {
		const name = fleet[index % fleet.length]!;
		const profile = libraryProfile(name);
		const computeSeconds =
			rounds * Math.min(1.2, 0.02 + 6e9 / profile.speeds.convolution) * (0.95 + 0.1 * random.next());
		const sendSeconds = rounds * (bytesPerRound / profile.link.upBytesPerSecond + profile.link.latencySeconds);
		const receiveSeconds = rounds * (bytesPerRound / profile.link.downBytesPerSecond + profile.link.latencySeconds);
		const costs = phaseCosts(profile, {
			computeSeconds,
			sendSeconds,
			receiveSeconds,
			waitSeconds: Math.max(0, seconds - 3 - computeSeconds - sendSeconds - receiveSeconds),
			idleSeconds: 3,
			bytesUp: rounds * bytesPerRound,
			bytesDown: rounds * bytesPerRound,
		});
		return {
			device: `cam-${index + 1}`,
			profile: name,
			emulated: true,
			role: 'replica of stage 0',
			...costs,
			energySource: 'modelled',
			bytesSent: rounds * bytesPerRound,
			bytesReceived: rounds * bytesPerRound,
			items: rounds * 750,
			peakMemoryBytes: 1.4e8 + index * 3e6,
			roundsAsked: rounds,
			roundsDone: index === 2 ? Math.max(0, rounds - 2) : rounds,
		};
	});
	const server: DeviceLedger = {
		device: 'fog-1',
		profile: 'mini-pc-n100',
		emulated: false,
		role: 'parameter server',
		...phaseCosts(libraryProfile('mini-pc-n100'), {
			computeSeconds: rounds * 0.03,
			sendSeconds: rounds * devices * 0.004,
			receiveSeconds: rounds * devices * 0.004,
			waitSeconds: Math.max(0, seconds - 3 - rounds * (0.03 + devices * 0.008)),
			idleSeconds: 3,
			bytesUp: rounds * devices * bytesPerRound,
			bytesDown: rounds * devices * bytesPerRound,
		}),
		energySource: 'rapl',
		bytesSent: rounds * devices * bytesPerRound,
		bytesReceived: rounds * devices * bytesPerRound,
		items: 0,
		peakMemoryBytes: 2.1e8,
		roundsAsked: rounds,
		roundsDone: rounds,
	};
	const all = devices === 0 ? [] : [...replicas, server];
	const joules = all.reduce((sum, device) => sum + device.joules, 0);
	const records = Array.from({length: rounds}, (_, round): RoundRecord => {
		const progress = (round + 1) / Math.max(1, rounds);
		const loss = 0.06 + 2.24 * Math.exp(-5 * progress) + 0.02 * random.normal() * Math.exp(-3 * progress);
		const evaluated = (round + 1) % evaluateEvery === 0 || round === rounds - 1;
		return {
			round,
			step: (round + 1) * 12,
			epoch: progress * 3,
			at: 3 + (round + 1) * 1.4,
			seconds: 1.4,
			loss,
			...(evaluated && {accuracy: 0.975 - 0.85 * Math.exp(-6 * progress), testLoss: loss * 1.1}),
			bytes: devices * 2 * bytesPerRound,
			joules: joules / Math.max(1, rounds),
			devices: replicas.filter((_, index) => !(index === 2 && round < 2)).map(({device}) => device),
		};
	});
	return {
		version: 1,
		kind: 'measured',
		run: 'digits-1',
		model: 'lenet5',
		dataset: 'mnist',
		scheme: 'FedAvg, 1 local epoch',
		startedAt: '2026-03-14T09:26:53.000Z',
		seconds,
		rounds: records,
		devices: all,
		notes:
			devices > 2
				? [
						{at: 3.2, device: 'cam-3', text: 'missed the deadline of round 1 (2.8 s)'},
						{at: 7.1, device: 'cam-3', text: 'came back'},
					]
				: [],
		final: {
			loss: records.at(-1)?.loss ?? Number.NaN,
			...(records.at(-1)?.accuracy !== undefined && {accuracy: records.at(-1)!.accuracy!}),
			state: 'done',
		},
		...changes,
	};
}

/** A ledger whose every foreign text tries to break out of its report. */
export function aHostileLedger(): Ledger {
	const ledger = aLedger({devices: 2, rounds: 3});
	const evil = `<script>alert("x")</script>&amp;'\`"\u001b[31m\n,=cmd()\u202e`;
	return {
		...ledger,
		run: evil,
		model: evil,
		dataset: evil,
		scheme: evil,
		startedAt: evil,
		devices: ledger.devices.map((device, index) => ({
			...device,
			device: `${index}${evil}`,
			profile: evil,
			role: evil,
			energySource: index === 0 ? evil : device.energySource,
		})),
		notes: [{at: 1, device: evil, text: evil}],
		final: {...ledger.final, state: 'failed', because: evil},
	};
}

export interface TimelineWish {
	readonly stages?: number;
	readonly micros?: number;
	/** How much later than the first device each further one began to count, milliseconds. */
	readonly lateness?: number;
}

/** A step of a pipeline by gpipe's schedule: a pass takes 10 ms, a message 2 ms, and every device has a clock of its own. */
export function aTimeline({stages = 3, micros = 4, lateness = 0}: TimelineWish = {}): Timeline {
	const passes: TimelinePass[] = [];
	const free = Array.from({length: stages}, () => 0);
	const arrived = Array.from({length: micros}, () => 0);
	const add = (stage: number, micro: number, kind: TimelinePass['kind']) => {
		const from = Math.max(free[stage]!, arrived[micro]!);
		free[stage] = from + 10;
		arrived[micro] = from + 12;
		const late = stage * lateness;
		passes.push({device: `dev-${stage}`, stage, replica: 0, kind, micro, from: from - late, to: from + 10 - late});
	};
	for (let micro = 0; micro < micros; micro++) {
		for (let stage = 0; stage < stages - 1; stage++) {
			add(stage, micro, 'forward');
		}
		add(stages - 1, micro, 'learn');
	}
	for (let micro = 0; micro < micros; micro++) {
		for (let stage = stages - 2; stage >= 0; stage--) {
			add(stage, micro, 'backward');
		}
	}
	return {step: 41, milliseconds: 200, passes};
}
