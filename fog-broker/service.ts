/** The coordinator on a transport: messages, transfers, fleet and runs joined together, recovered and ready to answer. */
import path from 'node:path';
import type {Clock} from '../core/clock.js';
import type {Logger} from '../core/log.js';
import type {DeviceProfile} from '../core/profile/profile.js';
import {createTensorLink} from '../core/wire/link/tensor-link.js';
import {createMessenger} from '../core/wire/messenger.js';
import {coordinatorId, type Topics} from '../core/wire/topics.js';
import type {Transport} from '../core/wire/transport.js';
import type {Engine} from '../models/engines/engine.js';
import {Coordinator} from './coordinator.js';
import {Fleet} from './fleet.js';
import {Journal} from './run/journal.js';
import {Planner} from './run/planning/planner.js';
import type {ReplanTimes} from './run/replan/replanner.js';
import {RunStore} from './run/store.js';

export interface CoordinatorOptions {
	readonly transport: Transport;
	readonly topics: Topics;
	readonly engine: Engine;
	/** Folder that holds the runs. */
	readonly state: string;
	/** The machine that the coordinator runs on. */
	readonly host: DeviceProfile;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly replanTimes?: ReplanTimes | undefined;
	/** Closed with the coordinator; a new one where none is given. */
	readonly planner?: Planner | undefined;
}

/** Starts answering; the returned function stops, and leaves runs under way to the next start. */
export async function startCoordinator(options: CoordinatorOptions): Promise<() => Promise<void>> {
	const {transport, topics, engine, state, host, clock, logger, replanTimes} = options;
	const self = coordinatorId;
	const messenger = await createMessenger({transport, self, topics, clock, logger: logger.child('messages')});
	const link = await createTensorLink(transport, self, {topics, clock, logger: logger.child('link')});
	const fleet = await Fleet.watch({transport, topics, self, clock, logger: logger.child('fleet')});
	const store = new RunStore(path.join(state, 'runs'));
	const journal = new Journal({
		store,
		broadcast: event => {
			messenger
				.publish(topics.events(event.run), event, {qos: 1})
				.catch((error: unknown) => logger.debug(`run events: ${String(error)}`));
		},
		tell: async (to, event) => {
			await messenger.send(to, event);
		},
	});
	const log = logger.child('coordinator');
	const planner = options.planner ?? new Planner(clock);
	const coordinator = new Coordinator({
		clock,
		log,
		store,
		journal,
		engine,
		messenger,
		link,
		fleet,
		planner,
		host,
		replanTimes,
	});
	messenger.serve(message => coordinator.answer(message));
	link.onTransfer(transfer => coordinator.accept(transfer));
	await coordinator.recover();
	return async () => {
		await coordinator.close();
		await planner.close();
		await fleet.close();
		await link.close();
		await messenger.close();
	};
}
