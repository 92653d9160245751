/** Opens the energy meter that an agent's configuration asks for, and tells the fleet what its battery holds. */
import {randomBytes} from 'node:crypto';
import type {Clock} from '../../core/clock.js';
import {batteryJoulesLeft} from '../../core/energy/battery.js';
import type {EnergyMeter} from '../../core/energy/meter.js';
import {chooseMeter} from '../../core/energy/open.js';
import {openPlugMeter} from '../../core/energy/plug.js';
import {type MeterSpec, parseMeterSpec} from '../../core/energy/spec.js';
import type {Logger} from '../../core/log.js';
import type {DeviceProfile} from '../../core/profile/profile.js';
import type {Transport} from '../../core/wire/transport.js';
import {connectMqtt} from '../../core/wire/transports/mqtt-connect.js';
import type {AgentConfig} from '../../edge-agent/config.js';

export interface MeterContext {
	readonly clock: Clock;
	readonly logger: Logger;
	readonly signal: AbortSignal;
}

/** Meters of the machine count all of it, so by itself an emulated device takes none. */
export function meterSpecOf({meter, emulate}: Pick<AgentConfig, 'meter' | 'emulate'>): MeterSpec {
	const spec = parseMeterSpec(meter);
	return spec.kind === 'auto' && emulate !== undefined ? {kind: 'none'} : spec;
}

/**
 * Undefined: energy is modelled, and the log says why. A plug is listened to later, on the agent's connection.
 * @throws FplError `CONFIG_VALUE` when a meter that was named is not here.
 */
export async function localMeter(
	spec: Exclude<MeterSpec, {kind: 'plug'}>,
	{clock, logger}: Pick<MeterContext, 'clock' | 'logger'>,
): Promise<EnergyMeter | undefined> {
	const chosen = await chooseMeter(spec, {clock});
	if (chosen.kind === 'modelled') {
		logger.info(`energy is modelled: ${chosen.because}`);
		return undefined;
	}
	logger.info(`energy is measured: ${chosen.meter.description}`);
	return chosen.meter;
}

/**
 * Listens to a plug on the agent's own connection, or on one to the broker that the plug uses.
 * @throws FplError `BROKER_REFUSED`, `CONFIG_VALUE`, `INTERRUPTED`.
 */
export async function plugMeter(
	{make, topic}: Extract<MeterSpec, {kind: 'plug'}>,
	transport: Transport,
	config: Pick<AgentConfig, 'id' | 'meterBroker'>,
	{clock, logger, signal}: MeterContext,
): Promise<EnergyMeter> {
	const {id, meterBroker} = config;
	const log = logger.child('plug');
	const own =
		meterBroker === undefined
			? undefined
			: await connectMqtt({
					broker: meterBroker,
					// Not a name of the fleet's: on the fleet's broker this connection is a guest.
					clientId: `meter-${id}-${randomBytes(4).toString('hex')}`,
					keepTrying: true,
					clock,
					logger: log,
					signal,
				});
	try {
		const meter = await openPlugMeter(own ?? transport, {
			kind: make,
			topic,
			clock,
			log,
			...(own && {close: () => own.close()}),
		});
		logger.info(`energy is measured: ${meter.description}`);
		return meter;
	} catch (error) {
		await own?.close();
		throw error;
	}
}

/** What the batteries of this machine hold, asked for now and then while the agent runs. */
export class BatteryGauge {
	#left: number | undefined;

	read = async (): Promise<number | undefined> => {
		this.#left = await batteryJoulesLeft();
		return this.#left;
	};

	/** The profile with what was last left in the battery, if there is one. */
	inProfile(profile: DeviceProfile): DeviceProfile {
		const left = this.#left;
		return left === undefined || left <= 0
			? profile
			: {...profile, batteryJoules: left, sources: {...profile.sources, batteryJoules: 'battery gauge of the device'}};
	}
}
