/**
 * What a run cost, per device and phase: measured by the agents and the coordinator, or predicted by `core/cost` in the
 * same shape, so that both can stand side by side. A ledger is plain JSON.
 */

/** Where a device's time goes. `wait`: for others (barrier, stragglers); `idle`: nothing asked of it. */
export const phases = ['compute', 'send', 'receive', 'wait', 'idle'] as const;
export type Phase = (typeof phases)[number];

export interface PhaseCost {
	readonly seconds: number;
	readonly joules: number;
}

/** Where the joules come from: `modelled` (the profile's linear model) or the name of a meter («rapl»), see metering.ts. */
export type EnergySource = 'modelled' | (string & {});

/** How much of a device's energy a meter saw. */
export interface Metering {
	readonly meteredSeconds: number;
	/** Gaps of the meter: `energySource` names it all the same. */
	readonly modelledSeconds: number;
	/** The part of `joules` that is modelled: the gaps, and the radio where the meter does not see it. */
	readonly modelledJoules: number;
}

export interface DeviceLedger {
	readonly device: string;
	/** Name of the device profile. */
	readonly profile: string;
	/** True where the agent stretches its compute and link to a profile instead of being that device. */
	readonly emulated: boolean;
	/** What it did: «replica of stage 0», «parameter server». */
	readonly role: string;
	readonly phases: Readonly<Record<Phase, PhaseCost>>;
	/** Joules beyond the phases' compute and idle power: radio, per direction. Already contained in send/receive. */
	readonly radioJoules: number;
	/** All joules: the sum over the phases. */
	readonly joules: number;
	readonly energySource: EnergySource;
	/** Where a meter took part: what it saw, and what was modelled in its place. Absent in older ledgers. */
	readonly metering?: Metering;
	/** Energy left in its battery at its last report, joules; absent where no battery tells. */
	readonly batteryJoules?: number;
	/** Application bytes on the wire, envelopes included. */
	readonly bytesSent: number;
	readonly bytesReceived: number;
	/** Training items processed, repeats counted. */
	readonly items: number;
	/** Largest resident memory seen, bytes; undefined when unknown. */
	readonly peakMemoryBytes?: number;
	/** Rounds this device was asked to take part in, and those in which its contribution came in time. */
	readonly roundsAsked: number;
	readonly roundsDone: number;
	/** What codecs did to the tensors it sent to other devices; absent where it sent none. */
	readonly codecs?: {
		/** Values that lie beyond what a codec can say, and were clamped. */
		readonly saturated: number;
		readonly nonFinite: number;
		readonly bytesBefore: number;
		readonly bytesAfter: number;
	};
}

/** One pass of one micro-batch through one stage, in milliseconds since the step began on that device. */
export interface TimelinePass {
	readonly device: string;
	readonly stage: number;
	readonly replica: number;
	readonly kind: 'forward' | 'backward' | 'learn';
	readonly micro: number;
	readonly from: number;
	readonly to: number;
}

/** How the stages of a pipeline shared one step. */
export interface Timeline {
	readonly step: number;
	readonly milliseconds: number;
	/** All devices count from the same moment, as in a prediction. */
	readonly oneClock?: boolean;
	readonly passes: readonly TimelinePass[];
}

/** One synchronisation round, as a point of the learning curve. */
export interface RoundRecord {
	/** From 0. */
	readonly round: number;
	/** Optimiser updates done at its end. */
	readonly step: number;
	/** Passes over the data at its end, as a fraction. */
	readonly epoch: number;
	/** Seconds since the run began, at its end. */
	readonly at: number;
	readonly seconds: number;
	/** Mean training loss of the round. */
	readonly loss: number;
	/** Test accuracy in [0, 1] when it was evaluated after this round. */
	readonly accuracy?: number;
	readonly testLoss?: number;
	/** Bytes of all devices in this round, each transfer counted once. */
	readonly bytes: number;
	readonly joules: number;
	/** Devices whose contribution counted. */
	readonly devices: readonly string[];
}

/** Something a reader of the report should know: a device left, a checkpoint failed. */
export interface RunNote {
	readonly at: number;
	readonly device?: string;
	readonly text: string;
}

/** What an inference run achieved. */
export interface InferenceFigures {
	/** Items answered. */
	readonly items: number;
	/** From the first question to the last answer, over all attempts, without the getting ready. */
	readonly seconds: number;
	readonly itemsPerSecond: number;
	/** From asking for a batch to its whole answer at the sources; of all batches. */
	readonly latencyMs: {readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number};
	/** Hits / items in [0, 1]; absent where there are no classes. */
	readonly accuracy?: number;
	/** Items per question. */
	readonly batch: number;
	/** Questions that a source may have open. */
	readonly inFlight: number;
}

export interface Ledger {
	readonly version: 1;
	readonly kind: 'measured' | 'predicted';
	readonly run: string;
	readonly model: string;
	readonly dataset: string;
	/** The plan's scheme in words: «D-SGD», «FedAvg, 2 local epochs». */
	readonly scheme: string;
	/** ISO 8601. */
	readonly startedAt: string;
	readonly seconds: number;
	readonly rounds: readonly RoundRecord[];
	readonly devices: readonly DeviceLedger[];
	readonly notes: readonly RunNote[];
	/** Of the last step of a run with stages. */
	readonly timeline?: Timeline;
	/** Of inference runs; their rounds are intervals between two reports, their steps batches. */
	readonly inference?: InferenceFigures;
	readonly final: {
		readonly loss: number;
		readonly accuracy?: number;
		/** `running`: it has not ended, the figures are those of its last checkpoint. */
		readonly state: 'done' | 'failed' | 'interrupted' | 'running';
		readonly because?: string;
	};
}
