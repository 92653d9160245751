/** Which handlers want a topic: filters as in MQTT 3.1.1, section 4.7. Shared by the transports. */
import type {Logger} from '../../log.js';
import type {MessageHandler} from '../transport.js';

/** Whether a topic name matches a filter. Wildcards in the first level do not match topics beginning with `$` (4.7.2). */
export function topicMatches(filter: string, topic: string): boolean {
	const wanted = filter.split('/');
	const given = topic.split('/');
	if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) {
		return false;
	}
	for (const [index, level] of wanted.entries()) {
		if (level === '#') {
			return true;
		}
		// «a/#» matches «a» too (4.7.1.2), hence the look at what follows before giving up.
		if (index >= given.length || (level !== '+' && level !== given[index])) {
			return false;
		}
		if (index === given.length - 1 && index === wanted.length - 2 && wanted[index + 1] === '#') {
			return true;
		}
	}
	return wanted.length === given.length;
}

/** A filter is valid when `#` stands alone and last, and `+` stands alone in its level (4.7.1). */
export const isFilter = (filter: string): boolean =>
	filter.length > 0 &&
	filter.length <= 65_535 &&
	!filter.includes('\0') &&
	filter.split('/').every((level, index, levels) => {
		if (level === '#') {
			return index === levels.length - 1;
		}
		return level === '+' || !/[+#]/u.test(level);
	});

/** Topics come from the network. */
const maxAnswers = 4096;

export class Subscriptions {
	/** Handlers by filter, and whether they give payloads back after their call. */
	readonly #handlers = new Map<string, Map<MessageHandler, boolean>>();
	/** Answers of `transient`, until something changes. */
	readonly #transient = new Map<string, boolean>();
	readonly #logger: Logger;

	constructor(logger: Logger) {
		this.#logger = logger;
	}

	get filters(): readonly string[] {
		return [...this.#handlers.keys()];
	}

	has(filter: string, handler: MessageHandler): boolean {
		return this.#handlers.get(filter)?.has(handler) ?? false;
	}

	add(filter: string, handler: MessageHandler, transient = false): void {
		this.#transient.clear();
		const handlers = this.#handlers.get(filter);
		if (handlers) {
			handlers.set(handler, transient);
		} else {
			this.#handlers.set(filter, new Map([[handler, transient]]));
		}
	}

	/** Whether there are handlers for a topic and all of them give payloads back after their call. */
	transient(topic: string): boolean {
		let answer = this.#transient.get(topic);
		if (answer === undefined) {
			const all = [...this.#handlers]
				.filter(([filter]) => topicMatches(filter, topic))
				.flatMap(([, handlers]) => [...handlers.values()]);
			answer = all.length > 0 && all.every(Boolean);
			if (this.#transient.size >= maxAnswers) {
				this.#transient.clear();
			}
			this.#transient.set(topic, answer);
		}
		return answer;
	}

	/** Whether it was the filter's last handler. */
	remove(filter: string, handler: MessageHandler): boolean {
		this.#transient.clear();
		const handlers = this.#handlers.get(filter);
		if (!handlers?.delete(handler) || handlers.size > 0) {
			return false;
		}
		return this.#handlers.delete(filter);
	}

	clear(): void {
		this.#transient.clear();
		this.#handlers.clear();
	}

	dispatch(topic: string, payload: Uint8Array, retained: boolean): void {
		for (const [filter, handlers] of this.#handlers) {
			if (filter === topic || topicMatches(filter, topic)) {
				for (const handler of [...handlers.keys()]) {
					this.call(handler, topic, payload, retained);
				}
			}
		}
	}

	/** An exception in a handler must not stop the delivery to others. */
	call(handler: MessageHandler, topic: string, payload: Uint8Array, retained: boolean): void {
		try {
			handler(topic, payload, retained);
		} catch (error) {
			this.#logger.error('a message handler failed', {
				topic,
				error: error instanceof Error ? (error.stack ?? error.message) : String(error),
			});
		}
	}
}
