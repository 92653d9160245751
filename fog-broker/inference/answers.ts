/** What an inference run has answered: hits, times and predictions, of complete intervals only. Plain data in and out. */
import type {InferenceFigures} from '../../core/ledger/ledger.js';
import {batchesOf, type InferOrder, rowsOfPart, type SourceAnswers, sizeOfBatch} from '../../core/plan/inference.js';
import type {Plan} from '../../core/plan/plan.js';
import {isBranched} from '../../core/plan/routing.js';

/** The value below which so much of a sorted list lies (nearest rank). */
function percentile(sorted: Float64Array, share: number): number {
	return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

type Shape = Pick<InferOrder, 'items' | 'batch' | 'interval' | 'inFlight'>;

export class Answers {
	readonly #shape: Shape;
	readonly #latencies: number[] = [];
	#hits: number | undefined = 0;
	#items = 0;
	/** Intervals that are complete: 0 … this − 1. */
	#intervals = 0;
	/** Numbers kept of each item; 0: none. */
	readonly #width: number;
	readonly #predictions: Float64Array;

	/** @param width numbers to keep of each item. */
	constructor(shape: Shape, width: number) {
		this.#shape = shape;
		this.#width = width;
		this.#predictions = new Float64Array(shape.items * width).fill(Number.NaN);
	}

	get intervals(): number {
		return this.#intervals;
	}

	get items(): number {
		return this.#items;
	}

	/** Items there are. */
	get allItems(): number {
		return this.#shape.items;
	}

	/** The first batch that no complete interval has. */
	get nextBatch(): number {
		return Math.min(this.batches, this.#intervals * this.#shape.interval);
	}

	get batches(): number {
		return batchesOf(this.#shape);
	}

	get allIntervals(): number {
		return Math.ceil(this.batches / this.#shape.interval);
	}

	get done(): boolean {
		return this.#intervals >= this.allIntervals;
	}

	/** Adds the next interval. Answers its items and hits. */
	add(plan: Plan, sources: readonly SourceAnswers[]): {readonly items: number; readonly hits: number | undefined} {
		const {interval} = this.#shape;
		const first = this.#intervals * interval;
		const last = Math.min(this.batches, first + interval);
		// Branches see the same items: the first of them says it all.
		const telling = isBranched(plan, 0) ? sources.filter(({replica}) => replica === 0) : sources;
		for (let batch = first; batch < last; batch++) {
			this.#latencies.push(Math.max(0, ...sources.map(({latencyMs}) => latencyMs[batch - first] ?? 0)));
		}
		for (const source of this.#width > 0 ? telling : []) {
			this.#keep(plan, source, first, last);
		}
		const items = telling.reduce((sum, source) => sum + source.items, 0);
		const hits = telling.some(source => source.hits === null)
			? undefined
			: telling.reduce((sum, source) => sum + (source.hits ?? 0), 0);
		this.#items += items;
		this.#hits = this.#hits === undefined || hits === undefined ? undefined : this.#hits + hits;
		this.#intervals += 1;
		return {items, hits};
	}

	/** @param seconds that answering took so far. */
	figures(seconds: number): InferenceFigures {
		const sorted = Float64Array.from(this.#latencies).sort();
		const {batch, inFlight} = this.#shape;
		return {
			items: this.#items,
			seconds,
			itemsPerSecond: seconds > 0 ? this.#items / seconds : 0,
			latencyMs: {
				p50: percentile(sorted, 0.5),
				p95: percentile(sorted, 0.95),
				p99: percentile(sorted, 0.99),
				max: percentile(sorted, 1),
			},
			...(this.#hits === undefined || this.#items === 0 ? {} : {accuracy: this.#hits / this.#items}),
			batch,
			inFlight,
		};
	}

	/** A row per item: its number, then the class, or the values. Undefined when nothing was to be kept. */
	predictionsCsv(classes: boolean): string | undefined {
		const width = this.#width;
		if (width === 0) {
			return undefined;
		}
		const names = classes ? ['class'] : Array.from({length: width}, (_, index) => `value_${index}`);
		const lines = [['item', ...names].join(',')];
		for (let item = 0; item < this.#shape.items; item++) {
			const row = this.#predictions.subarray(item * width, (item + 1) * width);
			lines.push([item, ...Array.from(row, value => (Number.isFinite(value) ? value : ''))].join(','));
		}
		return `${lines.join('\n')}\n`;
	}

	#keep(plan: Plan, {replica, predictions}: SourceAnswers, first: number, last: number): void {
		let at = 0;
		for (let batch = first; batch < last; batch++) {
			const rows = rowsOfPart(plan, {stage: 0, replica}, sizeOfBatch(this.#shape, batch));
			const target = (batch * this.#shape.batch + rows.start) * this.#width;
			for (let index = 0; index < rows.count * this.#width; index++) {
				this.#predictions[target + index] = predictions[at++] ?? Number.NaN;
			}
		}
	}
}
