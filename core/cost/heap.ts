/** A binary heap of things by a number, the least first; of equal ones the one that came first. */
export class Heap<T> {
	/** By place: the number, which thing came when, and the thing. */
	readonly #at: number[] = [];
	readonly #order: number[] = [];
	readonly #items: T[] = [];
	#count = 0;

	get size(): number {
		return this.#at.length;
	}

	/** The least number; infinite when empty. */
	get least(): number {
		return this.#at.length > 0 ? this.#at[0]! : Number.POSITIVE_INFINITY;
	}

	push(at: number, item: T): void {
		const index = this.#at.push(at) - 1;
		this.#order.push(0);
		this.#items.push(item);
		this.#rise(index, at, this.#count++, item);
	}

	pop(): T | undefined {
		const first = this.#items[0];
		const at = this.#at.pop();
		const order = this.#order.pop();
		const item = this.#items.pop();
		if (at !== undefined && order !== undefined && item !== undefined && this.#at.length > 0) {
			this.#sink(at, order, item);
		}
		return first;
	}

	/** Puts an entry into the hole at `index` or above. */
	#rise(hole: number, at: number, order: number, item: T): void {
		let index = hole;
		while (index > 0) {
			const parent = (index - 1) >> 1;
			const above = this.#at[parent]!;
			// What is pushed came last: it stays below its equals.
			if (above <= at) {
				break;
			}
			this.#move(parent, index);
			index = parent;
		}
		this.#put(index, at, order, item);
	}

	/** Puts an entry into the hole at the top or below. */
	#sink(at: number, order: number, item: T): void {
		const size = this.#at.length;
		let index = 0;
		for (let child = 1; child < size; child = 2 * index + 1) {
			if (child + 1 < size && this.#isBefore(child + 1, this.#at[child]!, this.#order[child]!)) {
				child++;
			}
			if (!this.#isBefore(child, at, order)) {
				break;
			}
			this.#move(child, index);
			index = child;
		}
		this.#put(index, at, order, item);
	}

	#isBefore(index: number, at: number, order: number): boolean {
		const own = this.#at[index]!;
		return own < at || (own === at && this.#order[index]! < order);
	}

	#move(from: number, to: number): void {
		this.#put(to, this.#at[from]!, this.#order[from]!, this.#items[from]!);
	}

	#put(index: number, at: number, order: number, item: T): void {
		this.#at[index] = at;
		this.#order[index] = order;
		this.#items[index] = item;
	}
}
