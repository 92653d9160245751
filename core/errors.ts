/**
 * The registry of errors: every error a user can meet has a code, one sentence, an exit status, and says whether trying
 * again may help. Codes are never reused; `docs/errors.md` lists the same table and a test keeps the two in step.
 * Exit statuses go by area: 1 unforeseen · 2 usage · 3 files · 10 configuration · 20 models · 30 data · 40 engines · 50 network ·
 * 60 planning · 70 runs · 80 devices · 130 interrupted.
 */
export interface ErrorEntry {
	/** What went wrong, as one sentence. */
	readonly sentence: string;
	/** The process's exit status when this error ends it, 1–125 or 130. */
	readonly exit: number;
	/** Whether the same call may succeed later without anything being changed. */
	readonly retryable: boolean;
}

const entry = (exit: number, sentence: string, retryable = false): ErrorEntry => ({sentence, exit, retryable});

export const errorTable = {
	INTERNAL: entry(1, 'Something happened that this program did not foresee.'),
	USAGE: entry(2, 'The command line is not understood.'),
	FILE_WRITE: entry(3, 'A file or folder cannot be written.', true),

	CONFIG_FILE: entry(10, 'A configuration file cannot be read.'),
	CONFIG_KEY: entry(11, 'A configuration key is unknown.'),
	CONFIG_VALUE: entry(12, 'A configuration value is not usable.'),

	MODEL_FILE: entry(20, 'A model file cannot be read as ONNX.'),
	MODEL_INVALID: entry(21, 'A model breaks the rules of ONNX graphs.'),
	MODEL_OP: entry(22, 'A model uses an operator that is not supported.'),
	MODEL_SHAPE: entry(23, 'The shapes or types in a model do not fit together.'),
	MODEL_GRADIENT: entry(24, 'A model has an operator without a gradient rule.'),
	MODEL_CUT: entry(25, 'A model cannot be cut there.'),
	MODEL_UNKNOWN: entry(26, 'There is no model of that name.'),

	DATA_FILE: entry(30, 'A data file cannot be read.'),
	DATA_FORMAT: entry(31, 'A data file is not in the expected format.'),
	DATA_SHAPE: entry(32, 'The data do not fit the model.'),
	DATA_UNKNOWN: entry(33, 'There is no dataset of that name.'),
	DATA_DOWNLOAD: entry(34, 'A dataset could not be downloaded.', true),

	ENGINE_UNAVAILABLE: entry(40, 'An engine does not work on this machine.'),
	ENGINE_FAILED: entry(41, 'An engine failed while executing a segment.'),
	TENSOR_INVALID: entry(42, 'A tensor is not what it claims to be.'),
	ENGINE_CALL: entry(43, 'A stage was asked for something that it cannot do, or cannot do now.'),

	BROKER_UNREACHABLE: entry(50, 'The MQTT broker does not answer.', true),
	PORT_TAKEN: entry(51, 'A network port is already in use.'),
	WIRE_INVALID: entry(52, 'A message cannot be understood.'),
	WIRE_TIMEOUT: entry(53, 'A peer did not answer in time.', true),
	WIRE_TOO_LARGE: entry(54, 'A message or tensor is larger than allowed.'),
	WIRE_CLOSED: entry(55, 'The connection was closed.', true),
	ID_TAKEN: entry(56, 'Another agent uses this device id.'),
	WIRE_VERSION: entry(57, 'A peer speaks another version of the protocol.'),
	BROKER_REFUSED: entry(58, 'The MQTT broker refuses what was asked of it.'),

	PLAN_INVALID: entry(60, 'A plan is not valid.'),
	PLAN_UNSUPPORTED: entry(61, 'A plan asks for something that this version does not execute.'),
	PLAN_INFEASIBLE: entry(62, 'No plan meets the constraints.'),

	JOB_INVALID: entry(70, 'A job description is not valid.'),
	RUN_UNKNOWN: entry(71, 'There is no run of that name.'),
	RUN_FAILED: entry(72, 'A run ended without a result.'),
	RUN_LOSS_NAN: entry(73, 'The loss is no longer a finite number.'),
	RUN_NO_DEVICES: entry(74, 'There are not enough devices for the run.', true),
	CHECKPOINT_CORRUPT: entry(75, 'A checkpoint is damaged.'),
	CHECKPOINT_WRITE: entry(76, 'A checkpoint could not be written.', true),
	RUN_STALLED: entry(77, 'A run made no progress before its deadline.', true),
	RUN_UNFINISHED: entry(78, 'A run has not made that, or not yet.', true),

	DEVICE_UNKNOWN: entry(80, 'There is no device or profile of that name.'),
	AGENT_FAILED: entry(81, 'An agent could not do its part.', true),
	AGENT_BUSY: entry(82, 'An agent is already taken by another run.', true),

	INTERRUPTED: entry(130, 'The program was interrupted.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

/** The facts of one error. The text is made of them, so that a program can read what a person reads. */
export interface ErrorFacts {
	/** Where it happened: a file, key, node, device, topic. */
	readonly where?: string;
	/** What exactly is wrong, in words, when expected/got do not say it. */
	readonly problem?: string;
	readonly expected?: string;
	readonly got?: string;
	/** What the reader can do about it, as a sentence. */
	readonly fix?: string;
}

/** «<sentence> <where>: <problem>; expected …, got …. <fix>» */
export function errorText(code: ErrorCode, {where, problem, expected, got, fix}: ErrorFacts): string {
	const difference =
		expected === undefined
			? got === undefined
				? undefined
				: `got ${got}`
			: got === undefined
				? `expected ${expected}`
				: `expected ${expected}, got ${got}`;
	const facts = [problem, difference].filter(part => part !== undefined).join('; ');
	const body = where === undefined ? facts : facts === '' ? `At ${where}` : `${where}: ${facts}`;
	const stop = (text: string) => (/[.!?]»?$/u.test(text) ? text : `${text}.`);
	return [errorTable[code].sentence, body && stop(body), fix && stop(fix)].filter(Boolean).join(' ');
}

export class FplError extends Error {
	override readonly name = 'FplError';
	readonly code: ErrorCode;
	readonly facts: ErrorFacts;

	constructor(code: ErrorCode, facts: ErrorFacts = {}, options?: {cause?: unknown}) {
		super(errorText(code, facts), options);
		this.code = code;
		this.facts = facts;
	}

	get exit(): number {
		return errorTable[this.code].exit;
	}

	get retryable(): boolean {
		return errorTable[this.code].retryable;
	}
}

export const isFplError = (error: unknown, code?: ErrorCode): error is FplError =>
	error instanceof FplError && (code === undefined || error.code === code);

/** Whatever was thrown, as an FplError; what is none becomes INTERNAL with the original as its cause. */
export const asFplError = (error: unknown): FplError =>
	error instanceof FplError
		? error
		: new FplError('INTERNAL', {problem: error instanceof Error ? error.message : String(error)}, {cause: error});
