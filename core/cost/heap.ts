/** A binary heap of things by a number, the least first; of equal ones the one that came first. */
export class Heap<T> {
	readonly #entries: {readonly at: number; readonly order: number; readonly item: T}[] = [];
	#count = 0;

	get size(): number {
		return this.#entries.length;
	}

	/** The least number; infinite when empty. */
	get least(): number {
		return this.#entries[0]?.at ?? Number.POSITIVE_INFINITY;
	}

	push(at: number, item: T): void {
		const entries = this.#entries;
		let index = entries.push({at, order: this.#count++, item}) - 1;
		while (index > 0) {
			const parent = (index - 1) >> 1;
			if (!this.#before(index, parent)) {
				break;
			}
			this.#swap(index, parent);
			index = parent;
		}
	}

	pop(): T | undefined {
		const entries = this.#entries;
		const first = entries[0];
		const last = entries.pop();
		if (first === undefined || last === undefined || entries.length === 0) {
			return first?.item;
		}
		entries[0] = last;
		for (let index = 0; ; ) {
			const left = 2 * index + 1;
			const right = left + 1;
			let least = index;
			if (left < entries.length && this.#before(left, least)) {
				least = left;
			}
			if (right < entries.length && this.#before(right, least)) {
				least = right;
			}
			if (least === index) {
				return first.item;
			}
			this.#swap(index, least);
			index = least;
		}
	}

	#before(a: number, b: number): boolean {
		const [left, right] = [this.#entries[a]!, this.#entries[b]!];
		return left.at < right.at || (left.at === right.at && left.order < right.order);
	}

	#swap(a: number, b: number): void {
		const entries = this.#entries;
		[entries[a], entries[b]] = [entries[b]!, entries[a]!];
	}
}
