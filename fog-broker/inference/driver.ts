import {asFplError, FplError} from '../../core/errors.js';
import type {DeviceId} from '../../core/ids.js';
import {devicesOf} from '../../core/plan/fallback.js';
import type {Plan} from '../../core/plan/plan.js';
import type {BodyOf} from '../../core/wire/bodies.js';
import {peerError} from '../../core/wire/messenger.js';
import type {Acceptance} from '../../core/wire/tensor-link.js';
import type {ActiveRun} from '../run/conduct.js';
import {endOf, failedEnd, type RunEnd} from '../run/end.js';
import {Outbox} from '../stages/outbox.js';
import {roleOf} from '../stages/recorder.js';
import {Alarm} from './alarm.js';
import type {Answers} from './answers.js';
import {limitsOf} from './asked.js';
import type {InferenceParts, Order} from './parts.js';
import {Recorder, type Reports, readReport} from './recorder.js';
import {Roster} from './roster.js';
import type {WeightsFile} from './weights.js';

/** One attempt under way. */
interface Attempt {
	readonly number: number;
	readonly plan: Plan;
	/** Items by device that is ready. */
	readonly ready: Map<string, number>;
	readonly reports: Map<number, Reports>;
	trouble: string | undefined;
}

/** Attempts in a row that may end before an interval is complete. */
const mostFailures = 6;
/** Before devices are asked again after a fault. */
const pauseMs = 500;

export class InferenceDriver implements ActiveRun {
	readonly #parts: InferenceParts;
	readonly #outbox: Outbox;
	readonly #roster: Roster;
	readonly #began: number;
	#attempt: Attempt | undefined;
	#number: number;
	#begun: {readonly order: Order; readonly answers: Answers} | undefined;
	/** Seconds between orders and answers in attempts that are over, and when the one under way was ordered. */
	#seconds = 0;
	#orderedAt: number | undefined;
	readonly #recorder: Recorder;
	#stopped: string | undefined;
	readonly #alarm: Alarm;
	#end: (end: RunEnd) => void = () => {};
	readonly ended: Promise<RunEnd>;

	constructor(parts: InferenceParts) {
		this.#parts = parts;
		this.#number = parts.attempt;
		this.#began = parts.clock.monotonic();
		this.#recorder = new Recorder(parts);
		this.#alarm = new Alarm(parts.clock);
		this.#roster = new Roster(parts.plan);
		this.#outbox = new Outbox(
			{
				...parts,
				original: parts.sources,
				onTrouble: (device, {message}) => this.#trouble(`${device}: ${message}`),
				onForgotten: () => {},
			},
			parts.attempt,
		);
		this.ended = new Promise(resolve => {
			this.#end = resolve;
		});
	}

	get devices(): readonly string[] {
		return devicesOf(this.#parts.plan);
	}

	get seconds(): number {
		return (this.#parts.clock.monotonic() - this.#began) / 1000;
	}

	/** What was answered; undefined before the sources have told how much there is. */
	get answers(): Answers | undefined {
		return this.#begun?.answers;
	}

	/** Seconds between questions and answers so far. */
	get answeringSeconds(): number {
		return this.#seconds + (this.#orderedAt === undefined ? 0 : (this.#now() - this.#orderedAt) / 1000);
	}

	async start(present: Iterable<string>): Promise<void> {
		for (const device of present) {
			this.#roster.join(device);
		}
		this.#work().then(
			end => this.#finish(end),
			(error: unknown) => this.#finish(failedEnd(asFplError(error))),
		);
	}

	joined(device: string): void {
		this.#roster.join(device);
		this.#alarm.ring();
	}

	left(device: string): void {
		this.#roster.leave(device);
		if (this.#attempt && devicesOf(this.#attempt.plan).includes(device)) {
			this.#note('left', device);
			this.#trouble(`${device} left`);
		}
	}

	spares(devices: readonly string[]): void {
		this.#roster.spares = devices;
	}

	stop(because: string): void {
		this.#stopped = because;
		this.#alarm.ring();
	}

	accept(): Acceptance {
		return {refuse: 'an inference run takes no weights'};
	}

	ready(body: BodyOf<'ready'>, from: DeviceId): void {
		if (this.#isNow(body)) {
			this.#attempt!.ready.set(from, body.items);
			this.#alarm.ring();
		}
	}

	failed(body: BodyOf<'failed'>, from: DeviceId): void {
		if (this.#isNow(body)) {
			const {message, retryable} = peerError(from, body);
			if (!retryable) {
				this.#roster.refuse(from, message);
			}
			this.#note(message, from);
			this.#trouble(message);
		}
	}

	held(): void {}

	report(body: BodyOf<'roundReport'>, from: DeviceId): void {
		if (!this.#isNow(body)) {
			return;
		}
		const {book} = this.#parts;
		const {plan, reports} = this.#attempt!;
		const report = readReport(body.parts, from);
		const ofInterval = reports.get(body.round) ?? new Map();
		if (ofInterval.has(from)) {
			return;
		}
		book.spent(from, body);
		if (body.meterNote !== '') {
			this.#note(body.meterNote, from);
		}
		book.encoded(from, body.attempt, report.codecs);
		reports.set(body.round, ofInterval.set(from, {body, report}));
		const answers = this.answers!;
		while (!answers.done && reports.get(answers.intervals)?.size === devicesOf(plan).length) {
			const times = {at: this.seconds, answering: this.answeringSeconds};
			this.#recorder.complete(plan, reports.get(answers.intervals)!, answers, times);
		}
		this.#alarm.ring();
	}

	roleOf(device: string): string {
		return roleOf(this.#attempt?.plan ?? this.#parts.plan, device);
	}

	/** Nothing is trained. */
	async results() {
		return new Map();
	}

	async #work(): Promise<RunEnd> {
		const {waitMs} = limitsOf(this.#parts.job);
		let failures = 0;
		let last = '';
		for (;;) {
			const over = this.#now() + waitMs;
			const again = this.#number > this.#parts.attempt;
			let found = this.#roster.find(again);
			while (found.kind === 'wait' && !found.hopeless && this.#stopped === undefined) {
				const news = () => this.#roster.changed || this.#stopped !== undefined;
				const heard = await this.#alarm.until(news, over - this.#now());
				found = this.#roster.find(again || !heard);
				if (!heard) {
					break;
				}
			}
			if (this.#stopped !== undefined) {
				return endOf({kind: 'stopped', because: this.#stopped});
			}
			if (found.kind !== 'plan') {
				throw this.#roster.missing(found, waitMs, last);
			}
			for (const text of found.notes) {
				this.#note(text.text, text.device);
			}
			const before = this.answers?.intervals ?? 0;
			if (await this.#try(found.plan)) {
				return {state: 'done'};
			}
			last = this.#attempt?.trouble ?? '';
			failures = (this.answers?.intervals ?? 0) > before ? 1 : failures + 1;
			if (failures > mostFailures) {
				throw new FplError('RUN_STALLED', {
					where: `batch ${this.answers?.nextBatch ?? 0}`,
					problem: `${mostFailures} attempts in a row answered nothing: ${last}`,
					fix: 'See the notes of the run and the logs of its devices.',
				});
			}
			await this.#alarm.until(() => false, pauseMs);
		}
	}

	/** One attempt with this plan; whether everything is answered. */
	async #try(plan: Plan): Promise<boolean> {
		const {clock, book, weights, asked, enrol, onAttempt, begin} = this.#parts;
		const {stagingMs, deadlineMs} = limitsOf(this.#parts.job);
		const devices = devicesOf(plan);
		this.#number += 1;
		const attempt: Attempt = {number: this.#number, plan, ready: new Map(), reports: new Map(), trouble: undefined};
		this.#attempt = attempt;
		this.#outbox.begin(attempt.number);
		await onAttempt(attempt.number);
		for (const device of devices) {
			enrol(device, roleOf(plan, device));
		}
		const file = weights?.(plan);
		const from = this.answers?.nextBatch ?? 0;
		for (const device of devices) {
			this.#assign(device, plan, {...asked, from}, file);
		}
		const over = () => attempt.trouble !== undefined || this.#stopped !== undefined;
		const ready = () => devices.every(device => attempt.ready.has(device));
		if (!(await this.#alarm.until(() => ready() || over(), stagingMs))) {
			const silent = devices.filter(device => !attempt.ready.has(device));
			attempt.trouble = `${silent.join(', ')} did not get ready within ${stagingMs / 1000} s`;
		}
		if (!over()) {
			const has = (device: string) => attempt.ready.get(device)!;
			const sources = plan.stages[0]!.replicas.map(({device}) => device);
			this.#begun ??= begin(Math.min(...sources.map(has)));
			const {order, answers} = this.#begun;
			const lacking = sources.find(device => has(device) < order.items);
			if (lacking !== undefined) {
				// It came later than the number of items was known.
				attempt.trouble = `${lacking} has ${has(lacking)} test items, of ${order.items}`;
				this.#roster.refuse(lacking, attempt.trouble);
				this.#note(attempt.trouble, lacking);
				return false;
			}
			for (const device of devices) {
				this.#outbox.order(device).infer = {...order, from};
			}
			this.#orderedAt = clock.monotonic();
			this.#recorder.begin();
			this.#outbox.flush(deadlineMs);
			while (!answers.done && !over()) {
				const {intervals} = answers;
				const moved = () => answers.intervals > intervals || over();
				if (!(await this.#alarm.until(moved, deadlineMs * (order.interval + 1)))) {
					attempt.trouble = `interval ${intervals + 1} was not answered in time`;
				}
			}
			this.#seconds = this.answeringSeconds;
			this.#orderedAt = undefined;
			if (answers.done) {
				return true;
			}
			for (const device of devices) {
				book.asked(device);
			}
		}
		if (attempt.trouble !== undefined) {
			this.#note(`the attempt ended: ${attempt.trouble}`);
		}
		return false;
	}

	#assign(device: string, plan: Plan, asked: Readonly<Record<string, number>>, file: WeightsFile | undefined): void {
		const {run} = this.#parts;
		const transfer = file && this.#outbox.transferId('weights');
		const weights = file && {digest: file.digest, transfer};
		const number = this.#number;
		this.#outbox.assign(device, plan, 0, {inference: {...asked, weights}}).catch((error: unknown) => {
			const {message, code} = asFplError(error);
			if (code !== 'INTERRUPTED' && number === this.#number) {
				this.#roster.refuse(device, message);
				this.#note(message, device);
				this.#trouble(message);
			}
		});
		if (file) {
			this.#outbox.send(device, transfer!, {kind: 'model', run, digest: file.digest}, file.bytes);
		}
	}

	#finish(end: RunEnd): void {
		const {plan} = this.#attempt ?? {};
		this.#attempt = undefined;
		this.#outbox.release([...new Set([...this.devices, ...(plan ? devicesOf(plan) : [])])], end.state);
		this.#end(end);
	}

	#isNow({run, attempt}: {readonly run: string; readonly attempt: number}): boolean {
		return run === this.#parts.run && attempt === this.#attempt?.number;
	}

	#trouble(because: string): void {
		if (this.#attempt) {
			this.#attempt.trouble ??= because;
			this.#alarm.ring();
		}
	}

	#now(): number {
		return this.#parts.clock.monotonic();
	}

	#note(text: string, device?: string): void {
		const {book, emit, log} = this.#parts;
		const whose = device === undefined ? {} : {device};
		book.note({at: this.seconds, ...whose, text});
		emit({kind: 'note', text, ...whose});
		log.info(text, whose);
	}
}
