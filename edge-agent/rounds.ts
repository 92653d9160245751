/** What an agent does in a run of one stage: weights come, a round is worked on, the contribution goes back. */
import {z} from 'zod';
import type {Clock} from '../core/clock.js';
import {asFplError, isFplError} from '../core/errors.js';
import type {Logger} from '../core/log.js';
import {bytesOf} from '../core/tensor/tensor.js';
import type {Body, BodyOf} from '../core/wire/bodies.js';
import type {Inbox} from '../core/wire/inbox.js';
import {Sendings} from '../core/wire/link/sendings.js';
import type {TensorLink} from '../core/wire/tensor-link.js';
import {coordinatorId} from '../core/wire/topics.js';
import type {Meter} from './meter.js';
import {PhaseClock} from './phase-clock.js';
import type {RoundWorkspace} from './staging.js';
import type {Task} from './state.js';
import {computeContribution, type RoundWork} from './work.js';

export interface RoundTaskParts {
	readonly clock: Clock;
	readonly log: Logger;
	readonly link: TensorLink;
	readonly inbox: Inbox;
	readonly meter: Meter;
	/** Tells the coordinator; repeated until it is acknowledged or too late. */
	readonly tell: (body: Body) => void;
}

const batchesSchema = z.strictObject({
	cursor: z.number().int().min(0),
	count: z.number().int().min(1),
	batch: z.number().int().min(1),
});

export class RoundTask {
	readonly #parts: RoundTaskParts;
	readonly #task: Task;
	readonly #workspace: RoundWorkspace;
	readonly #phases: PhaseClock;
	readonly #sendings: Sendings;
	#traffic: TensorLink['traffic'];

	constructor(parts: RoundTaskParts, task: Task, workspace: RoundWorkspace) {
		this.#parts = parts;
		this.#task = task;
		this.#workspace = workspace;
		this.#phases = new PhaseClock(parts.clock);
		this.#sendings = new Sendings(parts.link);
		this.#traffic = {...parts.link.traffic};
		parts.meter.begin();
	}

	/** Works on a round and tells how it went. Never rejects. */
	async work(start: BodyOf<'startRound'>, signal: AbortSignal): Promise<void> {
		try {
			if (!signal.aborted) {
				await this.#round(start, signal);
			}
		} catch (error) {
			const {code, facts, message} = asFplError(error);
			if (code === 'INTERRUPTED') {
				return;
			}
			this.#parts.log.warn(`round ${start.round + 1}: ${message}`, {code});
			if (code === 'WIRE_TIMEOUT' || code === 'WIRE_CLOSED') {
				// The link failed us, not the machine: this round is lost, the next one may do.
				this.#sayReady();
			} else {
				this.#parts.tell({kind: 'failed', ...this.#task, code, facts: JSON.stringify(facts)});
			}
		}
	}

	#sayReady(): void {
		this.#parts.tell({kind: 'ready', ...this.#task, items: this.#workspace.items});
	}

	async #round(start: BodyOf<'startRound'>, signal: AbortSignal): Promise<void> {
		const {clock, link, meter, inbox} = this.#parts;
		const {trainer, data, order, plan, workload} = this.#workspace;
		const task = this.#task;
		const {data: payload, seconds} = await inbox.take(start.weightsTransfer, start.deadlineMs, signal);
		// The weights may have begun to come before the order to use them.
		this.#phases.move('wait', 'receive', seconds);
		const weights = new Float32Array(payload.buffer, payload.byteOffset, payload.byteLength / 4);
		const work: RoundWork = {
			kind: plan.synchronisation.exchange === 'gradients' ? 'gradient' : 'local-training',
			...batchesSchema.parse(JSON.parse(start.batches)),
			round: start.round,
			lrScale: start.lrScales[0] ?? 1,
		};
		const result = await this.#phases.during('compute', async () => {
			const began = clock.monotonic();
			const contribution = await computeContribution(trainer, data, order, weights, work, signal);
			const took = (clock.monotonic() - began) / 1000;
			const surplus = await meter.stretch(
				workload(contribution.items, contribution.steps, work.kind === 'gradient' ? 0 : contribution.steps),
				took,
				signal,
			);
			this.#phases.move('compute', 'wait', surplus);
			return contribution;
		});
		// The coordinator names every asking anew, so the answer to a repeated round is another transfer.
		const transfer = `${start.weightsTransfer}/c`;
		const sending = this.#sendings.link.send(
			coordinatorId,
			{
				id: transfer,
				purpose: {
					kind: 'contribution',
					...task,
					round: start.round,
					weight: result.items,
					parameters: trainer.parameters.length,
					buffers: trainer.buffers.length,
					key: '',
				},
				data: bytesOf({data: result.vector}),
			},
			{stallMs: start.deadlineMs, signal},
		);
		const refused = await this.#phases.during('send', () =>
			sending.then(
				() => false,
				(error: unknown) => {
					if (!isFplError(error, 'AGENT_FAILED')) {
						throw error;
					}
					this.#parts.log.info(`round ${start.round + 1} went on without us: ${error.message}`);
					return true;
				},
			),
		);
		const {sent, received} = link.traffic;
		const bytes = {bytesSent: sent - this.#traffic.sent, bytesReceived: received - this.#traffic.received};
		this.#traffic = {sent, received};
		this.#parts.tell({
			kind: 'roundReport',
			...task,
			round: start.round,
			loss: result.loss,
			items: result.items,
			steps: result.steps,
			correct: result.correct,
			...(await meter.cost(this.#phases.read(), bytes)),
			...bytes,
			peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
			transfer,
			parts: '',
			sendings: this.#sendings.read(),
		});
		if (refused) {
			// The report says what the round cost; this says that the next one may count on us.
			this.#sayReady();
		}
	}
}
