/** What several ledgers have in common and can be compared by; the ground of the text and the page. */
import type {DeviceLedger, Ledger} from '../../core/ledger/ledger.js';
import {byteCount, dash, duration, energy, enumerate, integer, loss, percent, ratio} from '../format.js';
import {energyOrigin, honestMarks, phaseSeconds, summarise} from '../summary.js';

/** «digits-1», told apart from others of the same name by kind, and then by number. */
export function ledgerNames(ledgers: readonly Ledger[]): string[] {
	const plain = ledgers.map(({run}) => run || dash);
	const repeated = (names: readonly string[], name: string) => names.filter(other => other === name).length > 1;
	const kinds = ledgers.map(({kind}, index) =>
		repeated(plain, plain[index]!) ? `${plain[index]}, ${kind}` : plain[index]!,
	);
	return kinds.map((name, index) => (repeated(kinds, name) ? `${name} (${index + 1})` : name));
}

/** The value, and how many times that of the first it is. */
export function against(
	write: (value: number | undefined) => string,
	value: number | undefined,
	first: number | undefined,
) {
	const times = value !== undefined && first !== undefined && first > 0 ? ratio(value / first) : dash;
	return times === dash || times === '1×' ? write(value) : `${write(value)} (${times})`;
}

export interface ComparedMetric {
	readonly title: string;
	readonly of: (ledger: Ledger) => number | undefined;
	readonly write: (value: number | undefined) => string;
	/** Shares and losses are compared by eye; a ratio of them would mislead. */
	readonly relative: boolean;
	/** As in `Column`. */
	readonly expendable?: number;
}

/** The last test loss that was measured. */
const testLoss = ({rounds}: Ledger): number | undefined =>
	rounds.findLast(record => record.testLoss !== undefined)?.testLoss;

/** From the beginning of the first round to the end of the last: without getting ready. */
function trainingSeconds({rounds, seconds}: Ledger): number {
	const [first, last] = [rounds[0], rounds.at(-1)];
	return first && last ? last.at - first.at + first.seconds : seconds;
}

export const metrics = {
	time: {title: 'time', of: ({seconds}) => seconds, write: duration, relative: true},
	training: {title: 'training', of: trainingSeconds, write: duration, relative: true},
	bytes: {title: 'bytes', of: ledger => summarise(ledger).bytes, write: byteCount, relative: true},
	energy: {title: 'energy', of: ledger => summarise(ledger).joules, write: energy, relative: true},
	accuracy: {title: 'accuracy', of: ({final}) => final.accuracy, write: percent, relative: false},
	loss: {title: 'loss', of: ({final}) => final.loss, write: loss, relative: false, expendable: 2},
	testLoss: {title: 'test loss', of: testLoss, write: loss, relative: false, expendable: 3},
	rounds: {title: 'rounds', of: ledger => summarise(ledger).rounds, write: integer, relative: false, expendable: 3},
	steps: {title: 'steps', of: ledger => summarise(ledger).steps, write: integer, relative: false, expendable: 4},
	/** Those that compute on items; the coordinator is none of them. */
	devices: {
		title: 'devices',
		of: ({devices}) => devices.filter(({role}) => role !== 'parameter server').length,
		write: integer,
		relative: false,
		expendable: 5,
	},
} as const satisfies Record<string, ComparedMetric>;

/** What is compared, in the order of importance. */
export const comparedMetrics: readonly ComparedMetric[] = [
	metrics.time,
	metrics.bytes,
	metrics.energy,
	metrics.accuracy,
	metrics.loss,
	metrics.rounds,
];

export const metricCell = ({of, write, relative}: ComparedMetric, ledger: Ledger, first: Ledger): string =>
	relative && ledger !== first ? against(write, of(ledger), of(first)) : write(of(ledger));

/** One device in one of the ledgers, with its numbers against those in the first ledger that has it. */
export interface ComparedDevice {
	readonly entry: DeviceLedger;
	/** Name of the ledger. */
	readonly ledger: string;
	readonly first: boolean;
	readonly computing: string;
	readonly link: string;
	readonly allPhases: string;
	readonly energy: string;
	/** See `energyOrigin`. */
	readonly origin: string;
}

const linkSeconds = ({phases}: DeviceLedger): number => phases.send.seconds + phases.receive.seconds;

/** A list per device that takes part in at least two ledgers: only those can be compared one by one. */
export function comparedDevices(ledgers: readonly Ledger[]): ComparedDevice[][] {
	const names = ledgerNames(ledgers);
	const entries = new Map<string, Array<{entry: DeviceLedger; ledger: string; from: Ledger}>>();
	for (const [index, from] of ledgers.entries()) {
		for (const entry of from.devices) {
			const list = entries.get(entry.device) ?? [];
			list.push({entry, ledger: names[index]!, from});
			entries.set(entry.device, list);
		}
	}
	return [...entries.values()]
		.filter(list => list.length > 1)
		.map(list => {
			const base = list[0]!.entry;
			return list.map(({entry, ledger, from}) => ({
				entry,
				ledger,
				first: entry === base,
				computing: against(duration, entry.phases.compute.seconds, base.phases.compute.seconds),
				link: against(duration, linkSeconds(entry), linkSeconds(base)),
				allPhases: duration(phaseSeconds(entry)),
				energy: against(energy, entry.joules, base.joules),
				origin: energyOrigin(from, entry),
			}));
		});
}

/** The honest marks of all ledgers, each headed by the names of those it is about. */
export function comparedMarks(ledgers: readonly Ledger[]): string[] {
	const names = ledgerNames(ledgers);
	const marks = new Map<string, string[]>();
	for (const [index, ledger] of ledgers.entries()) {
		for (const mark of honestMarks(ledger)) {
			marks.set(mark, [...(marks.get(mark) ?? []), names[index]!]);
		}
	}
	return [...marks].map(([mark, about]) => (about.length === ledgers.length ? mark : `${enumerate(about)}: ${mark}`));
}
