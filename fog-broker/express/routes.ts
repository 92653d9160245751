/** Who alone gets the tensors that are sent to a party, by what clients subscribe to. */
import type {DeviceId} from '../../core/ids.js';
import type {Topics} from '../../core/wire/topics.js';

/** Whether a topic filter (MQTT 3.1.1, 4.7) lets tensors through, whoever they are for. */
function reachesTensors(filter: string, {namespace}: Topics): boolean {
	const [root, area] = filter.split('/');
	return root === '#' || ((root === '+' || root === namespace) && ['tensor', '+', '#'].includes(area ?? ''));
}

export class Routes<Client extends object> {
	readonly #topics: Topics;
	/** Filters that let tensors through, and who has them. */
	readonly #inboxes = new Map<string, Set<Client>>();
	readonly #others = new Map<string, Set<Client>>();

	constructor(topics: Topics) {
		this.#topics = topics;
	}

	add(client: Client, filter: string): void {
		if (reachesTensors(filter, this.#topics)) {
			const filters = this.#isInbox(filter) ? this.#inboxes : this.#others;
			const clients = filters.get(filter) ?? new Set();
			filters.set(filter, clients.add(client));
		}
	}

	remove(client: Client, filter: string): void {
		for (const filters of [this.#inboxes, this.#others]) {
			const clients = filters.get(filter);
			if (clients?.delete(client) && clients.size === 0) {
				filters.delete(filter);
			}
		}
	}

	/** The client is gone. */
	drop(client: Client): void {
		for (const filter of [...this.#inboxes.keys(), ...this.#others.keys()]) {
			this.remove(client, filter);
		}
	}

	/** The one client that gets what is sent to this party; undefined when there is none, or others may get it too. */
	onlyReceiver(party: DeviceId): Client | undefined {
		const clients = this.#others.size === 0 ? this.#inboxes.get(this.#topics.inbox('tensor', party)) : undefined;
		return clients?.size === 1 ? [...clients][0] : undefined;
	}

	#isInbox(filter: string): boolean {
		const to = filter.slice(filter.lastIndexOf('/') + 1) as DeviceId;
		return to !== '+' && to !== '#' && filter === this.#topics.inbox('tensor', to);
	}
}
