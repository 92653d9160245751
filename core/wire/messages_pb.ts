// Generated from core/wire/messages.proto by scripts/generate-proto.mjs. Do not edit.
// biome-ignore-all format: generated
// biome-ignore-all lint: generated
// biome-ignore-all assist: generated
import type {INamespace} from 'protobufjs';

/** A 64-bit integer: decoders make the object, encoders take either. */
export type Int64 = number | {low: number; high: number; unsigned: boolean};

export interface Envelope {
	version?: number;
	id?: string;
	from?: string;
	to?: string;
	sentAtMs?: Int64;
	inReplyTo?: string;
	birth?: Birth;
	death?: Death;
	probe?: Probe;
	probeReply?: ProbeReply;
	telemetry?: Telemetry;
	assign?: Assign;
	startRound?: StartRound;
	release?: Release;
	ping?: Ping;
	proceed?: Proceed;
	hold?: Hold;
	ack?: Ack;
	ready?: Ready;
	failed?: Failed;
	roundReport?: RoundReport;
	held?: Held;
	submit?: Submit;
	accepted?: Accepted;
	refused?: Refused;
	listDevices?: ListDevices;
	deviceList?: DeviceList;
	listRuns?: ListRuns;
	runList?: RunList;
	watch?: Watch;
	runEvent?: RunEvent;
	fetch?: Fetch;
	fetchReply?: FetchReply;
	stop?: Stop;
	infer?: Infer;
	begin?: Begin;
	chunk?: Chunk;
	chunkAck?: ChunkAck;
	cancel?: Cancel;
}

export const AgentState = {
	idle: 0,
	busy: 1,
} as const;

export interface Birth {
	device?: string;
	installation?: string;
	incarnation?: Int64;
	session?: string;
	softwareVersion?: string;
	protocol?: number;
	profile?: string;
	emulated?: string;
	engines?: string[];
	datasets?: string[];
	state?: number;
	run?: string;
	codecs?: string[];
	holdings?: Holding[];
}

export interface Holding {
	dataset?: string;
	items?: Int64;
}

export interface Death {
	device?: string;
	session?: string;
	because?: string;
}

export interface Probe {
}

export interface ProbeReply {
	device?: string;
	installation?: string;
	incarnation?: Int64;
	session?: string;
}

export interface Telemetry {
	load?: number;
	memoryBytes?: Int64;
	memoryTotalBytes?: Int64;
	uptimeSeconds?: number;
	bytesSent?: Int64;
	bytesReceived?: Int64;
	watts?: number;
	temperatureCelsius?: number;
	joules?: number;
	energySource?: string;
	run?: string;
}

export interface Assign {
	run?: string;
	attempt?: number;
	job?: string;
	plan?: string;
	partition?: string;
	stage?: number;
	replica?: number;
	share?: number;
	modelDigest?: string;
	modelTransfer?: string;
	deadlineMs?: number;
}

export interface StartRound {
	run?: string;
	attempt?: number;
	round?: number;
	firstStep?: number;
	steps?: number;
	localEpochs?: number;
	weightsVersion?: number;
	weightsTransfer?: string;
	lrScales?: number[];
	batches?: string;
	deadlineMs?: number;
}

export interface Release {
	run?: string;
	because?: string;
}

export interface Ping {
}

export interface Proceed {
	run?: string;
	attempt?: number;
	orders?: string;
	deadlineMs?: number;
}

export interface Hold {
	run?: string;
	attempt?: number;
}

export interface Ack {
}

export interface Ready {
	run?: string;
	attempt?: number;
	items?: Int64;
}

export interface Failed {
	run?: string;
	attempt?: number;
	code?: string;
	facts?: string;
}

export interface PhaseCost {
	seconds?: number;
	joules?: number;
}

export interface PhaseCosts {
	compute?: PhaseCost;
	send?: PhaseCost;
	receive?: PhaseCost;
	wait?: PhaseCost;
	idle?: PhaseCost;
}

export interface RoundReport {
	run?: string;
	attempt?: number;
	round?: number;
	loss?: number;
	items?: Int64;
	steps?: number;
	correct?: Int64;
	phases?: PhaseCosts;
	radioJoules?: number;
	energySource?: string;
	bytesSent?: Int64;
	bytesReceived?: Int64;
	peakMemoryBytes?: Int64;
	transfer?: string;
	parts?: string;
	meteredSeconds?: number;
	modelledJoules?: number;
	meterNote?: string;
	batteryJoules?: number;
	sendings?: Sending[];
}

export interface Sending {
	to?: string;
	wireBytes?: Int64;
	linkBytes?: Int64;
	seconds?: number;
	transfers?: number;
}

export interface Held {
	run?: string;
	attempt?: number;
	steps?: number;
}

export interface Submit {
	job?: string;
	plan?: string;
	resume?: string;
	modelDigest?: string;
	prediction?: string;
}

export interface Accepted {
	run?: string;
}

export interface Refused {
	code?: string;
	facts?: string;
}

export interface ListDevices {
}

export interface DeviceList {
	devices?: string;
}

export interface ListRuns {
}

export interface RunList {
	runs?: string;
}

export interface Watch {
	run?: string;
	fromSequence?: number;
}

export interface RunEvent {
	run?: string;
	sequence?: number;
	event?: string;
}

export const Fetchable = {
	ledger: 0,
	model: 1,
	events: 2,
	predictions: 3,
	prediction: 4,
} as const;

export interface Fetch {
	run?: string;
	what?: number;
}

export interface FetchReply {
	run?: string;
	what?: number;
	content?: string;
	transfer?: string;
}

export interface Stop {
	run?: string;
}

export interface Infer {
	run?: string;
	job?: string;
	plan?: string;
	modelDigest?: string;
	options?: string;
}

export interface ModelPurpose {
	run?: string;
	digest?: string;
}

export interface WeightsPurpose {
	run?: string;
	round?: number;
}

export interface ContributionPurpose {
	run?: string;
	round?: number;
	attempt?: number;
	weight?: number;
	parameters?: Int64;
	buffers?: Int64;
	key?: string;
}

export interface BoundaryPurpose {
	run?: string;
	attempt?: number;
	step?: number;
	key?: string;
	digest?: string;
}

export interface StatePurpose {
	run?: string;
	attempt?: number;
	key?: string;
}

export interface FilePurpose {
	run?: string;
	name?: string;
	digest?: string;
}

export interface Begin {
	transfer?: string;
	bytes?: Int64;
	chunkBytes?: number;
	model?: ModelPurpose;
	weights?: WeightsPurpose;
	contribution?: ContributionPurpose;
	file?: FilePurpose;
	boundary?: BoundaryPurpose;
	state?: StatePurpose;
	crc?: number;
	data?: Uint8Array;
}

export interface Chunk {
	transfer?: string;
	sequence?: number;
	crc?: number;
	ask?: boolean;
	data?: Uint8Array;
}

export interface ChunkAck {
	transfer?: string;
	cumulative?: number;
	bitmap?: Uint8Array;
	chunkBytes?: number;
	window?: number;
	complete?: boolean;
	refused?: string;
	unknown?: boolean;
}

export interface Cancel {
	transfer?: string;
	because?: string;
}

export const descriptor: INamespace = {
	"nested": {
		"fpl": {
			"nested": {
				"Envelope": {
					"oneofs": {
						"body": {
							"oneof": [
								"birth",
								"death",
								"probe",
								"probeReply",
								"telemetry",
								"assign",
								"startRound",
								"release",
								"ping",
								"proceed",
								"hold",
								"ack",
								"ready",
								"failed",
								"roundReport",
								"held",
								"submit",
								"accepted",
								"refused",
								"listDevices",
								"deviceList",
								"listRuns",
								"runList",
								"watch",
								"runEvent",
								"fetch",
								"fetchReply",
								"stop",
								"infer",
								"begin",
								"chunk",
								"chunkAck",
								"cancel"
							]
						}
					},
					"fields": {
						"version": {
							"type": "uint32",
							"id": 1
						},
						"id": {
							"type": "string",
							"id": 2
						},
						"from": {
							"type": "string",
							"id": 3
						},
						"to": {
							"type": "string",
							"id": 4
						},
						"sentAtMs": {
							"type": "uint64",
							"id": 5
						},
						"inReplyTo": {
							"type": "string",
							"id": 6
						},
						"birth": {
							"type": "Birth",
							"id": 10
						},
						"death": {
							"type": "Death",
							"id": 11
						},
						"probe": {
							"type": "Probe",
							"id": 12
						},
						"probeReply": {
							"type": "ProbeReply",
							"id": 13
						},
						"telemetry": {
							"type": "Telemetry",
							"id": 14
						},
						"assign": {
							"type": "Assign",
							"id": 30
						},
						"startRound": {
							"type": "StartRound",
							"id": 31
						},
						"release": {
							"type": "Release",
							"id": 32
						},
						"ping": {
							"type": "Ping",
							"id": 33
						},
						"proceed": {
							"type": "Proceed",
							"id": 34
						},
						"hold": {
							"type": "Hold",
							"id": 35
						},
						"ack": {
							"type": "Ack",
							"id": 50
						},
						"ready": {
							"type": "Ready",
							"id": 51
						},
						"failed": {
							"type": "Failed",
							"id": 52
						},
						"roundReport": {
							"type": "RoundReport",
							"id": 53
						},
						"held": {
							"type": "Held",
							"id": 54
						},
						"submit": {
							"type": "Submit",
							"id": 70
						},
						"accepted": {
							"type": "Accepted",
							"id": 71
						},
						"refused": {
							"type": "Refused",
							"id": 72
						},
						"listDevices": {
							"type": "ListDevices",
							"id": 73
						},
						"deviceList": {
							"type": "DeviceList",
							"id": 74
						},
						"listRuns": {
							"type": "ListRuns",
							"id": 75
						},
						"runList": {
							"type": "RunList",
							"id": 76
						},
						"watch": {
							"type": "Watch",
							"id": 77
						},
						"runEvent": {
							"type": "RunEvent",
							"id": 78
						},
						"fetch": {
							"type": "Fetch",
							"id": 79
						},
						"fetchReply": {
							"type": "FetchReply",
							"id": 80
						},
						"stop": {
							"type": "Stop",
							"id": 81
						},
						"infer": {
							"type": "Infer",
							"id": 82
						},
						"begin": {
							"type": "Begin",
							"id": 100
						},
						"chunk": {
							"type": "Chunk",
							"id": 101
						},
						"chunkAck": {
							"type": "ChunkAck",
							"id": 102
						},
						"cancel": {
							"type": "Cancel",
							"id": 103
						}
					}
				},
				"AgentState": {
					"values": {
						"idle": 0,
						"busy": 1
					}
				},
				"Birth": {
					"fields": {
						"device": {
							"type": "string",
							"id": 1
						},
						"installation": {
							"type": "string",
							"id": 2
						},
						"incarnation": {
							"type": "uint64",
							"id": 3
						},
						"session": {
							"type": "string",
							"id": 4
						},
						"softwareVersion": {
							"type": "string",
							"id": 5
						},
						"protocol": {
							"type": "uint32",
							"id": 6
						},
						"profile": {
							"type": "string",
							"id": 7
						},
						"emulated": {
							"type": "string",
							"id": 8
						},
						"engines": {
							"rule": "repeated",
							"type": "string",
							"id": 9
						},
						"datasets": {
							"rule": "repeated",
							"type": "string",
							"id": 10
						},
						"state": {
							"type": "AgentState",
							"id": 11
						},
						"run": {
							"type": "string",
							"id": 12
						},
						"codecs": {
							"rule": "repeated",
							"type": "string",
							"id": 13
						},
						"holdings": {
							"rule": "repeated",
							"type": "Holding",
							"id": 14
						}
					}
				},
				"Holding": {
					"fields": {
						"dataset": {
							"type": "string",
							"id": 1
						},
						"items": {
							"type": "uint64",
							"id": 2
						}
					}
				},
				"Death": {
					"fields": {
						"device": {
							"type": "string",
							"id": 1
						},
						"session": {
							"type": "string",
							"id": 2
						},
						"because": {
							"type": "string",
							"id": 3
						}
					}
				},
				"Probe": {
					"fields": {}
				},
				"ProbeReply": {
					"fields": {
						"device": {
							"type": "string",
							"id": 1
						},
						"installation": {
							"type": "string",
							"id": 2
						},
						"incarnation": {
							"type": "uint64",
							"id": 3
						},
						"session": {
							"type": "string",
							"id": 4
						}
					}
				},
				"Telemetry": {
					"oneofs": {
						"_watts": {
							"oneof": [
								"watts"
							]
						},
						"_temperatureCelsius": {
							"oneof": [
								"temperatureCelsius"
							]
						},
						"_joules": {
							"oneof": [
								"joules"
							]
						}
					},
					"fields": {
						"load": {
							"type": "double",
							"id": 1
						},
						"memoryBytes": {
							"type": "uint64",
							"id": 2
						},
						"memoryTotalBytes": {
							"type": "uint64",
							"id": 3
						},
						"uptimeSeconds": {
							"type": "double",
							"id": 4
						},
						"bytesSent": {
							"type": "uint64",
							"id": 5
						},
						"bytesReceived": {
							"type": "uint64",
							"id": 6
						},
						"watts": {
							"type": "double",
							"id": 7,
							"options": {
								"proto3_optional": true
							}
						},
						"temperatureCelsius": {
							"type": "double",
							"id": 8,
							"options": {
								"proto3_optional": true
							}
						},
						"joules": {
							"type": "double",
							"id": 9,
							"options": {
								"proto3_optional": true
							}
						},
						"energySource": {
							"type": "string",
							"id": 10
						},
						"run": {
							"type": "string",
							"id": 11
						}
					}
				},
				"Assign": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"job": {
							"type": "string",
							"id": 3
						},
						"plan": {
							"type": "string",
							"id": 4
						},
						"partition": {
							"type": "string",
							"id": 5
						},
						"stage": {
							"type": "uint32",
							"id": 6
						},
						"replica": {
							"type": "uint32",
							"id": 7
						},
						"share": {
							"type": "double",
							"id": 8
						},
						"modelDigest": {
							"type": "string",
							"id": 9
						},
						"modelTransfer": {
							"type": "string",
							"id": 10
						},
						"deadlineMs": {
							"type": "uint32",
							"id": 11
						}
					}
				},
				"StartRound": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"round": {
							"type": "uint32",
							"id": 3
						},
						"firstStep": {
							"type": "uint32",
							"id": 4
						},
						"steps": {
							"type": "uint32",
							"id": 5
						},
						"localEpochs": {
							"type": "uint32",
							"id": 6
						},
						"weightsVersion": {
							"type": "uint32",
							"id": 7
						},
						"weightsTransfer": {
							"type": "string",
							"id": 8
						},
						"lrScales": {
							"rule": "repeated",
							"type": "double",
							"id": 9
						},
						"batches": {
							"type": "string",
							"id": 10
						},
						"deadlineMs": {
							"type": "uint32",
							"id": 11
						}
					}
				},
				"Release": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"because": {
							"type": "string",
							"id": 2
						}
					}
				},
				"Ping": {
					"fields": {}
				},
				"Proceed": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"orders": {
							"type": "string",
							"id": 3
						},
						"deadlineMs": {
							"type": "uint32",
							"id": 4
						}
					}
				},
				"Hold": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						}
					}
				},
				"Ack": {
					"fields": {}
				},
				"Ready": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"items": {
							"type": "uint64",
							"id": 3
						}
					}
				},
				"Failed": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"code": {
							"type": "string",
							"id": 3
						},
						"facts": {
							"type": "string",
							"id": 4
						}
					}
				},
				"PhaseCost": {
					"fields": {
						"seconds": {
							"type": "double",
							"id": 1
						},
						"joules": {
							"type": "double",
							"id": 2
						}
					}
				},
				"PhaseCosts": {
					"fields": {
						"compute": {
							"type": "PhaseCost",
							"id": 1
						},
						"send": {
							"type": "PhaseCost",
							"id": 2
						},
						"receive": {
							"type": "PhaseCost",
							"id": 3
						},
						"wait": {
							"type": "PhaseCost",
							"id": 4
						},
						"idle": {
							"type": "PhaseCost",
							"id": 5
						}
					}
				},
				"RoundReport": {
					"oneofs": {
						"_meteredSeconds": {
							"oneof": [
								"meteredSeconds"
							]
						},
						"_modelledJoules": {
							"oneof": [
								"modelledJoules"
							]
						},
						"_batteryJoules": {
							"oneof": [
								"batteryJoules"
							]
						}
					},
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"round": {
							"type": "uint32",
							"id": 3
						},
						"loss": {
							"type": "double",
							"id": 4
						},
						"items": {
							"type": "uint64",
							"id": 5
						},
						"steps": {
							"type": "uint32",
							"id": 6
						},
						"correct": {
							"type": "uint64",
							"id": 7
						},
						"phases": {
							"type": "PhaseCosts",
							"id": 8
						},
						"radioJoules": {
							"type": "double",
							"id": 9
						},
						"energySource": {
							"type": "string",
							"id": 10
						},
						"bytesSent": {
							"type": "uint64",
							"id": 11
						},
						"bytesReceived": {
							"type": "uint64",
							"id": 12
						},
						"peakMemoryBytes": {
							"type": "uint64",
							"id": 13
						},
						"transfer": {
							"type": "string",
							"id": 14
						},
						"parts": {
							"type": "string",
							"id": 15
						},
						"meteredSeconds": {
							"type": "double",
							"id": 16,
							"options": {
								"proto3_optional": true
							}
						},
						"modelledJoules": {
							"type": "double",
							"id": 17,
							"options": {
								"proto3_optional": true
							}
						},
						"meterNote": {
							"type": "string",
							"id": 18
						},
						"batteryJoules": {
							"type": "double",
							"id": 19,
							"options": {
								"proto3_optional": true
							}
						},
						"sendings": {
							"rule": "repeated",
							"type": "Sending",
							"id": 20
						}
					}
				},
				"Sending": {
					"fields": {
						"to": {
							"type": "string",
							"id": 1
						},
						"wireBytes": {
							"type": "uint64",
							"id": 2
						},
						"linkBytes": {
							"type": "uint64",
							"id": 3
						},
						"seconds": {
							"type": "double",
							"id": 4
						},
						"transfers": {
							"type": "uint32",
							"id": 5
						}
					}
				},
				"Held": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"steps": {
							"type": "uint32",
							"id": 3
						}
					}
				},
				"Submit": {
					"oneofs": {
						"_prediction": {
							"oneof": [
								"prediction"
							]
						}
					},
					"fields": {
						"job": {
							"type": "string",
							"id": 1
						},
						"plan": {
							"type": "string",
							"id": 2
						},
						"resume": {
							"type": "string",
							"id": 3
						},
						"modelDigest": {
							"type": "string",
							"id": 4
						},
						"prediction": {
							"type": "string",
							"id": 5,
							"options": {
								"proto3_optional": true
							}
						}
					}
				},
				"Accepted": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						}
					}
				},
				"Refused": {
					"fields": {
						"code": {
							"type": "string",
							"id": 1
						},
						"facts": {
							"type": "string",
							"id": 2
						}
					}
				},
				"ListDevices": {
					"fields": {}
				},
				"DeviceList": {
					"fields": {
						"devices": {
							"type": "string",
							"id": 1
						}
					}
				},
				"ListRuns": {
					"fields": {}
				},
				"RunList": {
					"fields": {
						"runs": {
							"type": "string",
							"id": 1
						}
					}
				},
				"Watch": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"fromSequence": {
							"type": "uint32",
							"id": 2
						}
					}
				},
				"RunEvent": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"sequence": {
							"type": "uint32",
							"id": 2
						},
						"event": {
							"type": "string",
							"id": 3
						}
					}
				},
				"Fetchable": {
					"values": {
						"ledger": 0,
						"model": 1,
						"events": 2,
						"predictions": 3,
						"prediction": 4
					}
				},
				"Fetch": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"what": {
							"type": "Fetchable",
							"id": 2
						}
					}
				},
				"FetchReply": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"what": {
							"type": "Fetchable",
							"id": 2
						},
						"content": {
							"type": "string",
							"id": 3
						},
						"transfer": {
							"type": "string",
							"id": 4
						}
					}
				},
				"Stop": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						}
					}
				},
				"Infer": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"job": {
							"type": "string",
							"id": 2
						},
						"plan": {
							"type": "string",
							"id": 3
						},
						"modelDigest": {
							"type": "string",
							"id": 4
						},
						"options": {
							"type": "string",
							"id": 5
						}
					}
				},
				"ModelPurpose": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"digest": {
							"type": "string",
							"id": 2
						}
					}
				},
				"WeightsPurpose": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"round": {
							"type": "uint32",
							"id": 2
						}
					}
				},
				"ContributionPurpose": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"round": {
							"type": "uint32",
							"id": 2
						},
						"attempt": {
							"type": "uint32",
							"id": 3
						},
						"weight": {
							"type": "double",
							"id": 4
						},
						"parameters": {
							"type": "uint64",
							"id": 5
						},
						"buffers": {
							"type": "uint64",
							"id": 6
						},
						"key": {
							"type": "string",
							"id": 7
						}
					}
				},
				"BoundaryPurpose": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"step": {
							"type": "uint32",
							"id": 3
						},
						"key": {
							"type": "string",
							"id": 4
						},
						"digest": {
							"type": "string",
							"id": 5
						}
					}
				},
				"StatePurpose": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"attempt": {
							"type": "uint32",
							"id": 2
						},
						"key": {
							"type": "string",
							"id": 3
						}
					}
				},
				"FilePurpose": {
					"fields": {
						"run": {
							"type": "string",
							"id": 1
						},
						"name": {
							"type": "string",
							"id": 2
						},
						"digest": {
							"type": "string",
							"id": 3
						}
					}
				},
				"Begin": {
					"oneofs": {
						"purpose": {
							"oneof": [
								"model",
								"weights",
								"contribution",
								"file",
								"boundary",
								"state"
							]
						}
					},
					"fields": {
						"transfer": {
							"type": "string",
							"id": 1
						},
						"bytes": {
							"type": "uint64",
							"id": 2
						},
						"chunkBytes": {
							"type": "uint32",
							"id": 3
						},
						"model": {
							"type": "ModelPurpose",
							"id": 10
						},
						"weights": {
							"type": "WeightsPurpose",
							"id": 11
						},
						"contribution": {
							"type": "ContributionPurpose",
							"id": 12
						},
						"file": {
							"type": "FilePurpose",
							"id": 13
						},
						"boundary": {
							"type": "BoundaryPurpose",
							"id": 14
						},
						"state": {
							"type": "StatePurpose",
							"id": 15
						},
						"crc": {
							"type": "fixed32",
							"id": 20
						},
						"data": {
							"type": "bytes",
							"id": 21
						}
					}
				},
				"Chunk": {
					"fields": {
						"transfer": {
							"type": "string",
							"id": 1
						},
						"sequence": {
							"type": "uint32",
							"id": 2
						},
						"crc": {
							"type": "fixed32",
							"id": 3
						},
						"ask": {
							"type": "bool",
							"id": 4
						},
						"data": {
							"type": "bytes",
							"id": 15
						}
					}
				},
				"ChunkAck": {
					"fields": {
						"transfer": {
							"type": "string",
							"id": 1
						},
						"cumulative": {
							"type": "uint32",
							"id": 2
						},
						"bitmap": {
							"type": "bytes",
							"id": 3
						},
						"chunkBytes": {
							"type": "uint32",
							"id": 4
						},
						"window": {
							"type": "uint32",
							"id": 5
						},
						"complete": {
							"type": "bool",
							"id": 6
						},
						"refused": {
							"type": "string",
							"id": 7
						},
						"unknown": {
							"type": "bool",
							"id": 8
						}
					}
				},
				"Cancel": {
					"fields": {
						"transfer": {
							"type": "string",
							"id": 1
						},
						"because": {
							"type": "string",
							"id": 2
						}
					}
				}
			}
		}
	}
};
