/** An agent on a transport: announced to the fleet, with its messages and transfers, ready to be assigned. */
import type {Clock} from '../core/clock.js';
import type {FplError} from '../core/errors.js';
import type {DeviceId, RunId} from '../core/ids.js';
import type {Logger} from '../core/log.js';
import {hashString, seededRandom} from '../core/random.js';
import {createTensorLink} from '../core/wire/link/tensor-link.js';
import {createMessenger} from '../core/wire/messenger.js';
import {type BirthFacts, createPresence, type PresenceOptions} from '../core/wire/presence/announce.js';
import type {Topics} from '../core/wire/topics.js';
import type {Transport, Will} from '../core/wire/transport.js';
import {Agent} from './agent.js';
import type {Meter} from './meter.js';
import type {StagingContext} from './staging.js';

export interface Description {
	/** What the birth says, besides whether the agent is busy. */
	readonly facts: Omit<BirthFacts, 'state' | 'run'>;
	readonly meter: Meter;
}

export interface DeviceOptions extends Pick<PresenceOptions, 'installation' | 'incarnation'> {
	readonly device: DeviceId;
	readonly topics: Topics;
	/** Connects with the last will that presence asks for. */
	readonly connect: (will: () => Will) => Promise<Transport>;
	/** Asked once, before the device joins: the link to the broker may be measured on the transport. */
	readonly describe: (transport: Transport) => Promise<Description>;
	readonly staging: Omit<StagingContext, 'receive' | 'log' | 'device'>;
	readonly clock: Clock;
	readonly logger: Logger;
}

export interface RunningDevice {
	/** Resolves when another agent has taken this one's name; never otherwise. */
	readonly taken: Promise<FplError>;
	/** Says goodbye, ends what is under way, and closes the transport. */
	close(): Promise<void>;
}

/** @throws FplError `ID_TAKEN`, `BROKER_REFUSED`, `INTERRUPTED`. */
export async function startDevice(options: DeviceOptions): Promise<RunningDevice> {
	const {device, topics, clock, logger, installation, incarnation, staging} = options;
	let run: RunId | undefined;
	let described: Description | undefined;
	const presence = createPresence({
		topics,
		device,
		installation,
		incarnation,
		facts: () => ({...described!.facts, state: run === undefined ? 'idle' : 'busy', run: run ?? ''}),
		clock,
		logger: logger.child('presence'),
	});
	const transport = await options.connect(presence.will);
	try {
		described = await options.describe(transport);
		const {meter} = described;
		const messenger = await createMessenger({transport, self: device, topics, clock, logger: logger.child('messages')});
		const link = await createTensorLink(transport, device, {topics, clock, logger: logger.child('link')});
		const agent = new Agent({
			clock,
			log: logger.child('agent'),
			messenger,
			link,
			staging,
			random: seededRandom(hashString(`${device}/${incarnation}`)),
			meter,
			onBusy: now => {
				run = now;
				presence.update();
			},
		});
		const taken = new Promise<FplError>(resolve => presence.onTaken(resolve));
		await presence.announce(transport);
		return {
			taken,
			async close() {
				await presence.leave('stopped');
				await agent.close();
				await link.close();
				await messenger.close();
				await transport.close();
			},
		};
	} catch (error) {
		await transport.close();
		throw error;
	}
}
