/** What devices report of intervals, on its way into the ledger and to those who watch. */
import type {Clock} from '../../core/clock.js';
import {FplError} from '../../core/errors.js';
import type {RunUpdate} from '../../core/ledger/run-update.js';
import {type InferReport, inferReportSchema} from '../../core/plan/inference.js';
import type {Plan} from '../../core/plan/plan.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import type {TensorLink} from '../../core/wire/tensor-link.js';
import type {LedgerBook} from '../run/ledger-book.js';
import type {Answers} from './answers.js';

/** Of one interval, by device. */
export type Reports = Map<string, {readonly body: BodyOf<'roundReport'>; readonly report: InferReport}>;

export interface RecorderOptions {
	readonly clock: Clock;
	readonly link: TensorLink;
	readonly book: LedgerBook;
	readonly emit: (update: RunUpdate) => void;
}

export class Recorder {
	readonly #options: RecorderOptions;
	/** What the coordinator itself has sent. */
	#sent: number;
	#last = 0;

	constructor(options: RecorderOptions) {
		this.#options = options;
		this.#sent = options.link.traffic.sent;
	}

	/** Answering begins, or begins again. */
	begin(): void {
		this.#last = this.#options.clock.monotonic();
	}

	/**
	 * All devices have reported the next interval: it counts from now on.
	 * @param at seconds since the run began.
	 * @param answering seconds between questions and answers so far.
	 */
	complete(
		plan: Plan,
		reports: Reports,
		answers: Answers,
		{at, answering}: {readonly at: number; readonly answering: number},
	): void {
		const {book, link, emit, clock} = this.#options;
		const round = answers.intervals;
		const sum = (of: (body: BodyOf<'roundReport'>) => number) =>
			[...reports.values()].reduce((total, {body}) => total + of(body), 0);
		for (const device of reports.keys()) {
			book.asked(device);
			book.contributed(device);
		}
		const {items, hits} = answers.add(
			plan,
			[...reports.values()].flatMap(({report}) => report.answers),
		);
		const sentHere = link.traffic.sent - this.#sent;
		this.#sent = link.traffic.sent;
		const now = clock.monotonic();
		const record = {
			round,
			step: answers.nextBatch,
			epoch: answers.items / Math.max(1, answers.allItems),
			at,
			seconds: (now - this.#last) / 1000,
			loss: Number.NaN,
			...(hits === undefined || items === 0 ? {} : {accuracy: hits / items}),
			bytes: sentHere + sum(body => body.bytesSent),
			joules: sum(body => Object.values(body.phases).reduce((total, {joules}) => total + joules, 0)),
			devices: [...reports.keys()],
		};
		this.#last = now;
		book.addRound(record);
		const inference = answers.figures(answering);
		emit({kind: 'round', record, rounds: answers.allIntervals, epochs: 1, devices: book.progress(), inference});
	}
}

/** @throws FplError `WIRE_INVALID` */
export function readReport(text: string, from: string): InferReport {
	try {
		return inferReportSchema.parse(JSON.parse(text));
	} catch (error) {
		throw new FplError('WIRE_INVALID', {where: `report of ${from}`, problem: 'it cannot be read'}, {cause: error});
	}
}
