/** Steps as they go into the ledger and to those who watch. */
import type {RunUpdate} from '../../core/ledger/run-update.js';
import type {StepReport} from '../../core/plan/orders.js';
import type {Plan} from '../../core/plan/plan.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import type {LedgerBook} from '../run/ledger-book.js';
import type {MeanAggregator} from '../server/aggregator.js';
import {itemsPerEpoch} from './calendar.js';
import type {StageState} from './state.js';

export interface RecorderOptions {
	readonly link: TensorLink;
	readonly book: LedgerBook;
	readonly epochs: number;
	readonly emit: (update: RunUpdate) => void;
}

/** What the devices told of one step, by device. */
export type StepReports = ReadonlyMap<string, {readonly body: BodyOf<'roundReport'>; readonly report: StepReport}>;

const updateEveryMs = 250;

/** What the devices have told of the step under way. */
export interface StepUnderWay {
	readonly began: number;
	readonly reports: Map<string, {readonly body: BodyOf<'roundReport'>; readonly report: StepReport}>;
	readonly means: ReadonlyMap<string, MeanAggregator>;
}

export class Recorder {
	readonly #options: RecorderOptions;
	/** What the coordinator itself has sent. */
	#sent: number;
	#lastUpdate = Number.NEGATIVE_INFINITY;

	constructor(options: RecorderOptions) {
		this.#options = options;
		this.#sent = options.link.traffic.sent;
	}

	/**
	 * @param step of the reports; `now` and `began` in milliseconds of one clock.
	 * @param at seconds since the run began.
	 */
	record(
		{plan, original, items, steps}: StageState,
		step: number,
		reports: StepReports,
		{began, now, at}: {readonly began: number; readonly now: number; readonly at: number},
	): void {
		const {book, link, epochs, emit} = this.#options;
		const lastStage = plan.stages.length - 1;
		const learned = [...reports.values()].map(({body, report}) => ({
			loss: body.loss,
			items: report.parts.filter(({stage}) => stage === lastStage).reduce((sum, part) => sum + part.items, 0),
		}));
		const count = learned.reduce((sum, part) => sum + part.items, 0);
		const sentHere = link.traffic.sent - this.#sent;
		this.#sent = link.traffic.sent;
		const sum = (of: (body: BodyOf<'roundReport'>) => number) =>
			[...reports.values()].reduce((total, {body}) => total + of(body), 0);
		for (const device of reports.keys()) {
			book.contributed(device);
		}
		const record = {
			round: step,
			step: step + 1,
			epoch: (book.rounds.at(-1)?.epoch ?? 0) + count / Math.max(1, itemsPerEpoch(original, items)),
			at,
			seconds: (now - began) / 1000,
			loss: learned.reduce((total, part) => total + part.loss * part.items, 0) / Math.max(1, count),
			bytes: sentHere + sum(body => body.bytesSent),
			joules: sum(body => Object.values(body.phases).reduce((total, {joules}) => total + joules, 0)),
			devices: [...reports.keys()],
		};
		book.addRound(record);
		book.timeline({
			step,
			milliseconds: now - began,
			passes: [...reports].flatMap(([device, {report}]) =>
				report.parts.flatMap(({stage, replica, passes}) =>
					passes.map(([kind, micro, from, to]) => ({device, stage, replica, kind, micro, from, to})),
				),
			),
		});
		if (now - this.#lastUpdate >= updateEveryMs || step + 1 === steps) {
			this.#lastUpdate = now;
			emit({kind: 'round', record, rounds: steps ?? 0, epochs, devices: book.progress()});
		}
	}
}

/** What a device does in a plan: «stage 0», «replica 2 of stage 0, stage 1». */
export const roleOf = ({stages}: Plan, device: string): string =>
	stages
		.flatMap(({replicas}, stage) =>
			replicas.flatMap((replica, index) =>
				replica.device !== device
					? []
					: [replicas.length > 1 ? `replica ${index} of stage ${stage}` : `stage ${stage}`],
			),
		)
		.join(', ') || 'spare';
